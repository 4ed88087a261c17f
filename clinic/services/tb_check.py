"""The months of a treatment: weight, how the person does, side effects; what specimens and films came of each month."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import func, select

from clinic import clock, culture
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.models import (
    Case,
    LabResult,
    Purpose,
    Specimen,
    TbCase,
    TbMonth,
    TbPhase,
    TbSideEffect,
    Treatment,
    User,
    XrayReading,
)
from clinic.partial_date import format_clinically, from_date
from clinic.permissions import Permission, permissions_of
from clinic.rules.age import add_months
from clinic.schemas.tuberculosis import NewMonth, NewSideEffect
from clinic.services.plausibility import ensure_order, ensure_possible_dates, get_today
from clinic.services.task import close_task_of, close_tasks_about, open_task
from clinic.services.tb_given import ask_about_stop, close_stop_tasks, find_stop, list_changes, name_stop
from clinic.services.tb_summary import DISEASE, count_doses, find_last_dose, is_over, list_phases
from clinic.services.tuberculosis import ensure_under_treatment, finish
from clinic.tb_regimen import ALL_STOPPED, UNCHANGED, get_stop_review_days
from clinic.tb_regimen import list_side_effects as list_kinds

GRAVE = 3  # the grade from which the physician is asked (docs/clinical-open-points.md, T14)
LOSS = Decimal("0.95")  # of the weight before: a loss of a twentieth in a month is looked at


@dataclass(frozen=True)
class MonthLine:
    """One month of the treatment on one line."""

    month: int
    begins_on: date
    check: TbMonth | None
    specimens: list[Specimen]
    smear: str  # pending, negative, positive; empty without a specimen
    culture: str
    films: list[XrayReading]


def record_month(tb: TbCase, new: NewMonth, actor: User) -> TbMonth:
    """Write down the check of a month; an earlier entry of the same month stays to be seen.

    Raises InvalidInput for impossible days, NeedsConfirmation for a weight that fell and for a month that has an entry,
    NotNow without a treatment.
    """
    ensure_under_treatment(tb)
    ensure_possible_dates(tb.case, checked_on=new.checked_on)
    began = _get_begin(tb)
    ensure_order(began, new.checked_on, "checked_on", _("This is before the treatment began."))
    confirmed = ensure_confirmed(_list_cautions(tb, new), new.confirmed)
    for old in list_months(tb):
        if old.month == new.month:
            old.superseded_at = clock.now()
    row = TbMonth(case_id=tb.case_id, month=new.month, checked_on=new.checked_on, weight_kg=new.weight_kg,
                  is_better=new.is_better, remark=new.remark.strip(), recorded_at=clock.now(), recorded_by_id=actor.id)
    db.session.add(row)
    finish(tb.case, "record-tb-month", actor, {"number": tb.number, "month": new.month}, confirmed)
    _close_tasks(tb, new.month, actor)
    return row


def record_side_effect(
    tb: TbCase, new: NewSideEffect, actor: User, replaces: TbSideEffect | None = None
) -> TbSideEffect:
    """Write down a side effect, or how an earlier one went on. Raises as `record_month`, and InvalidInput when somebody
    who does not decide on the treatment lets stopped medicines go on.

    A grave one, or one for which medicines were stopped or changed, is the physician's task, unless whoever records it
    decides on the treatment. All medicines stopped: their task in any case, after some days; missed doses are asked for
    no more.
    """
    ensure_under_treatment(tb)
    ensure_possible_dates(tb.case, began_on=new.began_on, ended_on=new.ended_on)
    ensure_order(_get_begin(tb), new.began_on, "began_on", _("This is before the treatment began."))
    ensure_order(new.began_on, new.ended_on, "ended_on", _("The end cannot be before the beginning."))
    if replaces is not None:
        _ensure_may_resume(tb, new, replaces, actor)
        replaces.superseded_at = clock.now()
    row = TbSideEffect(case_id=tb.case_id, kind=new.kind, grade=new.grade, began_on=new.began_on, ended_on=new.ended_on,
                       action=new.action, remark=new.remark.strip(), recorded_at=clock.now(), recorded_by_id=actor.id)
    db.session.add(row)
    finish(tb.case, "record-tb-side-effect", actor, {"number": tb.number, "kind": new.kind, "grade": new.grade})
    _tell_physician(tb, new, actor)
    return row


def list_standing(effects: Iterable[TbSideEffect], phase: TbPhase | None) -> list[TbSideEffect]:
    """Those that go on and for which medicines were stopped or changed since `phase` was begun: what the phase says of
    its medicines does not hold as it stands."""
    return [row for row in effects if phase is not None and row.ended_on is None and row.action != UNCHANGED
            and row.recorded_at > phase.recorded_at]


def get_side_effect(tb: TbCase, row_id: str) -> TbSideEffect:
    """A current side effect of the case. Raises NotFound."""
    row = db.session.get(TbSideEffect, row_id)
    if row is None or row.case_id != tb.case_id or row.superseded_at is not None:
        raise NotFound(_("There is no such side effect on this case."), case=tb.case_id)
    return row


def list_side_effects(tb: TbCase) -> list[TbSideEffect]:
    """The current ones, the newest first."""
    return list(db.session.execute(select(TbSideEffect).where(
        TbSideEffect.case_id == tb.case_id, TbSideEffect.superseded_at.is_(None))
        .order_by(TbSideEffect.began_on.desc(), TbSideEffect.id.desc())).scalars())


def list_months(tb: TbCase) -> list[TbMonth]:
    """The current checks by month."""
    return list(db.session.execute(select(TbMonth).where(
        TbMonth.case_id == tb.case_id, TbMonth.superseded_at.is_(None)).order_by(TbMonth.month)).scalars())


def list_month_lines(tb: TbCase) -> list[MonthLine]:
    """Every month from the start until today or the end, with what is recorded of it; empty before the treatment."""
    began = find_begin(tb)
    if began is None:
        return []
    until = min(tb.outcome_on or _find_last_day(tb), get_today(tb.case))
    checks = {row.month: row for row in list_months(tb)}
    specimens = list(db.session.execute(select(Specimen).where(
        Specimen.case_id == tb.case_id, Specimen.purpose != Purpose.DIAGNOSIS, Specimen.withdrawn_at.is_(None),
        Specimen.rejected_at.is_(None))
        .order_by(Specimen.collected_on, Specimen.number)).scalars())
    readings = list(db.session.execute(select(XrayReading).where(
        XrayReading.case_id == tb.case_id, XrayReading.superseded_at.is_(None)).order_by(XrayReading.id)).scalars())
    lines = []
    for month in range(count_months(began, until) + 1):
        first, after = add_months(began, month), add_months(began, month + 1)
        own = [each for each in specimens if (each.treatment_month if each.treatment_month is not None
                                              else count_months(began, each.collected_on)) == month]
        films = [row for row in readings if row.counts and row.taken_on and first <= row.taken_on < after]
        lines.append(MonthLine(month, first, checks.get(month), own, _say_smear(own), _say_culture(own), films))
    return lines


def _find_last_day(tb: TbCase) -> date:
    """Today while doses are due; then the last day of a dose, of a specimen or of a check, for no month follows."""
    today = get_today(tb.case)
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    if not phases or not is_over(phases[-1], count_doses(tb.case_id)[phases[-1].id]):
        return today
    taken = db.session.execute(select(func.max(Specimen.collected_on)).where(
        Specimen.case_id == tb.case_id, Specimen.withdrawn_at.is_(None))).scalar_one()
    days = [find_last_dose(tb.case_id), taken, *(row.checked_on for row in list_months(tb))]
    return max((day for day in days if day is not None), default=today)


def suggest_purpose(case: Case) -> tuple[Purpose, int | None]:
    """What a specimen taken today is for, with the month: the examination, the treatment, its end when it is over."""
    phases = [phase for phase in list_phases(case.id) if not phase.is_void]
    if not phases:
        return Purpose.DIAGNOSIS, None
    if is_over(phases[-1], count_doses(case.id)[phases[-1].id]):
        return Purpose.END_OF_TREATMENT, None
    return Purpose.MONITORING, count_months(phases[0].started_on, get_today(case))


def find_begin(tb: TbCase) -> date | None:
    """The first day of the treatment here; void phases count, for the months go on."""
    phases = list_phases(tb.case_id)
    return phases[0].started_on if phases else None


def count_months(began: date, day: date) -> int:
    """Whole months from the beginning to a day; none before it."""
    months = (day.year - began.year) * 12 + day.month - began.month
    return max(months - (add_months(began, months) > day), 0) if months >= 0 else 0


def _get_begin(tb: TbCase) -> date:
    began = find_begin(tb)
    if began is None:
        raise InvalidInput(_("Begin the treatment first: its phase, its medicines."), case=tb.case_id)
    return began


def _ensure_may_resume(tb: TbCase, new: NewSideEffect, replaces: TbSideEffect, actor: User) -> None:
    """Raise InvalidInput when medicines that were all stopped would go on by the word of who does not decide that."""
    if replaces.action != ALL_STOPPED or replaces.ended_on is not None or _decides(actor):
        return
    sentence = _("All medicines are stopped: a physician or the tuberculosis team records that they go on. Leave it "
                 "open and stopped here, and write how the person does.")
    wrong = {"action": [sentence]} if new.action != ALL_STOPPED else (
        {"ended_on": [sentence]} if new.ended_on is not None else {})
    if wrong:
        raise InvalidInput(_("Please correct what is marked."), fields=wrong, case=tb.case_id)


def _tell_physician(tb: TbCase, new: NewSideEffect, actor: User) -> None:
    """Open the task that a side effect makes, or close it when the medicines go on."""
    today = get_today(tb.case)
    stop = find_stop(list_changes(tb), today)
    if stop is None:
        close_stop_tasks(tb, actor)
    is_stop = stop is not None and new.action == ALL_STOPPED and new.ended_on is None
    is_told = new.ended_on is None and (new.grade >= GRAVE or new.action != UNCHANGED) and not _decides(actor)
    if not is_stop and not is_told:
        return
    detail = _("%(what)s under tuberculosis treatment, grade %(grade)s: decide how the medicines go on.",
               what=list_kinds()[new.kind], grade=new.grade)
    is_asked = is_stop and ask_about_stop(
        tb, today if is_told else today + timedelta(days=get_stop_review_days()), detail, actor)
    if is_told and not is_asked:
        # Told once, and again when it gets worse.
        told = ":".join([new.kind, f"{new.began_on}", f"{new.grade}", new.action])
        open_task("follow-up", tb.case, f"side-effect:{tb.id}:{told}", role="physician", due_on=today, detail=detail,
                  subject_id=name_stop(tb) if is_stop else None, actor=actor)
    series = _find_series(tb)
    if is_stop and series:
        close_tasks_about("doses-missed", series, "held-back", actor)


def _decides(actor: User) -> bool:
    return Permission.MANAGE_TUBERCULOSIS in permissions_of(actor)


def _find_series(tb: TbCase) -> str | None:
    """The treatment of the case as the rules and the tasks know it."""
    return db.session.execute(select(Treatment.series_id).where(
        Treatment.case_id == tb.case_id, Treatment.disease == DISEASE, Treatment.superseded_at.is_(None)).limit(1)
    ).scalar_one_or_none()


def _close_tasks(tb: TbCase, month: int, actor: User) -> None:
    """What is written down is asked for no more: this month, and those before it."""
    series = _find_series(tb)
    for number in range(1, month + 1) if series else ():
        close_task_of("treatment-month", f"{series}:{number}", "done", actor)


def _list_cautions(tb: TbCase, new: NewMonth) -> list[Caution]:
    before = [row for row in list_months(tb) if row.month < new.month]
    last = before[-1].weight_kg if before else next(
        (phase.weight_kg for phase in reversed(list_phases(tb.case_id))), None)
    weight = Decimal(new.weight_kg)
    found = [
        Caution(f"month-recorded:{row.id}", _(
            "Month %(month)s was written down on %(day)s with %(weight)s kg: this entry takes its place.",
            month=row.month, day=format_clinically(from_date(row.checked_on)), weight=row.weight_kg), "month")
        for row in list_months(tb) if row.month == new.month]
    if last is not None and weight < Decimal(last) * LOSS:
        found.append(Caution("weight-lost", _("The weight fell from %(before)s to %(now)s kg: check it, and the doses.",
                                              before=last, now=new.weight_kg), "weight_kg"))
    elif last is not None and weight > Decimal(last) * (2 - LOSS) * Decimal("1.1"):
        found.append(Caution("weight-gained", _("The weight rose from %(before)s to %(now)s kg: check it.",
                                                before=last, now=new.weight_kg), "weight_kg"))
    return found


def _list_counting(specimen: Specimen, test: str) -> list[LabResult]:
    return [row for row in specimen.results if row.test == test and row.counts]


def _say_smear(specimens: list[Specimen]) -> str:
    found = {row.value for each in specimens for row in _list_counting(each, "sputum-smear")}
    return "" if not specimens else "positive" if "positive" in found else "negative" if found else "pending"


def _say_culture(specimens: list[Specimen]) -> str:
    values = {culture.combine(_list_counting(each, culture.TEST), each.list_media).value for each in specimens}
    return next((value for value in ("mtb", "pending", "inconclusive", "ntm", "contaminated", "negative")
                 if value in values), "")
