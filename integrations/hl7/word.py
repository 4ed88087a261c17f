"""Words of our own that both the composing and the receiving side of an exam message know."""

from __future__ import annotations

VERSION = "2.5.1"
APPLICATION = "CLEARWAY"  # MSH-3, and the namespace of numbers that we give
LOCAL = "99CW"  # our code system in CWE-3, by the rule of table 0396 for local ones
PROFILE = ("CLEARWAY-EXAM-ORU-1", APPLICATION)  # MSH-21
EXAM = ("MHA-EXAM", "Migration health assessment", LOCAL)
REPORT_PDF = ("RPT-PDF", "Migration health assessment report", LOCAL)
STUDY_UID = ("STUDY-UID", "DICOM Study Instance UID", LOCAL)
DOCUMENT_DIGEST = ("DOC-SHA256", "SHA-256 of the signed FHIR document", LOCAL)
DOCUMENT_SIGNATURE = ("DOC-JWS", "Detached JWS over the signed FHIR document", LOCAL)

# FHIR code systems as HL7 table 0396 calls them; every other one is ours.
SYSTEMS = {
    "http://loinc.org": "LN",
    "http://snomed.info/sct": "SCT",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://unitsofmeasure.org": "UCUM",
    "http://hl7.org/fhir/sid/icd-10": "I10",
    "http://dicom.nema.org/resources/ontology/DCM": "DCM",
}
