"""What becomes of one result that a laboratory reported (clinic/services/result_taking.py keeps it as a row).

Where it is certain whose it is and what it means, a preliminary result of ours comes of it, entered by the laboratory's
own account, which a person of ours validates like every other. Everything else waits for a person with the reason.
Nothing here makes or changes a person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.caution import NeedsConfirmation, ensure_confirmed
from clinic.db import db
from clinic.errors import AlreadyDone, ClearwayError, InvalidInput, NotFound
from clinic.lab_report import ReportedPanel, ReportedPerson, ReportedValue, from_plain
from clinic.laboratory_test import LaboratoryTest
from clinic.models import (
    FOR_A_PERSON,
    Case,
    LabOrderState,
    LabResult,
    MapKind,
    ReportedResult,
    ReportedState,
    ResultStatus,
    Specimen,
    User,
)
from clinic.schemas.laboratory import NewResult
from clinic.services import laboratory as results
from clinic.services import release
from clinic.services.code_mapping import Dictionary, read_dictionary
from clinic.services.order_answer import list_answered
from clinic.services.result_alike import find_base, find_ordered, find_told, is_either, list_alike
from clinic.services.result_before import find_before, is_of_whom_unclear, was_put_back
from clinic.services.result_caution import list_contradictions
from clinic.services.result_match import Suggestion, find_match
from clinic.services.result_reading import (
    CORRECTED,
    FINAL,
    NOT_DONE,
    NOTED,
    PRELIMINARY,
    TAKEN_BACK,
    WRONG,
    Group,
    Undecided,
    build_groups,
    build_result,
    find_specimen,
    is_parent_inferred,
    say_fields,
)
from clinic.services.specimen import list_specimens


def assign(
    row: ReportedResult, case: Case, actor: User, remark: str = "", specimen_id: str | None = None,
    confirmed: Collection[str] = (), test: str = "",
) -> LabResult:  # fmt: skip
    """A person says whose a waiting result is; it is entered in that person's name, and another one validates it.

    Raises AlreadyDone when somebody decided meanwhile, InvalidInput for what cannot be taken as a result of this case
    (the code or the value means nothing here yet), NeedsConfirmation for what is unusual and for a case of somebody
    whom the laboratory calls otherwise. `specimen_id` is what it was made on, and `test` which of the tests with the
    same codes, as the person says.
    """
    _ensure_waiting(row)
    if not has_value(row):
        raise InvalidInput(_("The laboratory says that there is no such result: nothing is entered of it."),
                           reported=row.id)
    if case.site_id != row.site_id:
        raise NotFound(_("There is no such case at your site."), case=case.id)
    dictionary = read_dictionary(row.laboratory_id)
    group = _read_back(row, dictionary, test)
    if (which := list_meanings(row)) and not test and not find_ordered(which[0], row.placer):
        raise InvalidInput(_("Please correct what is marked."), reported=row.id, fields={"test": [
            _("Say which test it is: they have the same codes.")]})
    specimen = next((one for one in list_specimens(case) if one.id == specimen_id), None)
    try:
        new = build_result(row.laboratory, group, dictionary, case, specimen or find_specimen(group, case, None),
                           _find_draw(case, specimen_id))
    except Undecided as problem:
        raise InvalidInput(str(problem), reported=row.id) from None
    other = list_contradictions(row, case)
    ensure_confirmed(other, confirmed)
    try:
        made = results.enter_result(case, replace(new, confirmed=list(confirmed)), actor)
    except NeedsConfirmation as problem:
        raise NeedsConfirmation([*other, *problem.cautions], reported=row.id) from None
    row.test, row.sub_id = made.test, find_sub_id(group)  # its code may mean something only since it came
    _settle(row, ReportedState.APPLIED, "", case.id, made)
    release.drop_waiting(row, actor)
    row.decided_at, row.decided_by_id, row.remark = clock.now(), actor.id, remark
    _record("assign-result", row, actor, remark, [one.code for one in other])
    return made


def _find_draw(case: Case, specimen_id: str | None) -> date | None:
    """The day of the tube whose label a person scanned for it."""
    tube = db.session.get(Specimen, specimen_id) if specimen_id else None
    return tube.collected_on if tube is not None and tube.case_id == case.id and not tube.is_lost else None


def reject(row: ReportedResult, reason: str, actor: User) -> None:
    """A person says that a waiting result belongs to nobody here, or was dealt with; it stays to be seen."""
    _ensure_waiting(row)
    _settle(row, ReportedState.REJECTED, row.reason, row.case_id)
    release.drop_waiting(row, actor)
    row.decided_at, row.decided_by_id, row.remark = clock.now(), actor.id, reason
    _record("reject-result", row, actor, reason)


def has_value(row: ReportedResult) -> bool:
    """Whether a laboratory reports something that could be entered: not what it could not do, or takes back."""
    return row.status not in (*NOT_DONE, *TAKEN_BACK)


def find_unmapped(row: ReportedResult) -> dict[str, str]:
    """What of a reported result means nothing here yet, as the form of the mapping table takes it; empty: nothing."""
    dictionary = read_dictionary(row.laboratory_id)
    group = _read_back(row, dictionary)
    test, main = group.test, group.main
    if test is None:
        first = group.first
        return {"kind": MapKind.TEST.value, "code": row.their_code, "system": first.system, "text": first.text}
    if main is None or test.drugs:
        return {}
    if test.units:
        known, kind, code = dictionary.find_unit(test, main.unit), MapKind.UNIT, main.unit
    else:
        known, kind, code = dictionary.find_value(test, main), MapKind.VALUE, main.value
    return {} if known or not code else {"kind": kind.value, "code": code, "test": test.name}


def list_meanings(row: ReportedResult) -> list[LaboratoryTest]:
    """The tests that a reported result may be of, where several of ours have its codes; else empty."""
    group = _read_back(row, read_dictionary(row.laboratory_id))
    return list_alike(group.test.name) if group.test else []


def list_suggestions(row: ReportedResult) -> list[Suggestion]:
    """The cases that a reported result may belong to, with what speaks for and against each."""
    person, panel = from_plain(row.content)
    return find_match(row.laboratory, person, panel, is_wide=True)[1]


def decide(row: ReportedResult, person: ReportedPerson, group: Group, dictionary: Dictionary) -> None:
    """Apply what is certain; everything else waits with its reason."""
    if group.test and not find_ordered(group.test, row.placer) and (told := find_told(row, group.test)):
        row.test, group = told.name, replace(group, test=told)
    certain, suggestions = find_match(row.laboratory, person, group.panel)
    case = certain.case if certain else None
    before, of_others = find_before(row, person, case)
    latest = max(before, key=lambda one: (one.said_at, one.id), default=None)
    if latest is not None and row.said_at < latest.said_at:
        _settle(row, ReportedState.LATE, _("It is older than what the laboratory said before."), latest.case_id)
        return
    applied = next((one for one in reversed(before) if one.result_id), None)
    row.case_id = case.id if case else None
    if row.status in NOTED:
        _settle(row, ReportedState.NOTED, _("The laboratory has it in work."), row.case_id)
    elif row.status in PRELIMINARY:
        late = applied is not None
        _settle(row, ReportedState.LATE if late else ReportedState.PRELIMINARY,
                _("A final result is known already.") if late else _("The laboratory calls it preliminary."),
                row.case_id)
        if case is not None and not late:
            release.tell_waiting(row, case)
    elif row.status in NOT_DONE:
        why = group.panel.reason or group.first.note or group.panel.note
        _settle(row, ReportedState.NOT_DONE, _("The laboratory could not do it: %(why)s", why=why or "–"), row.case_id)
    elif row.status in (*FINAL, *TAKEN_BACK) and was_put_back(before):
        row.case_id = None
        _wait(row, _("What the laboratory said of it before was taken off a case here: say whose it is."))
    elif row.status in (*FINAL, *TAKEN_BACK) and is_of_whom_unclear(row, of_others):
        _wait(row, _("Under this number the laboratory spoke of somebody else before (%(where)s): compare both.",
                     where=", ".join(dict.fromkeys(one.case.number if one.case else _("nobody here")
                                                   for one in of_others))))
        if case is not None:
            release.tell_waiting(row, case)
    elif row.status in TAKEN_BACK:
        _take_back(row, applied, certain)
    elif row.status not in FINAL:
        _wait(row, _("Its state (OBX-11) is none that we know."))
    elif certain is None:
        _wait(row, _("Nobody here fits for certain.") if not suggestions else _(
            "Whose it is, is not certain: look at what speaks for and against each case."))
    else:
        if row.status == "U":
            group = _promote(group, before)
        _apply(row, group, dictionary, certain, applied)
        for one in before:  # what was said before, preliminarily or while it waited: this word asks for itself
            release.drop_waiting(one, None)


def _apply(
    row: ReportedResult, group: Group, dictionary: Dictionary, certain: Suggestion, applied: ReportedResult | None
) -> None:
    actor = row.laboratory.user
    specimen, row.parent_inferred = find_specimen(group, certain.case, certain), is_parent_inferred(group)
    row.specimen_id = specimen.id if specimen else None
    try:
        with db.session.begin_nested():
            if certain.order is not None and certain.order.state is LabOrderState.CANCELLED:
                raise Undecided(_("Its order was cancelled here: %(why)s", why=certain.order.cancelled_reason))
            if applied is None and group.test and is_either(group.test, certain):
                raise Undecided(_("Of which it is, is not certain without the number of its order: %(tests)s.",
                                  tests=" · ".join(one.label for one in list_alike(group.test.name))))
            new = build_result(row.laboratory, group, dictionary, certain.case, specimen)
            current = find_current(applied)
            if current is None:
                made = results.enter_result(certain.case, new, actor)
            elif _says_nothing_new(row, group, new, current, applied):
                _settle(row, ReportedState.NOTED, _("It says nothing new."), certain.case.id)
                return
            else:
                reason = group.first.note or group.panel.note or _("corrected by the laboratory")
                made = results.correct_result(current, new, reason[:2000], actor)
            _settle(row, ReportedState.APPLIED, "", certain.case.id, made)
            _record("take-result", row, actor)
            return
    except Undecided as problem:
        reason = str(problem)
    except NeedsConfirmation as problem:
        reason = " ".join(caution.text for caution in problem.cautions)
    except InvalidInput as problem:
        reason = " ".join(filter(None, (problem.message, say_fields(problem.fields))))
    except ClearwayError as problem:
        reason = problem.message
    _wait(row, reason)
    release.tell_waiting(row, certain.case)


def _take_back(row: ReportedResult, applied: ReportedResult | None, certain: Suggestion | None) -> None:
    """Deleted or wrong (table 0085, D and W): our result is withdrawn, whoever had validated it.

    Where our order is named, has a result, and none came under this number, a person looks which one is meant.
    """
    current = find_current(applied)
    row.case_id = applied.case_id if applied else row.case_id
    order = certain.order if certain else None
    if applied is None and order is not None and order.id in list_answered(order.case):
        _wait(row, _("The laboratory takes back a result of this order under a number that none of ours came under."))
        return
    if current is None:
        _settle(row, ReportedState.WITHDRAWN, _("Nothing of ours had come of it."), row.case_id)
        return
    try:
        with db.session.begin_nested():
            results.withdraw_result(current, _("withdrawn by the laboratory"), row.laboratory.user)
            if row.status == WRONG:
                release.tell_mistaken(current, row.laboratory.user)
    except ClearwayError as problem:
        _wait(row, _("The laboratory takes it back, and we could not: %(why)s", why=problem.message))
        return
    _settle(row, ReportedState.WITHDRAWN, _("Our result was withdrawn with it."), row.case_id, current)
    _record("take-back-result", row, row.laboratory.user)


def find_sub_id(group: Group) -> str:
    """What tells isolates of one culture apart (OBX-4)."""
    return (group.main.sub_id if group.main else "")[:40]


def find_current(applied: ReportedResult | None) -> LabResult | None:
    """The newest revision of the result that came of an earlier word; None when there is none, or it was taken back."""
    if applied is None or applied.result_id is None:
        return None
    first = db.session.get_one(LabResult, applied.result_id)
    newest = db.session.execute(
        select(LabResult).where(LabResult.series_id == first.series_id).order_by(LabResult.revision.desc()).limit(1)
    ).unique().scalar_one()
    return newest if newest.is_current and newest.status is not ResultStatus.ENTERED_IN_ERROR else None


def _promote(group: Group, before: Sequence[ReportedResult]) -> Group:
    """U: the value held as preliminary is final now and not repeated (table 0085)."""
    if group.first.value or group.first.value_text:
        return group
    held = next((one for one in reversed(before) if one.state is ReportedState.PRELIMINARY), None)
    if held is None:
        return group
    _person, panel = from_plain(held.content)
    dictionary = read_dictionary(held.laboratory_id)
    values = tuple(replace(value, status="F") for value in panel.values)
    made = build_groups(replace(panel, values=values, reported_at=group.panel.reported_at), dictionary)
    return made[0] if made else group


def _says_nothing_new(
    row: ReportedResult, group: Group, new: NewResult, current: LabResult, applied: ReportedResult | None
) -> bool:
    """Whether a word on a result that stands changes nothing of it: not its value, its mark, its days or its remarks.

    Laboratories send the same once more, often at another hour and with less: only what calls itself corrected moves a
    day, and what is left out is not taken back.
    """
    parts = {part.name: part.value for part in current.components}
    if (current.value, current.unit, current.method, parts) != (new.value, new.unit, new.method, new.components):
        return False
    if (new.mark or current.mark) != current.mark:
        return False
    if row.status == CORRECTED and (
            (new.specimen_id is None and new.performed_on != current.performed_on)
            or (new.specimen_id or current.specimen_id) != current.specimen_id
            or (new.test in results.REPORTED and new.reported_on != current.reported_on)):
        return False
    before = from_plain(applied.content)[1] if applied else None
    return _list_notes(group.panel, group.values) <= (_list_notes(before, before.values) if before else set())


def _list_notes(panel: ReportedPanel, values: Iterable[ReportedValue]) -> set[str]:
    return {note for note in (panel.note, *(value.note for value in values)) if note}


def _read_back(row: ReportedResult, dictionary: Dictionary, test: str = "") -> Group:
    """The lines of a reported result as a group; `test` is which of the tests with the same codes a person says."""
    _person, panel = from_plain(row.content)
    groups = build_groups(panel, dictionary)
    group = next((one for one in groups if one.test and find_base(one.test.name) == find_base(row.test)), groups[0])
    alike = {one.name: one for one in list_alike(group.test.name)} if group.test else {}
    said = alike.get(test or row.test)
    return replace(group, test=said) if said else group


def _settle(row: ReportedResult, state: ReportedState, reason: str, case_id: str | None,
            result: LabResult | None = None) -> None:
    row.state, row.reason, row.case_id = state, reason, case_id
    if result is not None:
        row.result_id = result.id
    db.session.flush()


def _wait(row: ReportedResult, reason: str) -> None:
    _settle(row, ReportedState.WAITING, reason, row.case_id)


def _ensure_waiting(row: ReportedResult) -> None:
    if row.state not in FOR_A_PERSON:
        raise AlreadyDone(_("Somebody has decided about this result already. Look again."), reported=row.id)


def _record(
    action: str, row: ReportedResult, actor: User, reason: str = "", confirmed: Sequence[str] = ()
) -> None:
    detail: dict[str, object] = {"test": row.test, "message": row.message_id, "laboratory": row.laboratory_id,
                                 "status": row.status, "result": row.result_id}
    if reason:
        detail["reason"] = reason
    if confirmed:
        detail["confirmed"] = list(confirmed)
    record_change(action, "reported-result", row.id, case_id=row.case_id, site_id=row.site_id, detail=detail,
                  actor_id=actor.id, actor_kind="user")
    db.session.flush()
