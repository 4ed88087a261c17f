"""Before a result counts: a critical value has been told and read back, a value typed twice agrees.

After it counted: a correction alerts the physician, and asks for an amendment where the exam was signed.
"""

from __future__ import annotations

from datetime import datetime, time

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotAllowed, NotNow
from clinic.lab_report import from_plain
from clinic.laboratory_test import list_tests
from clinic.models import (
    AmendmentRequest,
    Case,
    CriticalCall,
    Laboratory,
    LabResult,
    ReportedResult,
    ResultStatus,
    SecondEntry,
    Task,
    User,
)
from clinic.permissions import Permission, has_permission
from clinic.services import lab_order, revision
from clinic.services.abnormality import Abnormality, find_abnormality
from clinic.services.confidential_report import is_confidential
from clinic.services.task import close_tasks_about, open_task

DIFFER = "entries-differ"  # the kind of task
TOLD = ("called", "referred")  # how a task about a critical value ends when somebody knows of it
LONGEST_CALLED = 120  # characters, as the table has them
OF_RESULT = ("critical-call", "result-unconfirmed", DIFFER)
CRITICAL_FLAGS = frozenset(("HH", "LL", "AA"))  # OBX-8, HL7 table 0078


def ensure_releasable(row: LabResult, actor: User) -> None:
    """Raise NotNow while something must come before the second person's word."""
    if needs_call(row):
        raise NotNow(_("This value is critical: call who treats the person, let it be read back and record the call. "
                       "Then confirm."), result=row.id)
    if needs_second_entry(row):
        entry = find_second_entry(row)
        if entry is None or not entry.agrees or entry.entered_by_id != actor.id:
            raise NotNow(_("This value is typed twice: type it from the report yourself, without looking at the first "
                           "entry."), result=row.id)


def needs_call(row: LabResult) -> bool:
    """Whether a critical value has not been told to anybody yet."""
    return find_abnormality(row) is Abnormality.CRITICAL and not list_calls(row)


def list_calls(row: LabResult) -> list[CriticalCall]:
    """The calls about this value, oldest first; only one that was read back counts as told."""
    return list(db.session.execute(
        select(CriticalCall).where(CriticalCall.result_id == row.id).order_by(CriticalCall.id)).scalars())


def find_call_moment(row: LabResult, at: time | None) -> datetime:
    """When a call was that is known by its time of the day: of the night shift's, before midnight is yesterday.

    Without a time, now. What can be neither day's stays today's, which `record_call` refuses.
    """
    drawn = _find_draw(row)
    return clock.find_moment(at, row.case.site.time_zone, drawn - clock.LATEST if drawn is not None else None)


def record_call(
    row: LabResult, called: str, called_at: datetime, is_read_back: bool, remark: str, actor: User
) -> CriticalCall:
    """Write down whom somebody told of a critical value, when, and that it was read back.

    Raises InvalidInput for nobody, a time to come or before the draw, or a value that was not read back. The call may
    come before the entry: instruments show a value before anybody types it.
    """
    revision.ensure_current(row)
    wrong: dict[str, list[str]] = {}
    if not called.strip():
        wrong["called"] = [_("Write whom you told.")]
    drawn = _find_draw(row)
    if called_at > clock.now() + clock.LATEST:
        wrong["called_time"] = [_("This time is still to come. A time of yesterday counts for 12 hours, from the draw "
                                  "on.")]
    elif drawn is not None and called_at < drawn - clock.LATEST:
        wrong["called_time"] = [_("It was not even drawn then: check the time.")]
    if not is_read_back:
        wrong["is_read_back"] = [_("Let the value be read back before you record the call.")]
    if wrong:
        raise InvalidInput(_("Please correct what is marked."), fields=wrong, result=row.id)
    return _write_call(row, called.strip(), called_at, is_read_back, remark.strip(), actor)


def find_critical(task: Task) -> LabResult | None:
    """The result of which a task says that it is to be told; None: of another kind, or of what no result is yet."""
    return find_result(task) if task.kind == "critical-call" else None


def find_result(task: Task) -> LabResult | None:
    """The one result that a task is about, if it is about one."""
    return db.session.get(LabResult, task.subject_id) if task.kind in OF_RESULT and task.subject_id else None


def note_told(task: Task, actor: User) -> None:
    """A task that ended because somebody was told is the call for which its value waits: nobody calls twice."""
    row = find_critical(task) if task.outcome in TOLD else None
    if row is not None and row.is_current and needs_call(row):
        words = task.remark
        _write_call(row, words[:LONGEST_CALLED], clock.now(), task.outcome == "called",
                    words if len(words) > LONGEST_CALLED else "", actor)


def _write_call(
    row: LabResult, called: str, called_at: datetime, is_read_back: bool, remark: str, actor: User
) -> CriticalCall:
    call = CriticalCall(case_id=row.case_id, result_id=row.id, called=called, called_at=called_at,
                        is_read_back=is_read_back, remark=remark, recorded_at=clock.now(), recorded_by_id=actor.id)
    db.session.add(call)
    db.session.flush()
    record_change("critical-call", "lab-result", row.id, case_id=row.case_id, site_id=row.case.site_id,
                  detail={"test": row.test, "call": call.id}, actor_id=actor.id, actor_kind="user")
    close_tasks_about("critical-call", row.id, "called", actor)
    return call


def _find_draw(row: LabResult) -> datetime | None:
    """When it was drawn, as far as the hour is known."""
    order = lab_order.get_order_of(row)
    specimen = row.specimen or (order.specimen if order is not None else None)
    return specimen.collected_at if specimen is not None else None


def tell_critical(row: LabResult, actor: User) -> None:
    """A critical value becomes a task that climbs until somebody has called."""
    if find_abnormality(row) is Abnormality.CRITICAL:
        open_task("critical-call", row.case, row.id, subject_id=row.id, actor=actor,
                  detail=list_tests()[row.test].label)


def tell_waiting(row: ReportedResult, case: Case) -> None:
    """What a laboratory marks critical is told also while it is preliminary, or nobody has looked at what came in."""
    if is_marked_critical(row):
        what = list_tests()[row.test].label if row.test else row.their_code
        open_task("critical-call", case, row.id, subject_id=row.id, detail=_(
            "%(test)s: the laboratory marks it critical. It is no result here yet: see Results in.", test=what))


def drop_waiting(row: ReportedResult, actor: User | None) -> None:
    """Somebody decided about it, or it is read anew: a result of ours that came of it asks for itself."""
    close_tasks_about("critical-call", row.id, "decided", actor)


def is_marked_critical(row: ReportedResult) -> bool:
    """Whether a laboratory marks a reported number critical; of a confidential one this is not said."""
    if is_confidential(row):
        return False
    _person, panel = from_plain(row.content)
    return any(CRITICAL_FLAGS & set(value.flags) for value in panel.values)


def tell_mistaken(row: LabResult, actor: User) -> None:
    """A laboratory says that a result was wrong (of another person, often): somebody finds out whose it is.

    The other person is not known here; the task names the case that had it (hl7-dicom.md 1.4, W).
    """
    label = list_tests()[row.test].label
    open_task("follow-up", row.case, f"mistaken:{row.id}", role="physician", actor=actor, subject_id=None, detail=(
        _("A confidential result was wrong, says its laboratory: find out whose it was, and test again.")
        if list_tests()[row.test].guarded
        else _("%(test)s was wrong, says its laboratory: find out whose it was, and test again.", test=label)))


def drop_call(row: LabResult, actor: User) -> None:
    """A value that was corrected or taken back is told to nobody any more; what takes its place asks for itself."""
    close_tasks_about("critical-call", row.id, "corrected", actor)
    close_tasks_about(DIFFER, row.id, "one-value", actor)


def needs_second_entry(row: LabResult) -> bool:
    """Whether the second person types the value without seeing the first; what came by a line was typed by nobody."""
    return list_tests()[row.test].double_entry and not is_of_line(row)


def is_of_line(row: LabResult) -> bool:
    """Whether a laboratory's own line brought it, and no person typed it."""
    return db.session.execute(
        select(Laboratory.id).where(Laboratory.user_id == row.entered_by_id).limit(1)).first() is not None


def find_second_entry(row: LabResult) -> SecondEntry | None:
    """What a second person typed last for this version of a result."""
    return db.session.execute(
        select(SecondEntry).where(SecondEntry.result_id == row.id).order_by(SecondEntry.id.desc()).limit(1)
    ).scalar_one_or_none()


def enter_second(row: LabResult, value: str, unit: str | None, actor: User) -> SecondEntry:
    """Keep what the second person typed, and whether it agrees digit by digit; a mismatch stops both.

    Raises NotAllowed for the person who entered it, CaseChanged and AlreadyDone as a confirmation does.
    """
    revision.ensure_waiting(row)
    if row.entered_by_id == actor.id:
        raise NotAllowed(_("You entered this result yourself: another person must type it again."), user=actor.id)
    entry = SecondEntry(case_id=row.case_id, result_id=row.id, value=value, unit=unit, entered_at=clock.now(),
                        entered_by_id=actor.id, agrees=(value, unit) == (row.value, row.unit))
    db.session.add(entry)
    db.session.flush()
    record_change("second-entry", "lab-result", row.id, case_id=row.case_id, site_id=row.case.site_id,
                  detail={"test": row.test, "agrees": entry.agrees}, actor_id=actor.id, actor_kind="user")
    if entry.agrees:
        close_tasks_about(DIFFER, row.id, "one-value", actor)
    else:
        _tell_first(row, actor)
    return entry


def _tell_first(row: LabResult, actor: User) -> None:
    """Who typed it first is asked to look at the report again; without them, who enters results."""
    first = db.session.get_one(User, row.entered_by_id)
    does = first.active and first.site_id == row.case.site_id and has_permission(Permission.ENTER_RESULT, first)
    open_task(DIFFER, row.case, row.id, subject_id=row.id, actor=actor, assignee=first if does else None,
              detail=list_tests()[row.test].label)


def entries_differ(row: LabResult) -> bool:
    """Whether it waits because what a second person typed is not what the first did."""
    if not row.is_current or row.status is not ResultStatus.PRELIMINARY or not needs_second_entry(row):
        return False
    entry = find_second_entry(row)
    return entry is not None and not entry.agrees


def is_blind_for(row: LabResult, user: User) -> bool:
    """Whether `user` must not see the value yet: it waits, and they are to type it a second time.

    Who may not confirm types nothing: the physician reads what waits, which may be critical. Two entries that differ
    are for everybody to look at; where they agree, only who typed the second has seen both.
    """
    if not row.is_current or row.status is not ResultStatus.PRELIMINARY or row.entered_by_id == user.id:
        return False
    if not has_permission(Permission.CONFIRM_RESULT, user) or not needs_second_entry(row):
        return False
    entry = find_second_entry(row)
    return entry is None or (entry.agrees and entry.entered_by_id != user.id)


def tell_correction(row: LabResult, reason: str, actor: User, is_gone: bool = False) -> None:
    """A result that counted was corrected, or taken back (`is_gone`): the physician is told, and a signed exam is to
    be amended."""
    case = row.case
    if case.state not in workflow.SIGNED:
        return  # the review page shows what was corrected (clinic/queries/alert.py)
    label = list_tests()[row.test].label
    words = (_("%(test)s was taken back after the signature: %(reason)s", test=label, reason=reason) if is_gone
             else _("%(test)s was corrected after the signature: %(reason)s", test=label, reason=reason))
    if list_tests()[row.test].guarded:  # the request stands on pages that more people read than the result
        words = label = (_("A confidential result was taken back after the signature.") if is_gone
                         else _("A confidential result was corrected after the signature."))
    request = AmendmentRequest(case_id=case.id, case=case, reason=words, asked_at=clock.now(), asked_by_id=actor.id)
    db.session.add(request)
    db.session.flush()
    record_change("ask-amendment", "amendment-request", request.id, case_id=case.id, site_id=case.site_id,
                  detail={"result": row.id}, actor_id=actor.id, actor_kind="user")
    open_task("amendment", case, row.id, subject_id=request.id, actor=actor, detail=label)
