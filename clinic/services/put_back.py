"""A correction made after the signature, unconfirmed, is taken or sent back: what counted before stands again."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.laboratory_test import list_tests
from clinic.models import AmendmentRequest, LabComponent, LabResult, ResultStatus, Task, User
from clinic.services import release, revision
from clinic.services.task import build_key, close_tasks_about, open_task

COUNTED = (ResultStatus.FINAL, ResultStatus.CORRECTED)
COPIED = ("case_id", "specimen_id", "performed_on", "test", "value", "unit", "reported_on", "method", "mark",
          "parent_series_id", "order_id", "status", "entered_at", "entered_by_id", "confirmed_at", "confirmed_by_id")


def may_take_back(row: LabResult, actor: User) -> bool:
    """Whether `row` is of a signed exam, waits for its second person, and `actor` wrote it; no line does that."""
    return (row.case.state in workflow.SIGNED and row.is_current and row.status is ResultStatus.PRELIMINARY
            and row.entered_by_id == actor.id and not release.is_of_line(row))


def put_back(row: LabResult) -> LabResult | None:
    """The version that counted before `row`, as the next one of the series, since the newest is what stands.

    None where none had counted. It keeps the names and times of the two people who had answered for it.
    """
    before = db.session.execute(
        select(LabResult).where(LabResult.series_id == row.series_id, LabResult.revision < row.revision,
                                LabResult.status.in_(COUNTED)).order_by(LabResult.revision.desc()).limit(1)
    ).scalar_one_or_none()
    if before is None:
        return None
    made = LabResult(**{name: getattr(before, name) for name in COPIED}, case=row.case,
                     remark=_("stands again: its correction was not confirmed"))
    made.components = [LabComponent(name=each.name, value=each.value, unit=each.unit) for each in before.components]
    revision.replace_refused(row, made)
    db.session.add(made)
    db.session.flush()
    if row.specimen is not None:
        db.session.expire(row.specimen, ["results"])
    return made


def end_request(row: LabResult, reason: str, actor: User) -> None:
    """Nobody is to amend an exam for a correction that is gone: the request for it ends, with the reason."""
    task = db.session.execute(
        select(Task).where(Task.key == build_key("amendment", row.id))).unique().scalar_one_or_none()
    request = db.session.get(AmendmentRequest, task.subject_id) if task is not None and task.subject_id else None
    if request is None or request.settled_at is not None:
        return
    request.settled_at, request.settled_by_id = clock.now(), actor.id
    request.declined_reason = (_("The correction was taken back.") if list_tests()[row.test].guarded
                               else _("The correction was taken back: %(reason)s", reason=reason))
    close_tasks_about("amendment", request.id, "no-amendment", actor)
    record_change("withdraw-amendment-request", "amendment-request", request.id, case_id=row.case_id,
                  site_id=row.case.site_id, detail={"result": row.id}, actor_id=actor.id, actor_kind="user")


def tell_author(row: LabResult, reason: str, actor: User) -> None:
    """Who made a correction hears that it was sent back: no list of theirs shows a signed exam."""
    words = (_("A correction of a confidential result was sent back.") if list_tests()[row.test].guarded
             else _("The correction of %(test)s was sent back: %(reason)s", test=list_tests()[row.test].label,
                    reason=reason))
    author = None if release.is_of_line(row) else db.session.get_one(User, row.entered_by_id)
    open_task("follow-up", row.case, f"sent-back:{row.id}", role="labtech", actor=actor, detail=words,
              assignee=author if author is not None and author.active else None)
