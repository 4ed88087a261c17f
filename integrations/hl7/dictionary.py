"""What segments, fields and components of HL7 v2.5.1 are called, from hl7apy's dictionary (its names, as words)."""

from __future__ import annotations

from functools import cache
from typing import Any

from hl7apy.v2_5_1 import DATATYPES, SEGMENTS

# hl7apy names fields and data types, not segments: 2.5.1, chapter headings.
SEGMENT_NAMES = {
    "MSH": "Message header", "SFT": "Software", "MSA": "Message acknowledgement", "ERR": "Error",
    "PID": "Patient identification", "PD1": "Additional demographics", "NK1": "Next of kin", "PV1": "Visit",
    "PV2": "Visit, additional", "ORC": "Common order", "OBR": "Observation request", "OBX": "Observation",
    "NTE": "Note", "SPM": "Specimen", "TXA": "Document", "EVN": "Event", "AL1": "Allergy", "DG1": "Diagnosis",
    "RXA": "Vaccine given", "RXR": "Route of the vaccine", "TQ1": "Timing", "CTI": "Clinical trial",
}
SHORT = {"id": "ID", "dob": "DOB", "obr": "OBR", "obx": "OBX", "pid": "PID", "hl7": "HL7", "ssn": "SSN"}


def name_segment(code: str) -> str:
    """What a segment is called; a local or unknown one keeps its code."""
    return SEGMENT_NAMES.get(code, code)


@cache
def name_field(code: str, position: int) -> str:
    """What a field is called, as "Patient name"; empty when the standard knows none there."""
    reference = _find_field(code, position)
    return _say(reference[3]) if reference else ""


@cache
def name_component(code: str, position: int, component: int, kind: str = "") -> str:
    """What a component of a field is called; `kind` is the data type where the message itself names it (OBX-2)."""
    if not kind:
        reference = _find_field(code, position)
        kind = str(reference[2]) if reference else ""
    found = DATATYPES.get(f"{kind}_{component}")
    return _say(found[3]) if found else ""


def _find_field(code: str, position: int) -> Any:
    segment = SEGMENTS.get(code)
    if segment is None:
        return None
    return next((one[1] for one in segment[1] if one[0] == f"{code}_{position}"), None)


def _say(name: str) -> str:
    words = [SHORT.get(word, word) for word in name.lower().split("_") if word]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]) if words else ""
