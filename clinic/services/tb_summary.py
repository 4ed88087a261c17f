"""What a tuberculosis case amounts to: doses by phase, cultures at the end, the one row of `Treatment` that says it.

The rules, the documents and FHIR read that row; here it is written from the days, so that nothing is told twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import case as sql_case
from sqlalchemy import func, select

from clinic import clock, culture, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.models import (
    Case,
    DoseState,
    LabResult,
    PhaseName,
    Purpose,
    ResultStatus,
    Specimen,
    TbCase,
    TbDose,
    TbPhase,
    Treatment,
    TreatmentOutcome,
    User,
)
from clinic.services import revision
from clinic.tb_course import Count, Resistance, find_resistance
from clinic.tb_regimen import count_end_cultures

DISEASE = "tuberculosis"
COUNTS = ("doses_planned", "doses_given", "doses_missed")  # move every day: no report of their own while it goes on
DAILY = (*COUNTS, "is_supervised")


@dataclass(frozen=True)
class EndCultures:
    """The specimens at the end of treatment: so many final negative of so many needed."""

    negative: int
    needed: int
    pending: int
    is_positive: bool
    reported_on: date | None  # when the last of those needed was reported; None until then

    @property
    def is_negative(self) -> bool:
        """Whether all that are needed are final and negative."""
        return self.reported_on is not None


def find_tb_case(case: Case) -> TbCase | None:
    """The tuberculosis case of a health case."""
    return db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one_or_none()


def list_phases(case_id: str) -> list[TbPhase]:
    """The phases in the order they were begun, void ones too."""
    return list(db.session.execute(
        select(TbPhase).where(TbPhase.case_id == case_id).order_by(TbPhase.started_on, TbPhase.id)).scalars())


def count_doses(case_id: str) -> dict[str, Count]:
    """Doses by phase id; one query. What is left of a phase that goes on as another of its name (its medicines were
    changed) is planned in that one."""
    given = sql_case((TbDose.state == DoseState.GIVEN, 1), else_=0)
    rows = db.session.execute(
        select(TbDose.phase_id, func.sum(given).label("given"),
               func.sum(sql_case((TbDose.observer_id.is_not(None), given), else_=0)).label("observed"),
               func.sum(sql_case((TbDose.state == DoseState.MISSED, 1), else_=0)).label("missed"),
               func.sum(sql_case((TbDose.state == DoseState.HELD, 1), else_=0)).label("held"))
        .where(TbDose.case_id == case_id, TbDose.superseded_at.is_(None)).group_by(TbDose.phase_id))
    found = {row.phase_id: row for row in rows}
    counts = {}
    phases = list_phases(case_id)
    for number, phase in enumerate(phases):
        row = found.get(phase.id)
        done = int(row.given or 0) if row else 0
        goes_on = not phase.is_void and any(
            later.name is phase.name and not later.is_void for later in phases[number + 1:])
        planned = min(phase.planned_doses, done) if goes_on else phase.planned_doses
        counts[phase.id] = Count(planned, *(
            int(each or 0) for each in (row.given, row.observed, row.missed, row.held))) if row else Count(planned)
    return counts


def count_all(case_id: str) -> Count:
    """Doses of the phases that count."""
    counts = count_doses(case_id)
    total = Count()
    for phase in list_phases(case_id):
        if not phase.is_void:
            total += counts[phase.id]
    return total


def is_over(phase: TbPhase, count: Count) -> bool:
    """Whether every dose planned is given in the last phase of a regimen: none is due, none is missing."""
    return phase.name is PhaseName.CONTINUATION and 0 < count.planned <= count.given


def find_last_dose(case_id: str) -> date | None:
    """The day of the last dose given."""
    return db.session.execute(
        select(func.max(TbDose.day)).where(TbDose.case_id == case_id, TbDose.superseded_at.is_(None),
                                           TbDose.state == DoseState.GIVEN)).scalar_one()


def find_end_cultures(case: Case) -> EndCultures:
    """How the specimens at the end of treatment stand, by confirmed results."""
    needed = count_end_cultures(case.programme)
    specimens = list(db.session.execute(select(Specimen).where(
        Specimen.case_id == case.id, Specimen.purpose == Purpose.END_OF_TREATMENT,
        Specimen.withdrawn_at.is_(None), Specimen.rejected_at.is_(None)).order_by(
            Specimen.collected_on, Specimen.id)).scalars())
    days: list[date] = []
    pending, is_positive = 0, False
    for each in specimens:
        rows = [row for row in _list_results(each) if row.counts]
        grown = culture.combine([row for row in rows if row.test == culture.TEST], each.list_media)
        smears = {row.value for row in rows if row.test == "sputum-smear"}
        is_positive = is_positive or grown.value == "mtb" or "positive" in smears
        if grown.reported_on is None or not smears:
            pending += 1
        elif grown.value in ("negative", "ntm") and smears == {"negative"}:
            days.append(grown.reported_on)
    is_in = len(days) >= needed and not pending and not is_positive
    return EndCultures(len(days), needed, pending, is_positive, max(days) if is_in else None)


def find_case_resistance(case: Case) -> Resistance | None:
    """The category of resistance by every confirmed test of the case."""
    return find_resistance(_list_susceptibilities(case))


def _list_susceptibilities(case: Case) -> list[tuple[str, str]]:
    rows = db.session.execute(select(LabResult).where(
        LabResult.case_id == case.id, LabResult.test.in_(("dst", "sputum-naat")), LabResult.superseded_at.is_(None))
    ).unique().scalars()
    return [(part.name, part.value) for row in rows if row.counts for part in row.components]


def list_answers(case: Case, answer: str) -> set[str]:
    """The drugs, and classes of drugs, of which a confirmed test of the case gave that answer."""
    return {drug for drug, found in _list_susceptibilities(case) if found == answer}


def publish(case: Case, actor: User) -> Treatment | None:
    """Write the `Treatment` row anew when what the tuberculosis case amounts to has changed; None when it has not.

    A signed case keeps what was signed: its next exam, or its amendment, brings the row up to date.
    """
    tb = find_tb_case(case)
    if tb is None or case.state not in workflow.RECORDING:
        return None
    db.session.flush()
    values = _summarise(tb, case)
    current = db.session.execute(select(Treatment).where(
        Treatment.case_id == case.id, Treatment.disease == DISEASE, Treatment.superseded_at.is_(None),
        Treatment.status != ResultStatus.ENTERED_IN_ERROR)).scalar_one_or_none()
    if values is None:
        return None
    told = values if values["outcome"] is not TreatmentOutcome.CURRENT else {
        name: value for name, value in values.items() if name not in DAILY}
    if current is not None and all(getattr(current, name) == value for name, value in told.items()):
        return None
    row = Treatment(case_id=case.id, case=case, disease=DISEASE, status=ResultStatus.FINAL, entered_at=clock.now(),
                    entered_by_id=actor.id, **values)
    if current is not None:
        revision.supersede(current, row)
        row.status = ResultStatus.CORRECTED
    db.session.add(row)
    db.session.flush()
    record_change("report-treatment", "treatment", row.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"disease": DISEASE, "series": row.series_id, "revision": row.revision,
                                             "from": tb.number})
    return row


def _summarise(tb: TbCase, case: Case) -> dict[str, Any] | None:
    """The columns of `Treatment`; None while nothing was begun and nothing refused."""
    if tb.refused_on is not None:
        return _summarise_refusal(tb)
    phases = [phase for phase in list_phases(case.id) if not phase.is_void]
    if not phases:
        return None
    total = count_all(case.id)
    outcome = TreatmentOutcome.CURRENT if tb.outcome is None else (
        TreatmentOutcome.COMPLETED if tb.outcome.is_success else TreatmentOutcome.STOPPED)
    ends = find_end_cultures(case)
    is_counted = bool(total.given or total.missed) or outcome is not TreatmentOutcome.CURRENT  # else it says "0 given"
    return {
        "stage": None, "regimen": phases[-1].regimen, "detail": phases[-1].detail or tb.outcome_remark,
        "outcome": outcome, "is_supervised": total.is_observed, "is_refused_here": False,
        "started_on": phases[0].started_on, "ended_on": tb.outcome_on if tb.outcome else None,
        "doses_planned": total.planned or None, "doses_given": total.given if is_counted else None,
        "doses_missed": total.missed if is_counted else None,
        "cultures_negative_on": ends.reported_on if tb.outcome and tb.outcome.is_success else None,
    }


def _summarise_refusal(tb: TbCase) -> dict[str, Any]:
    is_done = tb.elsewhere_ended_on is not None
    return {
        "stage": None, "regimen": "other" if is_done else None, "detail": tb.elsewhere or tb.refusal_reason,
        "outcome": TreatmentOutcome.COMPLETED if is_done else TreatmentOutcome.REFUSED, "is_supervised": False,
        "is_refused_here": True, "started_on": tb.elsewhere_began_on, "ended_on": tb.elsewhere_ended_on,
        "doses_planned": None, "doses_given": None, "doses_missed": None, "cultures_negative_on": None,
    }


def _list_results(each: Specimen) -> list[LabResult]:
    return list(db.session.execute(select(LabResult).where(
        LabResult.specimen_id == each.id, LabResult.superseded_at.is_(None)).order_by(LabResult.id)).unique().scalars())
