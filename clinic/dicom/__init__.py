"""Reading chest films: header, pixels, and what the viewer gets; pure, without Flask or database.

Films come from strangers, so `process` has all of this done in a child with limits (hl7-dicom.md 5.2 and 5.3).
"""
