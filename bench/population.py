"""A large clinic for measuring: rows written straight into the tables; case n is a function of n."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import insert, select

from clinic import clock
from clinic.db import db
from clinic.models import Applicant, Authority, Case, Requirement, Role, Site, User, Visit
from clinic.models.user import user_role

START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
# Four of five cases are over, as in a clinic after some years.
STATES = ("acknowledged",) * 7 + ("withdrawn",) + ("in-progress", "in-review")
PROGRESS = ("to-do", "chest-xray"), ("ready", None)
BATCH = 5000
HERE = 60  # people at the clinic today, whatever its size: a clinic's rooms do not grow with its archive


def load_population(cases: int) -> str:
    """Fill an empty database with `cases` cases at one site; returns the id of a physician there."""
    session = db.session
    site = Site(id="bench-site", code="BEN", name="Bench", city="Nairobi", country="KEN", time_zone="UTC")
    user = User(id="bench-user", email="bench@demo.example", fs_uniquifier="bench", name="Bench", site_id=site.id,
                created_at=START, language="en", active=True)
    session.add_all([site, Authority(id="us", programme="us", name="US", channel="fhir_document", endpoint="http://x")])
    session.flush()
    session.add(user)
    session.flush()
    for role in session.execute(select(Role).where(Role.name.in_(("physician", "reception")))).scalars():
        session.execute(insert(user_role).values(user_id=user.id, role_id=role.id))
    for start in range(0, cases, BATCH):
        numbers = range(start, min(cases, start + BATCH))
        session.execute(insert(Applicant.__table__), [_applicant(n) for n in numbers])
        session.execute(insert(Case.__table__), [_case(n) for n in numbers])
        session.execute(insert(Requirement.__table__), [_requirement(n) for n in numbers if n % 10 == 8])
    session.execute(insert(Visit.__table__), [_visit(n) for n in range(min(HERE, cases // 10))])
    session.commit()
    return user.id


def _applicant(n: int) -> dict[str, object]:
    return {
        "id": f"a{n:035}", "site_id": "bench-site", "number": f"P{n}", "family_name": f"FAMILY{n % 977}",
        "given_names": f"Given {n % 613}", "search_name": f"family{n % 977} given {n % 613}",
        "birth_date": f"{1950 + n % 70}-0{1 + n % 9}-15", "sex": ("female", "male")[n % 2], "citizenship": "KEN",
        "residence": "KEN", "language": "en", "registered_at": START, "registered_by_id": "bench-user", "version": 1,
    }


def _case(n: int) -> dict[str, object]:
    state = STATES[n % 10]
    progress = PROGRESS[0] if state == "in-progress" else PROGRESS[1]
    moment = START + dt.timedelta(minutes=n)
    return {
        "id": f"c{n:035}", "site_id": "bench-site", "number": f"C{n}", "applicant_id": f"a{n:035}", "programme": "us",
        "category": "IV", "authority_id": "us", "state": state, "opened_at": moment, "opened_by_id": "bench-user",
        "updated_at": moment, "status": "incomplete", "edition": "us", "progress": progress[0],
        "progress_detail": progress[1], "version": 1,
    }


def _requirement(n: int) -> dict[str, object]:
    return {"id": f"r{n:035}", "case_id": f"c{n:035}", "exam": "chest-xray", "source": "rule", "state": "open",
            "position": 0, "added_at": START}


def _visit(n: int) -> dict[str, object]:
    case = 10 * n + 8  # one in progress
    return {"id": f"v{n:035}", "site_id": "bench-site", "case_id": f"c{case:035}", "visited_on": clock.today("UTC"),
            "number": n + 1, "arrived_at": clock.now(), "received_by_id": "bench-user"}
