"""Two people of the demo on the long way: a sputum series on its 31st day, and a treatment in its second month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

from clinic.caution import NeedsConfirmation
from clinic.demo.walk import Staff, ensure_consent
from clinic.models import (
    Case,
    Collection,
    DiagnosisBasis,
    DiseaseSite,
    DosePlace,
    DoseState,
    PhaseName,
    Purpose,
    Specimen,
    SpecimenKind,
    TbHistory,
)
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.schemas.tuberculosis import NewDose, NewMonth, NewPhase, NewSideEffect, NewTbCase
from clinic.services import tb_check, tb_treatment, tuberculosis
from clinic.services.laboratory import confirm_result, enter_result
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.services.specimen import inoculate, take_specimen

MEDIA = ("liquid", "solid")
DRUGS = {"isoniazid": "300", "rifampicin": "600", "pyrazinamide": "1500", "ethambutol": "1000"}
INOCULATED_AGO, TREATED_AGO = 31, 45  # days
AWAY = range(20, 24)  # days of the treatment without a dose
MISSED, HELD = 9, 33

Made = TypeVar("Made")


def _confirmed(make: Callable[[list[str]], Made]) -> Made:
    """Do it, ticking whatever is asked: what the demo tells lies weeks back."""
    try:
        return make([])
    except NeedsConfirmation as unusual:
        return make([caution.code for caution in unusual.cautions])


def begin_series(case: Case, staff: Staff, film_ago: int = INOCULATED_AGO + 4) -> list[Specimen]:
    """A film that suggests tuberculosis and three specimens, inoculated; smears and the first NAAT are back."""
    today = get_today(case)
    ensure_consent(case, staff["reception"])
    case.exam_date = today - timedelta(days=film_ago)  # CDC's counts are by the day of the examination
    _confirmed(lambda ticks: record_reading(case, NewReading(
        taken_on=today - timedelta(days=film_ago), view="pa", findings=("INFILTRATE",),
        confirmed=[ELSEWHERE, *ticks]), staff["radiologist"]))
    pots = [_take(case, staff, today - timedelta(days=film_ago - 1 - n)) for n in range(3)]
    for pot in pots:
        inoculate(pot, today - timedelta(days=film_ago - 4), MEDIA, staff["labtech"])
        _result(case, staff, pot, "sputum-smear", "negative", film_ago - 4)
    return pots


def show_series(case: Case, staff: Staff) -> None:
    """A series that waits for its cultures."""
    _result(case, staff, begin_series(case, staff)[0], "sputum-naat", "not-detected", INOCULATED_AGO - 1)


def show_treatment(case: Case, staff: Staff) -> None:
    """Proven, susceptible, in the second month of treatment; four days away are still to be decided."""
    today = get_today(case)
    pots = begin_series(case, staff, TREATED_AGO + 8)
    _result(case, staff, pots[0], "sputum-naat", "detected", TREATED_AGO + 2, rifampicin="susceptible")
    _result(case, staff, pots[0], "sputum-culture", "mtb", 28, "liquid", **{"identified-by": "mpt64"})
    _result(case, staff, pots[0], "dst", "susceptible", 14, "phenotypic-liquid", isoniazid="susceptible",
            rifampicin="susceptible", **{"isoniazid.detail": "0.1 mg/L", "rifampicin.detail": "0.5 mg/L"})
    began, doctor, nurse = today - timedelta(days=TREATED_AGO), staff["tbteam"], staff["nurse"]
    tb = _confirmed(lambda ticks: tuberculosis.open_tb_case(case, NewTbCase(
        diagnosed_on=began - timedelta(days=1), basis=DiagnosisBasis.NAAT, site_of_disease=DiseaseSite.PULMONARY,
        history=TbHistory.NEW, hiv_untested="offered, declined", notified_on=began, notified_to="County TB office",
        notification_number="DEMO-0001", confirmed=ticks), doctor))
    _confirmed(lambda ticks: tb_treatment.start_phase(tb, NewPhase(
        name=PhaseName.INTENSIVE, regimen="hrze-hr-daily", weight_kg="58.0", days_per_week=7, started_on=began,
        drugs=DRUGS, confirmed=ticks), doctor))
    tb_treatment.record_doses(tb, [_dose(began, n, nurse.id) for n in range(TREATED_AGO) if n not in AWAY], nurse)
    for month, weight in ((0, "58.0"), (1, "59.5")):
        _confirmed(lambda ticks, month=month, weight=weight: tb_check.record_month(tb, NewMonth(  # type: ignore[misc]
            month=month, checked_on=began + timedelta(days=31 * month), weight_kg=weight,
            is_better=True if month else None, confirmed=ticks), nurse))
    tb_check.record_side_effect(tb, NewSideEffect(
        kind="nausea", grade=1, began_on=began + timedelta(days=4), action="none",
        ended_on=began + timedelta(days=12), remark="takes the tablets after breakfast"), nurse)
    pot = _take(case, staff, began + timedelta(days=30), Purpose.MONITORING, 1)
    inoculate(pot, began + timedelta(days=31), MEDIA, staff["labtech"])
    _result(case, staff, pot, "sputum-smear", "negative", TREATED_AGO - 32)


def _dose(began: date, number: int, observer_id: str) -> NewDose:
    state = {MISSED: DoseState.MISSED, HELD: DoseState.HELD}.get(number, DoseState.GIVEN)
    reason = {MISSED: "funeral in the village", HELD: "vomited"}.get(number, "")
    return NewDose(began + timedelta(days=number), state, None, DosePlace.CLINIC, observer_id, reason)


def _take(
    case: Case, staff: Staff, day: date, purpose: Purpose = Purpose.DIAGNOSIS, month: int | None = None
) -> Specimen:
    return _confirmed(lambda ticks: take_specimen(case, NewSpecimen(
        kind=SpecimenKind.SPUTUM, collected_on=day, collection=Collection.EXPECTORATED, purpose=purpose,
        treatment_month=month, observed_by_id=staff["tbteam"].id, confirmed=ticks), staff["tbteam"]))


def _result(
    case: Case, staff: Staff, pot: Specimen, test: str, value: str, ago: int, method: str | None = None, **parts: str
) -> None:
    reported = get_today(case) - timedelta(days=ago)
    row = _confirmed(lambda ticks: enter_result(case, NewResult(
        test=test, value=value, reported_on=reported, specimen_id=pot.id, components=dict(parts), method=method,
        confirmed=ticks), staff["labtech"]))
    confirm_result(row, staff["labsupervisor"])

