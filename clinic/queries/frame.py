"""What every page of the staff says beside its own: who is held at the site, how many tasks are due."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import select

from clinic.models import InfectionHold, User
from clinic.queries.task import count_due, list_role_names
from clinic.ready_query import ReadyQuery, ReadyTogether, given


class Frame(NamedTuple):
    """Asked for by one statement."""

    held: frozenset[str]  # applicants of the site; few at any time
    due: int  # the user's own tasks of today and late ones, as many as are counted


_HELD = ReadyQuery(select(InfectionHold.applicant_id).where(
    InfectionHold.site_id == given("site_id"), InfectionHold.ended_at.is_(None)).distinct())


def find_frame(user: User, today: date) -> Frame:
    """What stands now; `today` at the user's site."""
    held, due = _together(list_role_names(user)).list_rows(site_id=user.site_id, user_id=user.id, today=today)
    return Frame(frozenset(row[0] for row in held), int(due[0][0]))


@lru_cache(maxsize=256)
def _together(roles: tuple[str, ...]) -> ReadyTogether:
    return ReadyTogether(_HELD, count_due(roles))
