"""How a person is reached: added, replaced by something newer, ended; nothing of it is overwritten."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, NotFound, NotNow
from clinic.models import Applicant, ContactKind, ContactPoint, User


def add_contact(applicant: Applicant, data: dict[str, Any], actor: User) -> ContactPoint:
    """Add a contact (as NewContact gives it); a new address takes the place of the former one: one stays in one place.

    Raises AlreadyDone when the same stands there already.
    """
    kind: ContactKind = data["kind"]
    present = applicant.list_contacts(kind)
    if any(one.value == data["value"] for one in present):
        raise AlreadyDone(_("This is recorded already; nothing was changed."), applicant=applicant.id)
    if kind is ContactKind.ADDRESS and present:
        return replace_contact(applicant, present[0], data, actor)
    position = max((one.position for one in applicant.contacts if one.kind is kind), default=0) + 1
    return _write(applicant, data, position, actor, "add-contact")


def replace_contact(applicant: Applicant, old: ContactPoint, data: dict[str, Any], actor: User) -> ContactPoint:
    """End `old` and put what `data` says in its place. Raises NotNow when somebody ended it meanwhile."""
    if (old.value, old.note) == (data["value"], data["note"]):
        return old
    _end(old, actor)
    return _write(applicant, data, old.position, actor, "replace-contact")


def end_contact(applicant: Applicant, old: ContactPoint, actor: User) -> None:
    """The person is not reached so any more. Raises NotNow when somebody ended it meanwhile."""
    _end(old, actor)
    _audit(applicant, old, actor, "end-contact")
    db.session.flush()


def get_contact(applicant: Applicant, contact_id: str) -> ContactPoint:
    """One of the person's contacts. Raises NotFound."""
    for one in applicant.contacts:
        if one.id == contact_id:
            return one
    raise NotFound(_("There is no such contact of this person. Look at the page again."), applicant=applicant.id)


def _end(old: ContactPoint, actor: User) -> None:
    if old.ended_at is not None:
        raise NotNow(_("Somebody else changed this contact just now. Look again."), contact=old.id)
    old.ended_at, old.ended_by_id = clock.now(), actor.id


def _write(applicant: Applicant, data: dict[str, Any], position: int, actor: User, action: str) -> ContactPoint:
    row = ContactPoint(
        applicant_id=applicant.id, kind=data["kind"], position=position, value=data["value"], note=data.get("note"),
        recorded_at=clock.now(), recorded_by_id=actor.id,
    )
    applicant.contacts.append(row)
    db.session.flush()
    _audit(applicant, row, actor, action)
    db.session.flush()
    return row


def _audit(applicant: Applicant, row: ContactPoint, actor: User, action: str) -> None:
    record_change(action, "applicant", applicant.id, site_id=applicant.site_id, actor_id=actor.id,
                  detail={"contact": row.id, "kind": row.kind.value})
