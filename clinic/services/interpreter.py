"""Who interpreted at a visit: one on a case and working day at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.models import Case, User, VisitInterpreter
from clinic.services.plausibility import get_today


def find_interpreter(case: Case) -> VisitInterpreter | None:
    """Who interprets today."""
    return db.session.execute(select(VisitInterpreter).where(
        VisitInterpreter.case_id == case.id, VisitInterpreter.visit_on == get_today(case),
        VisitInterpreter.ended_at.is_(None))).scalar_one_or_none()


def list_interpreters(case: Case) -> list[VisitInterpreter]:
    """Everybody who ever interpreted on the case, newest first."""
    return list(db.session.execute(select(VisitInterpreter).where(
        VisitInterpreter.case_id == case.id).order_by(VisitInterpreter.id.desc())).scalars())


def record_interpreter(case: Case, data: dict[str, Any], actor: User) -> VisitInterpreter:
    """Write down who interprets today (as InterpreterIn gives it); another than before takes over."""
    present = find_interpreter(case)
    if present is not None:
        if all(getattr(present, name) == value for name, value in data.items()):
            return present
        present.ended_at = clock.now()
        db.session.flush()
    row = VisitInterpreter(case_id=case.id, visit_on=get_today(case), recorded_at=clock.now(),
                           recorded_by_id=actor.id, **data)
    db.session.add(row)
    db.session.flush()
    record_change("interpreter", "case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  detail={"interpreter": row.id, "language": row.language})
    return row
