"""What was really given of a treatment, beside what was prescribed: first and last dose of each phase, medicines
stopped or changed meanwhile, and the days on which no dose is due because all of them are stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import exists, func, select

from clinic import clock
from clinic.db import db
from clinic.key import new_id
from clinic.models import DoseState, Task, TbCase, TbDose, TbPhase, TbSideEffect, User
from clinic.services.plausibility import get_today
from clinic.services.task import close_tasks_about, open_task
from clinic.services.tb_summary import list_phases
from clinic.tb_regimen import ALL_STOPPED, UNCHANGED

STOPPED = "medicines-stopped"  # the kind of task


@dataclass(frozen=True)
class MedicineChange:
    """Medicines stopped or changed for a side effect, from the day on which somebody recorded it; `until` is the first
    day on which that holds no more, None while it holds."""

    effect: TbSideEffect
    from_on: date
    until: date | None

    @property
    def is_stop(self) -> bool:
        """Whether nothing at all is given."""
        return self.effect.action == ALL_STOPPED

    def covers(self, day: date) -> bool:
        """Whether it holds on that day."""
        return self.from_on <= day and (self.until is None or day < self.until)


@dataclass(frozen=True)
class Course:
    """One phase as it was given: no days where no dose was."""

    first_on: date | None
    last_on: date | None
    changes: tuple[MedicineChange, ...]


def list_changes(tb: TbCase) -> list[MedicineChange]:
    """Every change of medicines for a side effect, in order; what was told of it several times is one.

    It holds until the side effect has ended, until something else is done about it, until a phase begins that was
    prescribed since, or until the treatment has its outcome.
    """
    rows = list(db.session.execute(select(TbSideEffect).where(TbSideEffect.case_id == tb.case_id).order_by(
        TbSideEffect.recorded_at, TbSideEffect.id)).scalars())
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    found: list[MedicineChange] = []
    for row in rows:
        if row.action == UNCHANGED:
            continue
        new = MedicineChange(row, _to_day(tb, row.recorded_at), _find_end(tb, row, rows, phases))
        same = next((old for old in reversed(found) if _goes_on(old, new)), None)
        if same is None:
            found.append(new)
        else:
            found[found.index(same)] = replace(new, from_on=same.from_on)
    return [one for one in found if one.until is None or one.from_on < one.until]


def find_stop(changes: Iterable[MedicineChange], day: date) -> MedicineChange | None:
    """What keeps the dose of that day back: all medicines are stopped."""
    return next((one for one in changes if one.is_stop and one.covers(day)), None)


def list_held_days(
    tb: TbCase, changes: Iterable[MedicineChange], until: date | None = None
) -> dict[date, MedicineChange]:
    """The days until `until`, without it today, that are held back by themselves, with what stopped the medicines:
    those on which a dose was to be given and nobody wrote anything. `changes` as `list_changes` gives them."""
    written = set(db.session.execute(select(TbDose.day).where(
        TbDose.case_id == tb.case_id, TbDose.superseded_at.is_(None))).scalars())
    last, held = until or get_today(tb.case), {}
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    for one in changes:
        day = one.from_on
        while one.is_stop and day <= last and one.covers(day):
            if day not in written and any(phase.covers(day) and phase.is_due(day) for phase in phases):
                held[day] = one
            day += timedelta(days=1)
    return held


def was_stopped(tb: TbCase) -> bool:
    """Whether all medicines were ever stopped, by mistake too."""
    return bool(db.session.execute(select(exists().where(
        TbSideEffect.case_id == tb.case_id, TbSideEffect.action == ALL_STOPPED))).scalar())


def find_last_word(tb: TbCase) -> date:
    """The last day on which somebody wrote anything about the treatment, or on which it ended."""
    moments = db.session.execute(select(*(
        select(func.max(column)).where(model.case_id == tb.case_id).scalar_subquery() for model, column in (
            (TbPhase, TbPhase.recorded_at), (TbDose, TbDose.recorded_at), (TbDose, TbDose.superseded_at),
            (TbSideEffect, TbSideEffect.recorded_at), (TbSideEffect, TbSideEffect.superseded_at))))).one()
    days = [_to_day(tb, moment) for moment in moments if moment is not None]
    return max([tb.registered_on, *days, *([tb.outcome_on] if tb.outcome_on else [])])


def list_courses(tb: TbCase, changes: Sequence[MedicineChange]) -> dict[str, Course]:
    """How each phase was given, by its id; void ones too. `changes` as `list_changes` gives them."""
    rows = {row.phase_id: row for row in db.session.execute(
        select(TbDose.phase_id, func.min(TbDose.day).label("first"), func.max(TbDose.day).label("last")).where(
            TbDose.case_id == tb.case_id, TbDose.superseded_at.is_(None), TbDose.state == DoseState.GIVEN)
        .group_by(TbDose.phase_id))}
    return {phase.id: Course(
        rows[phase.id].first if phase.id in rows else None, rows[phase.id].last if phase.id in rows else None,
        tuple(one for one in changes if (phase.ended_on is None or one.from_on <= phase.ended_on)
              and (one.until is None or one.until > phase.started_on)))
            for phase in list_phases(tb.case_id)}


def ask_about_stop(tb: TbCase, due_on: date, detail: str, actor: User) -> bool:
    """Ask a physician how stopped medicines go on, unless somebody is asked already; whether the task is new. It comes
    back until that is decided (task.toml)."""
    is_asked = bool(db.session.execute(select(exists().where(
        Task.kind == STOPPED, Task.subject_id == tb.id, Task.closed_at.is_(None)))).scalar())
    if not is_asked:
        open_task(STOPPED, tb.case, f"{tb.id}:{new_id()}", due_on, subject_id=tb.id, detail=detail, actor=actor)
    return not is_asked


def close_stop_tasks(tb: TbCase, actor: User) -> None:
    """Whoever was to decide how stopped medicines go on has decided."""
    close_tasks_about(STOPPED, tb.id, "decided-on", actor)
    close_tasks_about("follow-up", name_stop(tb), "done", actor)


def name_stop(tb: TbCase) -> str:
    """What else is told a physician of stopped medicines is about."""
    return f"stop:{tb.id}"


def _to_day(tb: TbCase, moment: datetime) -> date:
    return clock.to_day(moment, tb.case.site.time_zone)


def _goes_on(old: MedicineChange, new: MedicineChange) -> bool:
    """Whether `new` is what was told of `old` later: it took its place, and the same is done about it."""
    return old.effect.action == new.effect.action and old.effect.superseded_at is not None and (
        old.effect.superseded_at <= new.effect.recorded_at) and old.until is not None and old.until >= new.from_on


def _find_end(
    tb: TbCase, row: TbSideEffect, rows: Sequence[TbSideEffect], phases: Sequence[TbPhase]
) -> date | None:
    """The first day on which what `row` says is done holds no more."""
    ends = [phase.started_on for phase in phases if phase.recorded_at > row.recorded_at]
    if tb.outcome_on is not None:
        ends.append(tb.outcome_on + timedelta(days=1))
    if row.ended_on is not None:
        ends.append(row.ended_on)
    if row.superseded_at is not None:
        ends.append(_to_day(tb, row.superseded_at))
        # What was written in its place.
        later = next((each for each in rows if each is not row and each.recorded_at >= row.superseded_at), None)
        if later is not None and later.ended_on is not None:
            ends.append(later.ended_on)
    return min(ends, default=None)
