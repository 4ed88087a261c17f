"""For which programmes a physician may sign, from when to when; what has begun is ended, never taken away."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.models import Authorisation, User
from clinic.services.authority_of_staff import ensure_may_change


def authorise(user: User, programme: str, valid_from: date, valid_until: date | None, actor: User) -> Authorisation:
    """Let a physician sign for a programme. Raises InvalidInput for days that do not go, or overlap; NotAllowed."""
    ensure_may_change(user, actor)
    row = Authorisation(programme=programme, valid_from=valid_from, valid_until=valid_until)
    _ensure_days(row, user, "valid_until")
    user.authorisations.append(row)
    db.session.flush()
    _record("authorise", row, user)
    return row


def end_authorisation(user: User, authorisation_id: str, last_day: date, actor: User) -> Authorisation:
    """Say on which day an authorisation holds last, from today on. Raises InvalidInput, NotFound, NotAllowed."""
    ensure_may_change(user, actor)
    row = next((one for one in user.authorisations if one.id == authorisation_id), None)
    if row is None:
        raise NotFound(_("There is no such authorisation."), authorisation=authorisation_id)
    today = clock.today(user.site.time_zone)
    if row.valid_until is not None and row.valid_until < today:
        raise _refuse("last_day", _("This authorisation has ended. Give a new one."))
    if last_day < today:
        raise _refuse("last_day", _("What was signed until today stays signed: give today or a later day."))
    row.valid_until = last_day
    _ensure_days(row, user, "last_day")
    db.session.flush()
    _record("end-authorisation", row, user)
    return row


def _ensure_days(row: Authorisation, user: User, field: str) -> None:
    if row.valid_until is not None and row.valid_until < row.valid_from:
        raise _refuse(field, _("The end lies before the beginning."))
    for other in user.authorisations:
        if other is not row and other.programme == row.programme and (
                row.valid_until is None or other.valid_from <= row.valid_until) and (
                other.valid_until is None or other.valid_until >= row.valid_from):
            raise _refuse(field, _("There is an authorisation for these days already. End that one first."))


def _refuse(field: str, sentence: str) -> InvalidInput:
    return InvalidInput(_("Please correct what is marked."), fields={field: [sentence]})


def _record(action: str, row: Authorisation, user: User) -> None:
    record_change(action, "user", user.id, site_id=user.site_id, detail={
        "programme": row.programme, "from": str(row.valid_from), "until": str(row.valid_until)})
