"""Who is at the user's site today, with everything needed to say where they are and what for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.engine import Row

from clinic import clock
from clinic.db import db
from clinic.models import Case, Consent, ConsentState, IdentityCheck, Photo, User, Visit
from clinic.queries.standing import Mark, Standing, load_standings
from clinic.queries.worklist import Filter, View, build_count, build_open_count, count_cases, select_rows
from clinic.ready_query import ReadyQuery, ReadyTogether, given
from clinic.waiting_room import Presence

MOST = 400  # people in one clinic at one time; more than that is said, not shown

Here = tuple[Row[Any], Standing, Presence]


def list_here(user: User) -> tuple[list[Here], bool]:
    """Everybody who has arrived today and not gone, by their number, and whether there are more than are listed."""
    rows = list(db.session.execute(
        select_rows().add_columns(Visit.number.label("visit_number"), Visit.arrived_at)
        .join(Visit, Visit.case_id == Case.id).where(*_is_here(user)).order_by(Visit.number).limit(MOST + 1)
    ))
    is_cut, rows = len(rows) > MOST, rows[:MOST]
    presences = {row.id: Presence(row.visit_number, row.arrived_at) for row in rows}
    if presences:
        _load_presences(presences, _today(user))
    standings = load_standings(presences)
    return [(row, standings[row.id], presences[row.id]) for row in rows], is_cut


def count_here(user: User) -> int:
    """How many have arrived today and not gone."""
    return int(_COUNT.find_value(site_id=user.site_id, today=_today(user)))


class ListCounts(NamedTuple):
    """What stands beside the names of the three lists: one's own work, who is here, every open case."""

    mine: int
    today: int
    all: int


def count_lists(user: User, kinds: Iterable[View], today_from: datetime) -> ListCounts:
    """The counts of count_mine, count_here and count_cases by one statement."""
    asked = tuple(kinds)
    if not asked:
        return ListCounts(0, count_here(user), count_cases(user, Filter()))
    found = _together(build_count(user, asked)).list_rows(
        site_id=user.site_id, user_id=user.id, today_from=today_from, today=_today(user))
    return ListCounts(*(int(rows[0][0]) for rows in found))


@lru_cache(maxsize=256)
def _together(mine: ReadyQuery) -> ReadyTogether:
    return ReadyTogether(mine, _COUNT, build_open_count())


def map_numbers(user: User, case_ids: Iterable[str]) -> dict[str, int]:
    """The number of today's visit by case, of those who are here."""
    query = select(Visit.case_id, Visit.number).where(*_is_here(user), Visit.case_id.in_(list(case_ids)))
    return {row.case_id: row.number for row in db.session.execute(query)}


def _is_here(user: User) -> list[Any]:
    return _is_at(user.site_id, _today(user))


def _is_at(site_id: Any, today: Any) -> list[Any]:
    return [Visit.site_id == site_id, Visit.visited_on == today, Visit.left_at.is_(None)]


_COUNT = ReadyQuery(select(func.count()).select_from(Visit).where(
    *_is_at(given("site_id"), given("today", Visit.visited_on.type))))


def _today(user: User) -> date:
    return clock.today(user.site.time_zone)


def _load_presences(found: dict[str, Presence], today: date) -> None:
    """Photo, consent, and who last had the person in front of them."""
    for case_id in db.session.execute(
        select(Photo.case_id).where(Photo.case_id.in_(found), Photo.replaced_at.is_(None))
    ).scalars():
        found[case_id].has_photo = True
    for consent in db.session.execute(
        select(Consent.case_id, Consent.state).where(Consent.case_id.in_(found)).order_by(Consent.id)
    ):
        if consent.state is not ConsentState.REPLACED:
            found[consent.case_id].consent = consent.state
    for row in db.session.execute(
        select(IdentityCheck.case_id, IdentityCheck.station, IdentityCheck.is_confirmed, IdentityCheck.checked_at,
               IdentityCheck.checked_by_id, User.name)
        .join(User, User.id == IdentityCheck.checked_by_id)
        .where(IdentityCheck.case_id.in_(found), IdentityCheck.checked_on == today).order_by(IdentityCheck.id)
    ):
        seen = Mark(row.name, row.checked_at, row.checked_by_id, row.station)
        found[row.case_id].seen = seen if row.is_confirmed else None
