"""Guardians and emergency contacts: who they are, whether a minor has one, and why not; nothing is overwritten."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.consent_text import get_guardian_rule
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Applicant, GuardianAbsence, RelatedPerson, User
from clinic.partial_date import age_on, parse_partial_date


def list_related(applicant: Applicant) -> list[RelatedPerson]:
    """Everybody ever recorded around the applicant, those of today first."""
    rows = db.session.execute(
        select(RelatedPerson).where(RelatedPerson.applicant_id == applicant.id).order_by(RelatedPerson.id)
    ).unique().scalars().all()
    return sorted(rows, key=lambda row: row.ended_at is not None)


def list_guardians(applicant: Applicant) -> list[RelatedPerson]:
    """The guardians of today, in the order they were recorded."""
    return [row for row in list_related(applicant) if row.is_guardian and row.ended_at is None]


def get_related(applicant: Applicant, related_id: str) -> RelatedPerson:
    """One of them. Raises NotFound."""
    row = db.session.get(RelatedPerson, related_id)
    if row is None or row.applicant_id != applicant.id:
        raise NotFound(_("There is no such person around this applicant. Look at the page again."),
                       applicant=applicant.id)
    return row


def is_child(applicant: Applicant) -> bool:
    """Whether a guardian must be recorded, by the age today at the site as the rules count it."""
    today = clock.today(applicant.site.time_zone)
    born = parse_partial_date(applicant.birth_date)
    return age_on(born, today).years < get_guardian_rule(today).below


def lacks_guardian(applicant: Applicant) -> bool:
    """Whether a guardian is needed and neither one nor a reason is recorded."""
    return is_child(applicant) and not list_guardians(applicant) and find_absence(applicant) is None


def find_absence(applicant: Applicant) -> GuardianAbsence | None:
    """Why the applicant has no guardian, when that is recorded."""
    return db.session.execute(select(GuardianAbsence).where(
        GuardianAbsence.applicant_id == applicant.id, GuardianAbsence.ended_at.is_(None))).scalar_one_or_none()


def add_related(applicant: Applicant, data: dict[str, Any], actor: User) -> RelatedPerson:
    """Write down a person (as NewRelatedPerson gives it); a guardian ends the reason why there was none.

    Raises InvalidInput when the person registered here cannot take the role.
    """
    registered = _find_registered(applicant, data)
    row = RelatedPerson(
        applicant_id=applicant.id, recorded_at=clock.now(), recorded_by_id=actor.id, **_describe(data, registered),
    )
    row.applicant = applicant
    db.session.add(row)
    absence = find_absence(applicant) if row.is_guardian else None
    if absence is not None:
        absence.ended_at = clock.now()
    db.session.flush()
    _audit(applicant, "add-related-person", row.id, actor)
    return row


def replace_related(
    applicant: Applicant, old: RelatedPerson, data: dict[str, Any], actor: User
) -> RelatedPerson:
    """Write the person anew as `data` says and end the former row; an unchanged one stays."""
    wanted = _describe(data, _find_registered(applicant, data))
    if old.ended_at is None and all(getattr(old, name) == value for name, value in wanted.items()):
        return old
    end_related(applicant, old, _("Replaced"), actor)
    return add_related(applicant, data, actor)


def end_related(applicant: Applicant, row: RelatedPerson, reason: str, actor: User) -> None:
    """The person has the role no more. Raises NotNow when somebody ended it meanwhile."""
    if row.ended_at is not None:
        raise NotNow(_("Somebody else changed this just now. Look again."), related=row.id)
    row.ended_at, row.ended_by_id, row.end_reason = clock.now(), actor.id, reason
    db.session.flush()
    _audit(applicant, "end-related-person", row.id, actor)


def record_absence(applicant: Applicant, reason: str, actor: User) -> GuardianAbsence:
    """Write down why a minor has no guardian. Raises NotNow when there is one."""
    if list_guardians(applicant):
        raise NotNow(_("A guardian is recorded. End that first, with the reason."), applicant=applicant.id)
    known = find_absence(applicant)
    if known is not None:
        known.ended_at = clock.now()
        db.session.flush()
    row = GuardianAbsence(applicant_id=applicant.id, reason=reason, recorded_at=clock.now(), recorded_by_id=actor.id)
    db.session.add(row)
    db.session.flush()
    _audit(applicant, "no-guardian", row.id, actor)
    return row


def _find_registered(applicant: Applicant, data: dict[str, Any]) -> Applicant | None:
    if not data["registered_id"]:
        return None
    found = db.session.get(Applicant, data["registered_id"])
    if found is None or found.site_id != applicant.site_id:
        raise InvalidInput(_("Please correct what is marked."), fields={
            "registered_id": [_("There is no such person at your site. Search again.")]}, applicant=applicant.id)
    fault = None
    if found.id == applicant.id:
        fault = _("Nobody is their own guardian or emergency contact.")
    elif data["is_guardian"] and is_child(found):
        fault = _("This person is a minor too and cannot be a guardian.")
    elif data["is_guardian"] and not found.documents and not data["document_number"]:
        fault = _("No document of this person is recorded: add it, or write the one that was seen.")
    if fault:
        raise InvalidInput(_("Please correct what is marked."), fields={"registered_id": [fault]},
                           applicant=applicant.id)
    return found


def _describe(data: dict[str, Any], registered: Applicant | None) -> dict[str, Any]:
    """The row's columns; of somebody registered, name, telephone and newest document as they stand now."""
    values = {name: data[name] for name in (
        "registered_id", "name", "organisation", "relation", "is_guardian", "is_emergency", "phone", "document_kind",
        "document_number")}
    if registered is not None:
        values["name"] = ", ".join(part for part in (registered.family_name.upper(), registered.given_names) if part)
        values["phone"] = data["phone"] or registered.phone
        if registered.documents and not data["document_number"]:
            newest = registered.documents[-1]
            values |= {"document_kind": newest.kind, "document_number": newest.number}
    if values["is_emergency"] and not values["phone"]:
        raise InvalidInput(_("Please correct what is marked."), fields={
            "phone": [_("Write the phone number under which the emergency contact is reached.")]})
    return values


def _audit(applicant: Applicant, action: str, row_id: str, actor: User) -> None:
    record_change(action, "applicant", applicant.id, site_id=applicant.site_id, actor_id=actor.id,
                  detail={"row": row_id})
