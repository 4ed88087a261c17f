"""HL7 v2: our own composer, reader and frames; hl7apy lints what we compose (reference: ER7 of HL7 2.5.1)."""
