"""One happening as a FHIR R4 AuditEvent: the one mapping, for what an authority is shown and for what is exported.

Codes: DICOM PS3.15 A.5 for the event, RESTful interactions for machines, v3 ActReason for the purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fhir.address import identifier_system
from fhir.code import coding, get_system
from fhir.element import Element, drop_empty, to_instant

REST: Element = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest",
                 "display": "RESTful Operation"}
PATIENT_RECORD, QUERY, EXPORT = coding("dicom.patient-record"), coding("dicom.query"), coding("dicom.export")
AUDIT_LOG, EMERGENCY = coding("dicom.audit-log-used"), coding("dicom.emergency-override")
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON = get_system("act-reason")
_SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
PURPOSES = {"TREAT": "treatment", "HOPERAT": "healthcare operations", "BTG": "break the glass"}


@dataclass(frozen=True)
class Happening:
    """What the mapping needs to know of one row."""

    id: str
    happened_at: datetime
    kind: Element
    action: str  # C, R, U, D, E
    agent: Element
    subtypes: tuple[Element, ...] = ()
    entities: tuple[Element, ...] = ()
    purpose: str | None = None
    site: Element | None = None


def build_event(row: Happening) -> Element:
    """The AuditEvent of a row; its outcome is success, since nothing else is written down."""
    moment = to_instant(row.happened_at)
    return drop_empty({
        "resourceType": "AuditEvent",
        "id": row.id,
        "meta": {"versionId": "1", "lastUpdated": moment},
        "type": row.kind,
        "subtype": list(row.subtypes),
        "action": row.action,
        "recorded": moment,
        "outcome": "0",
        "purposeOfEvent": [_say_purpose(row.purpose)] if row.purpose else [],
        "agent": [row.agent],
        "source": drop_empty({
            "observer": drop_empty({"identifier": row.site, "display": "Clearway"}),
            "type": [{"system": _SOURCE_TYPE, "code": "4", "display": "Application Server"}] if row.site else [],
        }),
        "entity": list(row.entities),
    })  # fmt: skip


def interaction(code: str) -> Element:
    """A RESTful interaction."""
    return {"system": _INTERACTION, "code": code}


def client_agent(client_id: str) -> Element:
    """A machine of an authority."""
    return {"who": {"identifier": {"system": identifier_system("client"), "value": client_id}}, "altId": client_id,
            "requestor": True}


def patient_entity(what: Element) -> Element:
    """Whose record it was."""
    return {"what": what, "role": {"system": _ROLE, "code": "1", "display": "Patient"}}


def domain_entity(what: Element, detail: list[Element] | None = None) -> Element:
    """What of the record it was, with what else is known."""
    return drop_empty({"what": what, "role": {"system": _ROLE, "code": "4", "display": "Domain Resource"},
                       "detail": detail})


def _say_purpose(code: str) -> Element:
    return {"coding": [{"system": _REASON, "code": code, "display": PURPOSES[code]}]}
