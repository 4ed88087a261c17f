"""The treatment of a tuberculosis case: phases begun by weight, doses day by day, interruptions decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotFound, NotNow
from clinic.models import (
    DoseState,
    InterruptionDecision,
    LabResult,
    PhaseName,
    TbCase,
    TbDose,
    TbInterruption,
    TbPhase,
    User,
)
from clinic.partial_date import format_clinically
from clinic.schemas.tuberculosis import NewDose, NewPhase
from clinic.services.plausibility import ensure_possible_dates, get_today
from clinic.services.tb_given import MedicineChange, close_stop_tasks, find_stop, list_changes
from clinic.services.tb_summary import count_doses, is_over, list_phases
from clinic.services.tuberculosis import ensure_under_treatment, finish
from clinic.tb_course import FLUOROQUINOLONES, Count, Gap, advise, find_gaps
from clinic.tb_regimen import compute_dose, list_regimens, list_side_effects

LONGEST_CODE = 60  # of a caution, as PhaseIn takes them back
MARGIN = timedelta(days=1)  # a phase may be prescribed for tomorrow


@dataclass(frozen=True)
class Interruption:
    """A gap in the doses of a phase, what is advised, and what was decided about it, if anything was."""

    phase: TbPhase
    gap: Gap
    advice: InterruptionDecision
    decided: TbInterruption | None


def start_phase(tb: TbCase, new: NewPhase, actor: User) -> TbPhase:
    """Begin a phase; the one before it ends the day before.

    Raises InvalidInput for impossible days, NeedsConfirmation for doses outside the ranges and for a medicine that the
    bacilli resist, NotNow when the treatment was refused or has ended.
    """
    ensure_under_treatment(tb)
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    _ensure_possible_start(tb, new, phases)
    confirmed = ensure_confirmed(_list_phase_cautions(tb, new, phases), new.confirmed)
    plan = list_regimens()[new.regimen][new.name.value]
    if phases and phases[-1].ended_on is None:
        phases[-1].ended_on = max(new.started_on - MARGIN, phases[-1].started_on)
    phase = TbPhase(
        case_id=tb.case_id, name=new.name, regimen=new.regimen, detail=new.detail.strip(), drugs=new.drugs,
        weight_kg=new.weight_kg, days_per_week=new.days_per_week, started_on=new.started_on,
        planned_doses=new.planned_doses or plan.count_doses(new.days_per_week), recorded_at=clock.now(),
        recorded_by_id=actor.id)
    db.session.add(phase)
    finish(tb.case, "start-tb-phase", actor, {
        "number": tb.number, "phase": new.name.value, "regimen": new.regimen, "on": new.started_on.isoformat(),
        "drugs": new.drugs, "weight": new.weight_kg}, confirmed)
    close_stop_tasks(tb, actor)
    return phase


def void_phase(tb: TbCase, phase: TbPhase, reason: str, actor: User) -> None:
    """Take back a phase that was recorded by mistake. Raises NotNow once it has doses."""
    ensure_under_treatment(tb)
    if any(dose.phase_id == phase.id for dose in list_doses(tb)):
        raise NotNow(_("Doses were recorded in this phase: clear those first."), phase=phase.id)
    phase.is_void, phase.end_reason = True, reason
    phase.ended_on = phase.ended_on or phase.started_on
    others = [other for other in list_phases(tb.case_id) if not other.is_void]
    if others and others[-1].ended_on == phase.started_on - MARGIN:
        others[-1].ended_on = None  # it goes on as if nothing had followed
    finish(tb.case, "void-tb-phase", actor, {"number": tb.number, "phase": phase.id, "reason": reason})


def record_doses(tb: TbCase, doses: Sequence[NewDose], actor: User) -> int:
    """Write down what became of some days' doses, all of them or none; how many changed.

    Raises InvalidInput naming each day that cannot be, or the reason that lacks; CaseChanged when somebody wrote
    another thing meanwhile. While all medicines are stopped no dose is given and none is missed.
    """
    ensure_under_treatment(tb)
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    current = {dose.day: dose for dose in list_doses(tb)}
    today, changes = get_today(tb.case), list_changes(tb)
    wrong: dict[str, list[str]] = {}
    changed: list[tuple[NewDose, TbPhase]] = []
    for new in doses:
        known = current.get(new.day)
        if (known.state if known else None) is not new.shown:
            raise CaseChanged(_("Somebody else wrote down these days meanwhile. Nothing of yours was saved: look at "
                                "them again."), case=tb.case_id)
        if new.state is new.shown:
            continue
        phase = _find_phase(phases, new.day)
        sentence = _find_dose_error(new, phase, today, find_stop(changes, new.day))
        if sentence is None and new.state in (DoseState.MISSED, DoseState.HELD) and not new.reason.strip():
            wrong["reason"] = [_("Say why it was missed or held back.")]
        elif sentence or phase is None:
            wrong[f"day-{new.day.isoformat()}"] = [sentence or _("No phase of the treatment covers this day.")]
        else:
            changed.append((new, phase))
            if new.state is DoseState.GIVEN and not _may_have_watched(tb, new.observer_id):
                wrong["observer_id"] = [_("Choose who of this site watched.")]
    if wrong:
        raise InvalidInput(_("Please correct what is marked."), fields=wrong, case=tb.case_id)
    for new, _phase in changed:
        if new.day in current:
            current[new.day].superseded_at = clock.now()
    db.session.flush()  # a day has one current dose: the old one goes before the new one comes
    db.session.add_all(_build_dose(tb, new, phase, actor) for new, phase in changed if new.state is not None)
    if changed:
        finish(tb.case, "record-tb-doses", actor, {"number": tb.number, "days": {
            new.day.isoformat(): [new.shown, new.state] for new, _phase in changed}})
    return len(changed)


def list_doses(tb: TbCase, first: date | None = None, last: date | None = None) -> list[TbDose]:
    """The current dose of every day, of the days from `first` to `last` where given."""
    query = select(TbDose).where(TbDose.case_id == tb.case_id, TbDose.superseded_at.is_(None)).order_by(TbDose.day)
    if first is not None:
        query = query.where(TbDose.day >= first)
    if last is not None:
        query = query.where(TbDose.day <= last)
    return list(db.session.execute(query).scalars())


def list_interruptions(tb: TbCase) -> list[Interruption]:
    """Every gap of the phases that count, the newest last, and what was decided about it.

    Today is no missed day before it is over, nor is one after the last dose that was planned. What was decided stays
    with its phase, a void one too.
    """
    doses = list_doses(tb)
    states = {dose.day: dose.state for dose in doses}
    counts = count_doses(tb.case_id)
    decided = {(row.phase_id, row.from_on): row for row in db.session.execute(
        select(TbInterruption).where(TbInterruption.case_id == tb.case_id).order_by(TbInterruption.id)).scalars()}
    found = []
    yesterday = get_today(tb.case) - timedelta(days=1)
    for phase in list_phases(tb.case_id):
        until = min(phase.ended_on or yesterday, yesterday)
        if is_over(phase, counts.get(phase.id, Count())):
            until = min(until, max(dose.day for dose in doses if dose.phase_id == phase.id))
        for gap in find_gaps(states, phase.started_on, until, phase.days_per_week):
            row = decided.get((phase.id, gap.from_on))
            if phase.is_void and row is None:
                continue
            advice = advise(phase.name, gap.days, counts.get(phase.id, Count()))
            found.append(Interruption(phase, gap, advice, row))
    return found


def decide_interruption(
    tb: TbCase, from_on: date, decision: InterruptionDecision, extra_doses: int, reason: str, actor: User
) -> TbInterruption:
    """What the physician does about a gap: goes on, extends the phase, or begins it anew (its doses do not count then).

    Raises NotFound for a gap that is not there, NotNow for one decided before.
    """
    ensure_under_treatment(tb)
    one = next((each for each in list_interruptions(tb) if each.gap.from_on == from_on), None)
    if one is None:
        raise NotFound(_("There is no such interruption."), case=tb.case_id)
    if one.decided is not None:
        raise NotNow(_("This interruption was decided already."), interruption=one.decided.id)
    row = TbInterruption(
        case_id=tb.case_id, phase_id=one.phase.id, from_on=one.gap.from_on, to_on=one.gap.to_on, days=one.gap.days,
        advice=one.advice, decision=decision, extra_doses=extra_doses, reason=reason, decided_at=clock.now(),
        decided_by_id=actor.id)
    db.session.add(row)
    if decision is InterruptionDecision.EXTEND:
        one.phase.planned_doses += extra_doses
    elif decision is InterruptionDecision.RESTART:
        one.phase.is_void, one.phase.end_reason = True, reason
        one.phase.ended_on = one.phase.ended_on or one.gap.to_on
    finish(tb.case, "decide-tb-interruption", actor, {
        "number": tb.number, "from": one.gap.from_on.isoformat(), "days": one.gap.days, "advice": one.advice.value,
        "decision": decision.value, "reason": reason})
    return row


def get_phase(tb: TbCase, phase_id: str) -> TbPhase:
    """A phase of the case. Raises NotFound."""
    phase = db.session.get(TbPhase, phase_id)
    if phase is None or phase.case_id != tb.case_id:
        raise NotFound(_("There is no such phase on this case."), case=tb.case_id, phase=phase_id)
    return phase


def list_resisted(tb: TbCase) -> set[str]:
    """The drugs that a confirmed test of the case found resistant."""
    rows = db.session.execute(select(LabResult).where(
        LabResult.case_id == tb.case_id, LabResult.test.in_(("dst", "sputum-naat")),
        LabResult.superseded_at.is_(None))).unique().scalars()
    found = {part.name for row in rows if row.counts for part in row.components if part.value == "resistant"}
    return found | ({*FLUOROQUINOLONES} if "fluoroquinolone" in found else set())


def _ensure_possible_start(tb: TbCase, new: NewPhase, phases: list[TbPhase]) -> None:
    problems: dict[str, list[str]] = {}
    if new.started_on > get_today(tb.case) + MARGIN:
        problems["started_on"] = [_("A phase begins today or tomorrow at the latest.")]
    elif new.started_on <= get_today(tb.case):
        ensure_possible_dates(tb.case, started_on=new.started_on)
    if phases and new.started_on <= phases[-1].started_on:
        problems["started_on"] = [_("The phase before it began later than this day.")]
    last = max((dose.day for dose in list_doses(tb) if dose.phase_id in {phase.id for phase in phases}), default=None)
    if last is not None and new.started_on <= last:
        problems["started_on"] = [_("Doses of the phase before it are recorded until %(day)s.",
                                    day=format_clinically(last))]
    if not phases and new.name is PhaseName.CONTINUATION and new.regimen != "other":
        problems["name"] = [_("A regimen begins with its intensive phase; for one begun elsewhere choose another "
                              "regimen and say so.")]
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems, case=tb.case_id)


def _list_phase_cautions(tb: TbCase, new: NewPhase, phases: list[TbPhase]) -> list[Caution]:
    found = []
    weight = Decimal(new.weight_kg)
    for drug, milligrams in new.drugs.items():
        usual = compute_dose(drug, weight)
        if usual is not None and not usual.holds(Decimal(milligrams)):
            found.append(Caution(f"dose-{drug}", _(
                "%(drug)s %(given)s mg at %(weight)s kg: usual are %(low)s to %(high)s mg.", drug=drug.capitalize(),
                given=milligrams, weight=new.weight_kg, low=usual.low, high=usual.high), f"drugs.{drug}"))
    asked = list_regimens()[new.regimen][new.name.value].drugs
    for drug in (sorted(set(new.drugs) - set(asked)) if asked else ()):
        found.append(Caution(f"beside-{drug}"[:LONGEST_CODE], _(
            "%(drug)s is not part of this phase of the regimen.", drug=drug.capitalize()), f"drugs.{drug}"))
    for drug in sorted(list_resisted(tb) & set(new.drugs)):
        found.append(Caution(f"resisted-{drug}", _("The bacilli resist %(drug)s.", drug=drug), f"drugs.{drug}"))
    earlier = next((phase for phase in reversed(phases) if phase.name is PhaseName.INTENSIVE), None)
    if new.name is PhaseName.CONTINUATION and earlier is not None:
        count = count_doses(tb.case_id)[earlier.id]
        if count.given < count.planned:
            found.append(Caution("intensive-short", _(
                "The intensive phase has %(given)s of %(planned)s doses.", given=count.given, planned=count.planned),
                "name"))
    if tb.notified_on is None:
        found.append(Caution("not-notified", _("The case has not been notified to the health authority yet."), ""))
    return found


def _find_phase(phases: list[TbPhase], day: date) -> TbPhase | None:
    return next((phase for phase in reversed(phases) if phase.covers(day)), None)


def _may_have_watched(tb: TbCase, observer_id: str | None) -> bool:
    """Nobody, or somebody of the case's site: the page offers no others."""
    who = db.session.get(User, observer_id) if observer_id else None
    return not observer_id or (who is not None and who.site_id == tb.site_id)


def _find_dose_error(new: NewDose, phase: TbPhase | None, today: date, stop: MedicineChange | None) -> str | None:
    if new.day > today:
        return _("This day has not come yet.")
    if phase is None:
        return _("No phase of the treatment covers this day.")
    if stop is not None and new.state in (DoseState.GIVEN, DoseState.MISSED):
        return _say_stopped(stop)
    return None


def _say_stopped(stop: MedicineChange) -> str:
    told = {"what": list_side_effects()[stop.effect.kind], "first": format_clinically(stop.from_on)}
    if stop.until is not None:
        return _("All medicines were stopped from %(first)s (%(what)s) until %(day)s: the doses between stand as held "
                 "back.", day=format_clinically(stop.until), **told)
    return _("All medicines are stopped since %(first)s (%(what)s): the dose stands as held back. Before one is given, "
             "a physician or the tuberculosis team records how the side effect goes on, or changes the medicines.",
             **told)


def _build_dose(tb: TbCase, new: NewDose, phase: TbPhase, actor: User) -> TbDose:
    is_given = new.state is DoseState.GIVEN
    return TbDose(
        case_id=tb.case_id, phase_id=phase.id, day=new.day, state=new.state, place=new.place if is_given else None,
        observer_id=new.observer_id if is_given else None, reason="" if is_given else new.reason.strip(),
        recorded_at=clock.now(), recorded_by_id=actor.id)
