"""Rows of the audit, of reads and of changes, as AuditEvents for those who review them outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.models import Case, Site, User
from clinic.permissions import ROLES
from clinic.queries.audit_trail import AuditEntry
from fhir.address import canonical, identifier_system
from fhir.audit_record import (
    AUDIT_LOG,
    EMERGENCY,
    EXPORT,
    PATIENT_RECORD,
    QUERY,
    REST,
    Happening,
    build_event,
    client_agent,
    domain_entity,
    interaction,
    patient_entity,
)
from fhir.element import Element, drop_empty, to_instant
from fhir.encoder import encode

# Our word for what a person did to a record: what kind of event that is, and its action (C, R, U, D, E).
_KINDS: dict[str, tuple[Element, str]] = {
    "list": (QUERY, "E"), "search": (QUERY, "E"), "doubles": (QUERY, "E"), "emergency-missed": (QUERY, "E"),
    "print": (EXPORT, "R"), "document": (EXPORT, "R"), "see-audit": (AUDIT_LOG, "R"),
    "export-audit": (AUDIT_LOG, "R"), "emergency-open": (EMERGENCY, "E"),
}
_CREATES = ("register", "open", "add-", "enter", "record", "take", "upload", "found-", "dose", "sign", "photo")
_ENDS = ("withdraw", "revoke", "remove", "end", "leave")
# Screens by which the house is run, not by which anybody is examined.
_OPERATIONS = ("audit", "authority_access", "delivery", "message", "emergency", "merge", "destination")


@dataclass(frozen=True)
class _Known:
    """Who and what the ids of a batch of rows are."""

    people: dict[str, tuple[str, list[str]]]
    applicants: dict[str, str]  # by case
    sites: dict[str, str]


def build_bundle(rows: Sequence[AuditEntry]) -> bytes:
    """One Bundle of type collection."""
    entries = [{"fullUrl": f"urn:uuid:{event['id']}", "resource": event} for event in to_events(rows)]
    return encode(drop_empty({"resourceType": "Bundle", "type": "collection", "timestamp": to_instant(clock.now()),
                              "entry": entries}))


def to_events(rows: Sequence[AuditEntry]) -> Iterator[Element]:
    """The AuditEvent of each row, with names of staff as they stand now; a person examined is named by id alone."""
    known = _look_up(rows)
    return (build_event(_to_happening(row, known)) for row in rows)


def _to_happening(row: AuditEntry, known: _Known) -> Happening:
    is_client = row.actor_kind == "client"
    kind, action = (REST, "R") if is_client else _classify(row)
    # A code of ours when a person did it; what a machine did is said as a RESTful interaction (fhir/audit_event.py).
    subtype = interaction("search-type" if row.action in ("search", "count") else "read") if is_client else {
        "system": canonical("CodeSystem/audit-action"), "code": row.action}
    return Happening(
        id=row.id, happened_at=row.happened_at, kind=kind, subtypes=(subtype,), action=action,
        agent=client_agent(row.actor_id) if is_client else _to_agent(row, known),
        entities=tuple(_list_entities(row, known)), purpose=None if is_client else _find_purpose(row),
        site=_identify("site", known.sites[row.site_id]) if row.site_id in known.sites else None,
    )


def _classify(row: AuditEntry) -> tuple[Element, str]:
    if row.action in _KINDS:
        return _KINDS[row.action]
    if row.stream == "read":
        return PATIENT_RECORD, "R"
    if row.action.startswith(_CREATES):
        return PATIENT_RECORD, "C"
    return PATIENT_RECORD, "D" if row.action.startswith(_ENDS) else "U"


def _find_purpose(row: AuditEntry) -> str | None:
    if row.detail.get("purpose") == "BTG":
        return "BTG"
    if row.actor_kind != "user":
        return None
    return "HOPERAT" if str(row.detail.get("screen", "")).startswith(_OPERATIONS) else "TREAT"


def _to_agent(row: AuditEntry, known: _Known) -> Element:
    name, roles = known.people.get(row.actor_id, (None, []))
    return drop_empty({
        "role": [{"coding": [{"system": canonical("CodeSystem/staff-role"), "code": role}],
                  "text": str(ROLES[role][0]) if role in ROLES else role} for role in roles],
        "who": drop_empty({"identifier": _identify("staff", row.actor_id or row.actor_kind), "display": name}),
        "altId": row.actor_id or row.actor_kind, "name": name, "requestor": row.actor_kind != "system",
    })


def _list_entities(row: AuditEntry, known: _Known) -> Iterator[Element]:
    applicant = known.applicants.get(row.case_id or "")
    if applicant is None and row.subject_kind == "applicant" and row.subject_id:
        applicant = row.subject_id
    if applicant is not None:
        yield patient_entity({"reference": f"Patient/{applicant}"})
    if row.case_id:
        yield domain_entity({"reference": f"EpisodeOfCare/{row.case_id}"})
    shown = row.detail.get("shown")
    detail = [{"type": name, "valueString": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
              for name, value in row.detail.items() if name != "shown" and value not in ("", None, [], {})]
    subject = row.subject_id or row.subject_kind
    yield domain_entity({"identifier": _identify(row.subject_kind, subject)}, detail)
    for case_id in shown if isinstance(shown, list) else []:
        yield domain_entity({"identifier": _identify("shown", str(case_id))})


def _identify(name: str, value: str) -> Element:
    return {"system": identifier_system(name), "value": value}


def _look_up(rows: Iterable[AuditEntry]) -> _Known:
    rows = list(rows)
    session = db.session
    people = session.execute(select(User).where(User.id.in_({row.actor_id for row in rows if row.actor_id}))).scalars()
    cases = session.execute(select(Case.id, Case.applicant_id).where(Case.id.in_(
        {row.case_id for row in rows if row.case_id})))
    sites = session.execute(select(Site.id, Site.code))
    return _Known({user.id: (user.name or user.email, [role.name for role in user.roles]) for user in people.unique()},
                  {row.id: row.applicant_id for row in cases}, {row.id: row.code for row in sites})
