"""The one place that decides which cases somebody may open: the own site's, and, to read, one in an emergency."""

from __future__ import annotations

from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import ColumnElement, or_, select

from clinic import clock
from clinic.db import current_mode, db
from clinic.models import Case, EmergencyAccess, User
from clinic.permissions import Permission, permissions_of
from clinic.read_audit import note_case
from clinic.unit import SAFE

OPENS_CASE = "case"


def may_open(user: User) -> ColumnElement[bool]:
    """The condition on `Case` that every query for one case carries."""
    own = Case.site_id == user.site_id
    if not _is_reading() or not _may_open_any(user):
        return own
    return or_(own, Case.id.in_(select(EmergencyAccess.case_id).where(*_is_open(user))))


def note_opened(case: Case, user: User) -> None:
    """Remember for the audit which case this request is about, and whether an emergency opened it."""
    note_case(case)
    if case.site_id == user.site_id or not has_request_context():
        return
    row = find_open(case.id, user)
    if row is not None:
        g.emergency = row
        g.read_reason = {"purpose": "BTG", "emergency": row.id, "reason": row.reason.value}


def find_open(case_id: str, user: User) -> EmergencyAccess | None:
    """The user's opening of a case that is still in force; it ends with the role that allowed it, too."""
    return None if not _may_open_any(user) else db.session.execute(
        select(EmergencyAccess).where(EmergencyAccess.case_id == case_id, *_is_open(user))
        .order_by(EmergencyAccess.until_at.desc()).limit(1)
    ).unique().scalar_one_or_none()


def current_emergency() -> EmergencyAccess | None:
    """The opening by which this request sees its case; None when it is the user's own site's."""
    found: EmergencyAccess | None = g.get("emergency") if has_request_context() else None
    return found


def _may_open_any(user: User) -> bool:
    return Permission.OPEN_IN_EMERGENCY in permissions_of(user)


def _is_open(user: User) -> tuple[Any, ...]:
    row = EmergencyAccess
    return (row.user_id == user.id, row.opens == OPENS_CASE, row.until_at > clock.now(), row.ended_at.is_(None))


def _is_reading() -> bool:
    """An emergency opens a case to be read, never to be written: by what the request is, and by what its unit is."""
    return current_mode() == "read" and (not has_request_context() or request.method in SAFE)
