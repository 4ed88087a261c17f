"""Who opened far more people's cases on a day than they use to: the sign of a sign-in in wrong hands, or of curiosity.

Lists do not count, nor the same case again. Whoever is new, or comes back, has nothing to be measured by and is shown
from LEAST cases on: a person looks at it and knows.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from clinic.audit import audit_read
from clinic.seal.access import reading
from clinic.seal.table import READ

LEAST = 40  # cases of a day that nobody need explain
TIMES = 3  # as many as on the usual day


@dataclass(frozen=True)
class UnusualDay:
    """A day of a member of staff: the different cases opened, and on the middle one of their other days."""

    person_id: str
    day: date
    cases: int
    usual: int | None  # None: there is no other day to compare


def list_unusual(
    days: Sequence[tuple[date, datetime, datetime]], people: Collection[str] | None = None
) -> list[UnusualDay]:
    """The unusual ones among `days` (day, its first moment, the next day's) of those `people`, without them of all.

    The newest first, on one day the most cases first.
    """
    opened: dict[str, dict[date, int]] = {}
    row = audit_read.c
    many = func.count(row.case_id.distinct())
    with reading(READ) as connection:
        for day, begin, end in days:
            query = select(row.actor_id, many).where(
                row.happened_at >= begin, row.happened_at < end, row.actor_kind == "user", row.case_id.is_not(None),
                row.action != "list").group_by(row.actor_id)
            if people is not None:
                query = query.where(row.actor_id.in_(people))
            for person_id, count in connection.execute(query):
                opened.setdefault(person_id, {})[day] = count
    found = [unusual for person_id, counts in opened.items() for unusual in _judge(person_id, counts)]
    return sorted(found, key=lambda one: (-one.day.toordinal(), -one.cases, one.person_id))


def _judge(person_id: str, counts: Mapping[date, int]) -> list[UnusualDay]:
    found = []
    for day, count in counts.items():
        others = [other for one, other in counts.items() if one != day]
        usual = round(statistics.median(others)) if others else None
        if count >= LEAST and (usual is None or count >= TIMES * usual):
            found.append(UnusualDay(person_id, day, count, usual))
    return found
