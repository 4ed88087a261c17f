"""Who is at the clinic today: checked in by reception or by whoever first meets the person, and gone again."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import AlreadyDone, NotNow
from clinic.models import Case, User, Visit
from clinic.services.consent import OPEN_TO_DECISION


def check_in(case: Case, actor: User) -> Visit:
    """The person of `case` is here: the visit of today, made now, or taken up again after they had gone.

    Raises NotNow when the case is signed or ended, AlreadyDone when they are here already.
    """
    if case.state not in OPEN_TO_DECISION:
        raise NotNow(_("The case is signed or ended: nobody is checked in for it any more."), case=case.id)
    known = find_visit(case)
    if known is not None and known.left_at is None:
        raise AlreadyDone(_("This person is checked in already."), case=case.id)
    return note_presence(case, actor)


def note_presence(case: Case, actor: User) -> Visit:
    """Somebody has the person of `case` in front of them: today's visit begins, if it has not, or goes on."""
    visit = find_visit(case)
    if visit is not None and visit.left_at is None:
        return visit
    if visit is None:
        day = clock.today(case.site.time_zone)
        visit = Visit(site_id=case.site_id, case_id=case.id, visited_on=day, arrived_at=clock.now(),
                      number=next_number(case.site_id, f"visit-{day.isoformat()}"), received_by_id=actor.id)
        db.session.add(visit)
    visit.left_at = visit.left_by_id = None
    _finish("arrive", visit, case, actor)
    return visit


def check_out(case: Case, actor: User) -> Visit:
    """The person has gone home for today. Raises AlreadyDone when nobody is here for the case."""
    visit = find_visit(case)
    if visit is None or visit.left_at is not None:
        raise AlreadyDone(_("This person is not here any more."), case=case.id)
    visit.left_at, visit.left_by_id = clock.now(), actor.id
    _finish("leave", visit, case, actor)
    return visit


def find_visit(case: Case) -> Visit | None:
    """Today's visit of the case at its site, also one that has ended."""
    return db.session.execute(
        select(Visit).where(Visit.case_id == case.id, Visit.visited_on == clock.today(case.site.time_zone))
    ).scalar_one_or_none()


def _finish(action: str, visit: Visit, case: Case, actor: User) -> None:
    db.session.flush()
    record_change(action, "visit", visit.id, case_id=case.id, site_id=case.site_id,
                  detail={"number": visit.number}, actor_id=actor.id)
