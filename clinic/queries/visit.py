"""Who is at the user's site today, with everything needed to say where they are and what for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Integer, func, select

from clinic import clock
from clinic.db import db
from clinic.models import Case, Consent, ConsentState, IdentityCheck, Photo, User, Visit
from clinic.queries.standing import Mark, Parts, Standing, build_standing, load_parts, sort_parts
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, build_count, build_open_count, count_cases, select_rows
from clinic.ready_query import ReadyQuery, ReadyTogether, among, given
from clinic.waiting_room import Presence

MOST = 400  # people in one clinic at one time; more than that is said, not shown

Here = tuple[Any, Standing, Presence]


class HereParts(NamedTuple):
    """One who is here, as the database has them: equal parts make the same Here."""

    row: Any  # the case and its person, with visit_number and arrived_at
    standing: Parts
    presence: Parts


def list_here(user: User) -> tuple[list[Here], bool]:
    """Everybody who has arrived today and not gone, by their number, and whether there are more than are listed."""
    found, is_cut = list_here_parts(user)
    return [build_here(one) for one in found], is_cut


def list_here_parts(user: User) -> tuple[list[HereParts], bool]:
    """The same, to compare and to make it of."""
    today = _today(user)
    rows = _HERE.list_rows(site_id=user.site_id, today=today, size=MOST + 1)
    is_cut, rows = len(rows) > MOST, rows[:MOST]
    ids = [row.id for row in rows]
    standings = load_parts(ids)
    presences = sort_parts(ids, _PRESENCES.list_rows(cases=ids, today=today) if ids else ())
    return [HereParts(row, standings[key], presences[key]) for key, row in zip(ids, rows, strict=True)], is_cut


def build_here(parts: HereParts) -> Here:
    """The case's row, its standing, and what the desk knows of its person."""
    presence = Presence(parts.row.visit_number, parts.row.arrived_at)
    for place, row in parts.presence:
        _PRESENCE[place][1](presence, row)
    return parts.row, build_standing(parts.standing), presence


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


_TODAY = given("today", Visit.visited_on.type)
_COUNT = ReadyQuery(select(func.count()).select_from(Visit).where(*_is_at(given("site_id"), _TODAY)))
_HERE = ReadyQuery(
    select_rows().add_columns(Visit.number.label("visit_number"), Visit.arrived_at)
    .join(Visit, Visit.case_id == Case.id).where(*_is_at(given("site_id"), _TODAY)).order_by(Visit.number)
    .limit(given("size", Integer))
)
# Photo, consent, and who last had the person in front of them. The case's id comes first in each.
_PHOTOS = ReadyQuery(select(Photo.case_id).where(among(Photo.case_id, "cases"), Photo.replaced_at.is_(None)))
_CONSENTS = ReadyQuery(
    select(Consent.case_id, Consent.state).where(among(Consent.case_id, "cases")).order_by(Consent.id))
_CHECKS = ReadyQuery(
    select(IdentityCheck.case_id, IdentityCheck.station, IdentityCheck.is_confirmed, IdentityCheck.checked_at,
           IdentityCheck.checked_by_id, User.name)
    .join(User, User.id == IdentityCheck.checked_by_id)
    .where(among(IdentityCheck.case_id, "cases"), IdentityCheck.checked_on == _TODAY).order_by(IdentityCheck.id)
)


def _today(user: User) -> date:
    return clock.today(user.site.time_zone)


def _add_photo(presence: Presence, row: Any) -> None:
    presence.has_photo = True


def _add_consent(presence: Presence, row: Any) -> None:
    if row.state is not ConsentState.REPLACED:
        presence.consent = row.state


def _add_check(presence: Presence, row: Any) -> None:
    seen = Mark(row.name, row.checked_at, row.checked_by_id, row.station)
    presence.seen = seen if row.is_confirmed else None


_PRESENCE = ((_PHOTOS, _add_photo), (_CONSENTS, _add_consent), (_CHECKS, _add_check))
_PRESENCES = ReadyTogether(*(query for query, _add in _PRESENCE))
