"""Holds: who may be infectious is kept apart, and nothing clears them while one stands; enforced here, by no screen."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from clinic.models import Applicant, Case, InfectionHold, LabResult, Requirement, ResultStatus, User
from clinic.models.hold import BY_PERSON
from clinic.permissions import Permission, permissions_of
from clinic.progress import SPUTUM
from clinic.rules.infection import find_causes
from clinic.services.task import close_tasks_about, has_open_task, open_task, say_anew

NOT_CLEARED = "not-cleared"
# What shows tuberculosis, by test.
SHOWING = {"sputum-smear": {"positive"}, "sputum-naat": {"detected", "trace"}, "sputum-culture": {"mtb"}}
# Whether anything stands against the applicant of a case: part of a query over cases.
IS_HELD = exists().where(InfectionHold.applicant_id == Case.applicant_id, InfectionHold.ended_at.is_(None))


def sync_holds(case: Case, facts: dict[str, Any]) -> None:
    """Bring the holds that follow from a case's facts in line with them; what a person placed stays.

    A cause that a physician lifted is not raised again by the same evidence.
    """
    causes = {cause.name: cause.evidence
              for cause in find_causes(facts, _asks_sputum(case), list_unconfirmed(case))}
    rows = list(db.session.execute(select(InfectionHold).where(
        InfectionHold.case_id == case.id, InfectionHold.cause != BY_PERSON)).scalars())
    standing = {row.cause: row for row in rows if row.ended_at is None}
    lifted = {(row.cause, row.evidence) for row in rows if row.ended_by_id is not None}
    for name, row in standing.items():
        if name not in causes:
            _end(row, None, "")
        elif row.evidence != causes[name]:
            row.evidence = causes[name]
    for name, evidence in causes.items():
        if name not in standing and (name, evidence) not in lifted:
            _begin(case, name, evidence, None)
    _settle_tasks(case)


def list_unconfirmed(case: Case) -> list[str]:
    """The days of results that show tuberculosis and wait for their second person, and of those whose correction would
    take such a thing back."""
    waiting = db.session.execute(select(LabResult).where(
        LabResult.case_id == case.id, LabResult.test.in_(SHOWING), LabResult.superseded_at.is_(None),
        LabResult.status == ResultStatus.PRELIMINARY)).unique().scalars()
    return sorted({row.performed_on.isoformat() for row in waiting
                   if SHOWING[row.test] & {row.value, _find_value_before(row)}})


def place_hold(case: Case, reason: str, actor: User) -> InfectionHold:
    """Who meets the person, or reads their film, says that they may be infectious.

    Raises AlreadyDone while such a hold stands, NotAllowed.
    """
    _ensure_may(Permission.PLACE_HOLD, actor)
    if any(row.cause == BY_PERSON and row.case_id == case.id for row in list_holds(case.applicant_id)):
        raise AlreadyDone(_("The person is held already by somebody's word. Lift that first."), case=case.id)
    row = _begin(case, BY_PERSON, reason, actor)
    _touch(case)
    return row


def lift_hold(row: InfectionHold, reason: str, actor: User) -> None:
    """The person may go among others again although the cause stands. Raises AlreadyDone, NotAllowed."""
    _ensure_may(Permission.LIFT_HOLD, actor)
    db.session.refresh(row, with_for_update={"of": InfectionHold})
    if row.ended_at is not None:
        raise AlreadyDone(_("This hold has ended already."), hold=row.id)
    _end(row, actor, reason)
    _settle_tasks(row.case)
    _touch(row.case)


def get_hold(hold_id: str, case: Case) -> InfectionHold:
    """A hold on the person of `case`. Raises NotFound."""
    row = db.session.get(InfectionHold, hold_id)
    if row is None or row.applicant_id != case.applicant_id:
        raise NotFound(_("There is no such hold on this person."), hold=hold_id, case=case.id)
    return row


def list_holds(applicant_id: str) -> list[InfectionHold]:
    """What stands against a person, on whichever case it was found, oldest first."""
    return list(db.session.execute(select(InfectionHold).where(
        InfectionHold.applicant_id == applicant_id, InfectionHold.ended_at.is_(None)).order_by(InfectionHold.id)
    ).scalars())


def list_past_holds(applicant_id: str) -> list[InfectionHold]:
    """What stood once, last first."""
    return list(db.session.execute(select(InfectionHold).where(
        InfectionHold.applicant_id == applicant_id, InfectionHold.ended_at.is_not(None))
        .order_by(InfectionHold.ended_at.desc(), InfectionHold.id)).scalars())


def is_held(applicant: Applicant) -> bool:
    """Whether anything stands against the person."""
    return bool(list_holds(applicant.id))


def ensure_may_clear(case: Case, status: str, concluded: dict[str, Any]) -> None:
    """Raise NotNow when a hold stands and the conclusion would clear the person.

    What says that they are not cleared is no clearance and may be signed and handed out: Class A, a refused
    certificate, a decision that the rules call not cleared.
    """
    if list_holds(case.applicant_id):
        refuse_clearing(case.id, status, concluded)


def refuse_clearing(case_id: str, status: str, concluded: dict[str, Any]) -> None:
    """What `ensure_may_clear` says of a person against whom a hold stands."""
    if status == NOT_CLEARED or "A" in (concluded.get("classes") or ()) or concluded.get("certificate") == "refuse":
        return
    raise NotNow(_("This person may be infectious: nothing that clears them can be signed or issued while the hold "
                   "stands. A physician lifts it on the case, with the reason."), case=case_id)


def _find_value_before(row: LabResult) -> str | None:
    """What the version said that counted until this one took its place."""
    if row.revision == 1:
        return None
    return db.session.execute(select(LabResult.value).where(
        LabResult.series_id == row.series_id, LabResult.revision < row.revision,
        LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED))).order_by(
            LabResult.revision.desc()).limit(1)).scalar_one_or_none()


def _asks_sputum(case: Case) -> bool:
    return db.session.execute(select(Requirement.id).where(
        Requirement.case_id == case.id, Requirement.exam.in_(SPUTUM), Requirement.state == "open").limit(1)
    ).first() is not None


def _begin(case: Case, cause: str, evidence: str, actor: User | None) -> InfectionHold:
    row = InfectionHold(site_id=case.site_id, applicant_id=case.applicant_id, case_id=case.id, case=case, cause=cause,
                        evidence=evidence, began_at=clock.now(), began_by_id=actor.id if actor else None)
    db.session.add(row)
    db.session.flush()
    _audit(row, "begin-hold", actor, {"cause": cause})
    if not has_open_task("infectious", case.id):
        open_task("infectious", case, row.id, subject_id=case.id, detail=cause, actor=actor)
    return row


def _end(row: InfectionHold, actor: User | None, reason: str) -> None:
    row.ended_at, row.ended_by_id, row.end_reason = clock.now(), actor.id if actor else None, reason
    db.session.flush()
    _audit(row, "lift-hold" if actor else "end-hold", actor, {"cause": row.cause, "reason": reason})


def _settle_tasks(case: Case) -> None:
    """Nobody need be kept apart any more, so nobody is asked to; or for another cause than the task says."""
    causes: Collection[InfectionHold] = [row for row in list_holds(case.applicant_id) if row.case_id == case.id]
    if causes:
        say_anew("infectious", case.id, [row.cause for row in causes])
    else:
        close_tasks_about("infectious", case.id, "hold-ended", None)


def _touch(case: Case) -> None:
    """A signature over the view before this is refused."""
    from clinic.services.assessment import refresh

    if case.state in workflow.RECORDING:
        workflow.mark_touched(case)
        refresh(case)
    else:
        case.updated_at = clock.now()
    db.session.flush()


def _ensure_may(permission: Permission, actor: User) -> None:
    if permission not in permissions_of(actor):
        raise NotAllowed(_("Your role does not include this. Ask the clinic administrator if you need it."),
                         user=actor.id, permission=permission.value)


def _audit(row: InfectionHold, action: str, actor: User | None, detail: dict[str, Any]) -> None:
    record_change(action, "infection-hold", row.id, case_id=row.case_id, site_id=row.site_id,
                  actor_id=actor.id if actor else None, actor_kind="user" if actor else "system", detail=detail)
