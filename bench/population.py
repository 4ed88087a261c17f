"""A large clinic for measuring: rows written straight into the tables, past every check; person n is a function of n.

Names are as unequal as people's are: a twentieth share the most frequent family name, most are rare.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import insert, select

from clinic import clock
from clinic.db import db, set_mode
from clinic.models import Applicant, ApplicantWord, Authority, Case, Requirement, Role, Site, User, Visit
from clinic.models.applicant import list_search_words
from clinic.models.user import user_role

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
# Four of five cases are over, as in a clinic after some years.
STATES = ("acknowledged",) * 7 + ("withdrawn",) + ("in-progress", "in-review")
PROGRESS = ("to-do", "chest-xray"), ("ready", None)
BATCH = 5000
HERE = 60  # people at the clinic today, whatever its size: a clinic's rooms do not grow with its archive
FAMILIES, GIVEN = 5000, 3000
SYLLABLES = ("ka", "mo", "ri", "sa", "ne", "tu", "ba", "li", "do", "we", "zi", "ha", "pe", "ju", "nga", "chi")


def load_population(cases: int) -> str:
    """Fill an empty database with `cases` cases at one site; returns the id of a physician there. Commits."""
    set_mode("write")
    session = db.session
    session.rollback()
    site = Site(id="bench-site", code="BEN", name="Bench", city="Nairobi", country="KEN", time_zone="UTC")
    user = User(id="bench-user", email="bench@demo.example", fs_uniquifier="bench", name="Bench", site_id=site.id,
                created_at=START, language="en", active=True)
    session.add_all([site, Authority(id="us", programme="us", name="US", channel="fhir_document", endpoint="http://x")])
    session.flush()
    session.add(user)
    session.flush()
    for role in session.execute(select(Role).where(Role.name.in_(("physician", "reception")))).scalars():
        session.execute(insert(user_role).values(user_id=user.id, role_id=role.id))
    session.commit()
    for start in range(0, cases, BATCH):
        numbers = range(start, min(cases, start + BATCH))
        people = [_applicant(n) for n in numbers]
        write_rows(Applicant.__table__, people)
        write_rows(ApplicantWord.__table__, _words(people))
        write_rows(Case.__table__, [_case(n) for n in numbers])
        write_rows(Requirement.__table__, [_requirement(n) for n in numbers if n % 10 == 8])
    write_rows(Visit.__table__, [_visit(n) for n in range(min(HERE, cases // 10))])
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")  # as its own daemon does after a while
    set_mode("read")
    return user.id


def write_rows(table: Any, rows: Iterable[dict[str, Any]]) -> None:
    """One transaction of rows, by the quickest way that each database has."""
    rows = list(rows)
    if not rows:
        return
    names = list(rows[0])
    connection = db.engine.raw_connection()
    try:
        if db.engine.dialect.name == "postgresql":
            with connection.cursor().copy(f"copy {table.name} ({', '.join(names)}) from stdin") as copy:
                for row in rows:
                    copy.write_row([row[name] for name in names])
        else:
            marks = ", ".join("?" * len(names))
            cursor = connection.cursor()
            cursor.execute("begin immediate")
            cursor.executemany(f"insert into {table.name} ({', '.join(names)}) values ({marks})", _plain(rows))
            cursor.execute("commit")
        connection.commit()
    finally:
        connection.close()


def _plain(rows: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, dt.datetime)
               else value.isoformat() if isinstance(value, dt.date) else value for value in row.values()]


def name_of(n: int) -> tuple[str, str]:
    """Family and given name of person n."""
    return _word(_draw(n, 2654435761, 3, FAMILIES)), _word(_draw(n, 2246822519, 2, GIVEN))


def _draw(n: int, factor: int, skew: int, size: int) -> int:
    """A number below `size`; the greater `skew` is, the more often a small one."""
    share: float = ((n * factor + 374761393) % 4294967296) / 4294967296
    return int(size * share**skew)


def _word(rank: int) -> str:
    """Two to four syllables."""
    rank, parts = rank + 16, []
    while rank:
        parts.append(SYLLABLES[rank % 16])
        rank //= 16
    return "".join(parts)


def _applicant(n: int) -> dict[str, Any]:
    family, given = name_of(n)
    return {
        "id": f"a{n:035}", "site_id": "bench-site", "number": f"P{n}", "family_name": family.upper(),
        "given_names": given.capitalize(), "search_name": f"{family} {given}",
        "birth_date": f"{1950 + n % 70}-0{1 + n % 9}-15", "sex": ("female", "male")[n % 2], "citizenship": "KEN",
        "residence": "KEN", "language": "en", "registered_at": START, "registered_by_id": "bench-user", "version": 1,
    }


def _words(people: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for person in people:
        for word in list_search_words(person["search_name"]):
            yield {"site_id": person["site_id"], "word": word, "applicant_id": person["id"]}


def _case(n: int) -> dict[str, Any]:
    state = STATES[n % 10]
    progress = PROGRESS[0] if state == "in-progress" else PROGRESS[1]
    moment = START + dt.timedelta(minutes=n)
    return {
        "id": f"c{n:035}", "site_id": "bench-site", "number": f"C{n}", "applicant_id": f"a{n:035}", "programme": "us",
        "category": "IV", "authority_id": "us", "state": state, "opened_at": moment, "opened_by_id": "bench-user",
        "updated_at": moment, "status": "incomplete", "edition": "us", "progress": progress[0],
        "progress_detail": progress[1], "version": 1,
    }


def _requirement(n: int) -> dict[str, Any]:
    return {"id": f"r{n:035}", "case_id": f"c{n:035}", "exam": "chest-xray", "source": "rule", "state": "open",
            "position": 0, "added_at": START}


def _visit(n: int) -> dict[str, Any]:
    case = 10 * n + 8  # one in progress
    return {"id": f"v{n:035}", "site_id": "bench-site", "case_id": f"c{case:035}", "visited_on": clock.today("UTC"),
            "number": n + 1, "arrived_at": clock.now(), "received_by_id": "bench-user"}
