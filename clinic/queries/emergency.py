"""Openings in an emergency, as the two sites that they concern may see them."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, or_, select

from clinic import clock
from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Case, EmergencyAccess, User

PAGE_SIZE = 50
SHOWN_FOR = timedelta(days=90)  # so long the case's own page tells of it


def list_openings(user: User, after: str | None = None) -> list[EmergencyAccess]:
    """One page and one more: openings of the site's cases, and by its staff, the newest first."""
    query = select(EmergencyAccess).where(_concerns(user)).order_by(EmergencyAccess.id.desc()).limit(PAGE_SIZE + 1)
    if after:
        query = query.where(EmergencyAccess.id < after)
    return list(db.session.execute(query).unique().scalars())


def get_opening(opening_id: str, user: User) -> EmergencyAccess:
    """One of them. Raises NotFound."""
    found = db.session.execute(
        select(EmergencyAccess).where(EmergencyAccess.id == opening_id, _concerns(user))
    ).unique().scalar_one_or_none()
    if found is None:
        raise NotFound(_("There is no such opening at your site."), emergency=opening_id)
    return found


def count_unreviewed(user: User) -> int:
    """How many wait for a review."""
    return int(db.session.execute(select(func.count()).select_from(EmergencyAccess).where(
        _concerns(user), EmergencyAccess.reviewed_at.is_(None))).scalar_one())


def list_openings_of(case: Case) -> list[EmergencyAccess]:
    """The openings of a case that its own page still tells of."""
    return list(db.session.execute(
        select(EmergencyAccess).where(
            EmergencyAccess.case_id == case.id, EmergencyAccess.opened_at > clock.now() - SHOWN_FOR
        ).order_by(EmergencyAccess.id.desc()).limit(PAGE_SIZE)
    ).unique().scalars())


def list_mine(user: User) -> list[EmergencyAccess]:
    """What the user has open now."""
    return list(db.session.execute(
        select(EmergencyAccess).where(
            EmergencyAccess.user_id == user.id, EmergencyAccess.until_at > clock.now(),
            EmergencyAccess.ended_at.is_(None),
        ).order_by(EmergencyAccess.until_at)
    ).unique().scalars())


def _concerns(user: User) -> ColumnElement[bool]:
    return or_(EmergencyAccess.site_id == user.site_id, EmergencyAccess.user_site_id == user.site_id)
