"""Breaking the glass: find one case by its exact number or its person, say why, read it for an hour, be reviewed."""

from __future__ import annotations

from datetime import date, timedelta

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import func, select

from clinic import clock
from clinic.audit import audit_engine, audit_read, record_change, record_read
from clinic.config import get_settings
from clinic.db import db
from clinic.errors import AlreadyDone, NotFound, NotNow
from clinic.identifier import IdentifierKind, classify_identifier, to_key
from clinic.models import Applicant, Case, EmergencyAccess, EmergencyReason, IdentityDocument, Site, User
from clinic.scope import OPENS_CASE, find_open
from clinic.workflow import RECORDING

MISSED = "emergency-missed"
MISSES_ALLOWED = 5  # in an hour: whoever needs a case has its number in front of them
MISSES_WITHIN = timedelta(hours=1)


def find_case(number: str, birth_date: date | None, actor: User) -> Case:
    """One case of another site: by its own exact number, or by an exact document number with the birth date.

    Raises NotFound, which is the same sentence whether nothing is there or something else does not fit, and NotNow
    after too many misses. A person's newest open case is taken, else the newest.
    """
    _ensure_not_guessing(actor)
    found = _find_by_case_number(number) or (_find_by_document(number, birth_date) if birth_date else None)
    if found is None:
        record_read("user", actor.id, MISSED, "case", "", site_id=actor.site_id)
        raise NotFound(_("No case was found. Write the whole case number, or the whole passport number together with "
                         "the birth date."))
    if found.site_id == actor.site_id:
        raise NotNow(_("That case is your own site's: open it by the search."), case=found.id)
    return found


def open_in_emergency(case: Case, reason: EmergencyReason, words: str, actor: User) -> EmergencyAccess:
    """Open one case to `actor`, to be read for the time of the setting. Raises AlreadyDone while it is open."""
    if find_open(case.id, actor) is not None:
        raise AlreadyDone(_("You have opened this case already."), case=case.id)
    now = clock.now()
    row = EmergencyAccess(
        opens=OPENS_CASE, case_id=case.id, site_id=case.site_id, user_id=actor.id, user_site_id=actor.site_id,
        reason=reason, words=words, opened_at=now,
        until_at=now + timedelta(minutes=get_settings(current_app).emergency_minutes),
    )
    db.session.add(row)
    db.session.flush()
    record_change("emergency-open", "emergency-access", row.id, case_id=case.id, site_id=case.site_id,
                  actor_id=actor.id, actor_kind="user", detail={"reason": reason.value, "purpose": "BTG"})
    return row


def end_emergency(row: EmergencyAccess, actor: User) -> None:
    """Give it back before its time."""
    if row.ended_at is None and row.until_at > clock.now():
        row.ended_at = clock.now()
        record_change("emergency-end", "emergency-access", row.id, case_id=row.case_id, site_id=row.site_id,
                      actor_id=actor.id, actor_kind="user")


def review_emergency(row: EmergencyAccess, remark: str, actor: User) -> None:
    """Close the review with a remark. Raises AlreadyDone; NotNow to whoever opened it."""
    if row.reviewed_at is not None:
        raise AlreadyDone(_("Somebody reviewed this before you."), emergency=row.id)
    if row.user_id == actor.id:
        raise NotNow(_("You opened it yourself: somebody else reviews it."), emergency=row.id)
    row.reviewed_at, row.reviewed_by_id, row.remark = clock.now(), actor.id, remark
    record_change("emergency-review", "emergency-access", row.id, case_id=row.case_id, site_id=row.site_id,
                  actor_id=actor.id, actor_kind="user")


def _find_by_case_number(number: str) -> Case | None:
    numbers = [c.value for c in classify_identifier(number) if c.kind is IdentifierKind.CASE_NUMBER]
    everywhere = Case.site_id.in_(select(Site.id))  # the index of numbers begins with the site
    return db.session.execute(select(Case).where(everywhere, Case.number.in_(numbers))).unique().scalars().first()


def _find_by_document(number: str, birth_date: date) -> Case | None:
    key = to_key(number)
    if not key:
        return None
    cases = list(db.session.execute(
        select(Case).join(Applicant, Applicant.id == Case.applicant_id)
        .join(IdentityDocument, IdentityDocument.applicant_id == Applicant.id)
        .where(IdentityDocument.number_key == key, Applicant.birth_date == birth_date.isoformat())
        .order_by(Case.id.desc())
    ).unique().scalars())
    return next((case for case in cases if case.state in RECORDING), cases[0] if cases else None)


def _ensure_not_guessing(actor: User) -> None:
    rows = audit_read.c
    with audit_engine().connect() as connection:
        misses = connection.execute(select(func.count()).select_from(audit_read).where(
            rows.happened_at > clock.now() - MISSES_WITHIN, rows.actor_id == actor.id, rows.action == MISSED
        )).scalar_one()
    if misses >= MISSES_ALLOWED:
        raise NotNow(_("Too many numbers were tried. Call the case's own site, or try again in an hour."),
                     user=actor.id)
