"""People and their documents: registered once, corrected with a trace, found again before they are doubled."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import CaseChanged
from clinic.identifier import build_applicant_number, to_key
from clinic.models import Applicant, ContactKind, IdentityDocument, User
from clinic.name import fold_name
from clinic.services.contact import add_contact
from clinic.services.double import LikelyDouble, write_keys
from clinic.services.merge import ensure_not_merged, tell_apart

PERSON_FIELDS = (
    "family_name", "given_names", "native_family_name", "native_given_names", "native_language", "birth_date", "sex",
    "citizenship", "residence", "language", "interpreter_language",
)  # fmt: skip
CONTACT_FIELDS = ("phone", "email", "address")


def register_applicant(
    data: dict[str, Any], actor: User, doubles: list[LikelyDouble] | None = None, double_reason: str = ""
) -> Applicant:
    """Write down a new person at `actor`'s site; `data` as NewApplicant gives it.

    `doubles` are the people this one was held against and found to be another, `double_reason` why; both stay in
    the audit rows, and whoever thinks of merging them later reads it.
    """
    site = actor.site
    applicant = Applicant(
        site_id=site.id, number=build_applicant_number(site.code, next_number(site.id, "applicant")),
        registered_at=clock.now(), registered_by_id=actor.id, search_name="",
        **{name: data.get(name) for name in PERSON_FIELDS},
    )
    applicant.site = site
    applicant.search_name = build_search_name(data)
    db.session.add(applicant)
    db.session.flush()
    if data.get("document"):
        add_document(applicant, data["document"], actor)
    for name in CONTACT_FIELDS:
        if data.get(name):
            add_contact(applicant, {"kind": ContactKind(name), "value": data[name]}, actor)
    write_keys(applicant)
    detail: dict[str, Any] = {}
    if doubles:
        detail = {"not_the_same_as": [double.applicant.id for double in doubles], "because": double_reason}
        for double in doubles:
            tell_apart(applicant, double.applicant, double_reason, actor)
    record_change("register", "applicant", applicant.id, site_id=site.id, detail=detail, actor_id=actor.id)
    db.session.flush()
    return applicant


def update_applicant(applicant: Applicant, data: dict[str, Any], version: int, actor: User) -> list[str]:
    """Correct a person; `version` is what the clerk looked at. Returns the names of the changed fields.

    Raises CaseChanged when somebody saved in between.
    """
    ensure_not_merged(applicant)
    if applicant.version != version:
        raise CaseChanged(
            _("Somebody else changed this person just now. Nothing of yours was saved: compare, then save again."),
            applicant=applicant.id,
        )
    changed = [name for name in PERSON_FIELDS if name in data and getattr(applicant, name) != data[name]]
    for name in changed:
        setattr(applicant, name, data[name])
    if changed:
        applicant.search_name = build_search_name(data)
        db.session.flush()
        write_keys(applicant)
        record_change("change", "applicant", applicant.id, site_id=applicant.site_id, detail={"fields": changed},
                      actor_id=actor.id)
        _refresh_cases(applicant, actor)
    db.session.flush()
    return changed


def add_document(applicant: Applicant, data: dict[str, Any], actor: User) -> IdentityDocument:
    """Add a document, as NewDocument gives it; the same number of the same country is not written twice.

    Raises RecordMerged when the record was merged into another one.
    """
    ensure_not_merged(applicant)
    key = to_key(data["number"])
    for document in applicant.documents:
        if (document.number_key, document.issuing_country) == (key, data["issuing_country"]):
            return document
    document = IdentityDocument(
        applicant_id=applicant.id, kind=data["kind"], number=data["number"], number_key=key,
        issuing_country=data["issuing_country"], expires_on=data.get("expires_on"), mrz=data.get("mrz"),
        mrz_mismatches=data.get("mrz_mismatches"), recorded_at=clock.now(),
    )
    applicant.documents.append(document)
    db.session.flush()
    write_keys(applicant)
    record_change("add-document", "applicant", applicant.id, site_id=applicant.site_id,
                  detail={"document": document.id, "kind": document.kind.value}, actor_id=actor.id)
    db.session.flush()
    return document


def build_search_name(data: dict[str, Any]) -> str:
    """The folded names of both scripts, for look-up only."""
    names = (data["family_name"], data.get("given_names"), data.get("native_family_name"),
             data.get("native_given_names"))
    return fold_name(" ".join(name for name in names if name))[:300]


def _refresh_cases(applicant: Applicant, actor: User) -> None:
    """A birth date or residence decides what is required: judge the open cases again."""
    from clinic.queries.case import list_recording_cases
    from clinic.services.assessment import refresh
    from clinic.services.circumstance import write_answers

    for case in list_recording_cases(applicant.id):
        case.updated_at = clock.now()
        write_answers(case, {}, actor)
        refresh(case)
