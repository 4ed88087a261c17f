"""A case's rows become the facts of the decision function; the only place that builds them."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from sqlalchemy import select

from clinic import clock, culture
from clinic.db import db
from clinic.laboratory_test import NEEDED_DRUG, LaboratoryTest, list_tests, to_decimal
from clinic.models import (
    Answer,
    Case,
    DiagnosisBasis,
    DiseaseSite,
    LabResult,
    Purpose,
    Specimen,
    SpecimenKind,
    TbCase,
    TbOutcome,
    Treatment,
    TreatmentOutcome,
    XrayReading,
)
from clinic.partial_date import parse_partial_date
from clinic.rules import list_circumstances, list_programmes
from clinic.rules.programme import Edition
from clinic.services.form_fact import list_form_facts
from clinic.treatment_catalogue import list_treatables

SPUTUM_KINDS = {SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE}


def get_exam_date(case: Case) -> date:
    """The day of the physical exam; until it is known, today at the case's site (product.md, "Case")."""
    return case.exam_date or clock.today(case.site.time_zone)


def get_edition(case: Case) -> Edition:
    """The rules in force on that day."""
    programme = list_programmes()[case.programme]
    return programme.find_edition(get_exam_date(case)) or programme.editions[-1]


def build_facts(case: Case) -> dict[str, Any]:
    """The input of the decision function (decide-contract.md) for `case`, from confirmed results only.

    A circumstance that the category consults and nobody has answered is `unknown`, never "no".
    """
    answers = {row.word: row.answer for row in case.circumstances}
    tb = _find_tb_case(case)
    if tb is not None and tb.site_of_disease is not DiseaseSite.PULMONARY:
        answers["extrapulmonary_tb"] = Answer.YES  # its own record knows it better than the history
    consulted = [circumstance.word for circumstance in list_circumstances(case.programme, case.category)]
    exam_date = get_exam_date(case)
    return {
        "id": case.number,
        "programme": case.programme,
        "category": case.category,
        "stay_months": case.stay_months,
        "au_schedule": case.au_schedule,
        "exam_date": exam_date.isoformat(),
        "application_date": case.application_date.isoformat() if case.application_date else None,
        "birth_date": min(parse_partial_date(case.applicant.birth_date).estimated_on, exam_date).isoformat(),
        "residence": {"country": case.applicant.residence, "tb_incidence_per_100k": None},
        "exam_country": {"country": case.site.country, "tb_incidence_per_100k": None},
        "lived_in": [
            {"country": place.country, "from": place.from_on.isoformat(), "to": (place.to_on or exam_date).isoformat()}
            for place in case.residences
        ],
        "yes": sorted(word for word, answer in answers.items() if answer is Answer.YES),
        "unknown": sorted(
            {word for word, answer in answers.items() if answer is Answer.UNKNOWN}
            | {word for word in consulted if word not in answers}
        ),
        "results": build_results(case),
    }


def build_results(case: Case) -> dict[str, Any]:
    """What has been found so far: the `results` object of the decision function."""
    results: dict[str, Any] = {}
    _add_laboratory(results, case)
    _add_xray(results, case)
    _merge(results, list_form_facts(case))
    _merge(results, list_treatment_facts(case))  # the record of a treatment says more than a form's summary of it
    _merge(results, list_tb_facts(case))
    return results


def list_tb_facts(case: Case) -> dict[str, Any]:
    """What the tuberculosis case establishes beside its treatment: a clinical diagnosis, the place of the disease."""
    tb = _find_tb_case(case)
    if tb is None:
        return {}
    found: dict[str, Any] = {}
    if tb.basis is DiagnosisBasis.CLINICAL and tb.site_of_disease is not DiseaseSite.EXTRAPULMONARY:
        found["tb_diagnosis"] = {"clinical": True}
    if tb.site_of_disease is not DiseaseSite.PULMONARY:
        found["extrapulmonary_site"] = tb.organ
    return found


def _find_tb_case(case: Case) -> TbCase | None:
    """The one of the case, unless its diagnosis turned out to be wrong."""
    tb = db.session.execute(select(TbCase).where(TbCase.case_id == case.id)).scalar_one_or_none()
    return None if tb is None or tb.outcome is TbOutcome.NOT_TB else tb


def list_treatment_facts(case: Case) -> dict[str, Any]:
    """What the recorded treatments establish: of tuberculosis, syphilis and gonorrhoea."""
    rows = db.session.execute(
        select(Treatment).where(Treatment.case_id == case.id, Treatment.superseded_at.is_(None))
    ).scalars()
    found: dict[str, Any] = {}
    for row in rows:
        if not (row.counts and list_treatables()[row.disease].decides):
            continue
        is_done = row.outcome is TreatmentOutcome.COMPLETED
        if row.disease == "tuberculosis":
            found["tb_treatment"] = {
                "status": row.outcome.value if row.outcome.value in ("current", "completed") else "none",
                "dot_under_panel_physician": row.is_supervised,
                "dot_refused": row.outcome is TreatmentOutcome.REFUSED or row.is_refused_here,
                "ended": row.ended_on.isoformat() if row.ended_on else None,
                "end_cultures_negative_reported":
                    row.cultures_negative_on.isoformat() if row.cultures_negative_on else None,
            }
        else:
            found[row.disease] = {"treated": is_done}
            if row.stage:
                found[row.disease]["stage"] = list_treatables()[row.disease].stages[row.stage]
    return found


def list_counting_results(case: Case) -> list[LabResult]:
    """Confirmed, current laboratory results, oldest first."""
    rows = db.session.execute(
        select(LabResult).where(LabResult.case_id == case.id, LabResult.superseded_at.is_(None))
        .order_by(LabResult.performed_on, LabResult.id)
    ).scalars()
    return [row for row in rows if row.counts]


def find_counting_reading(case: Case) -> XrayReading | None:
    """The newest chest X-ray reading that counts."""
    rows = db.session.execute(
        select(XrayReading).where(XrayReading.case_id == case.id, XrayReading.superseded_at.is_(None))
        .order_by(XrayReading.id.desc())
    ).scalars()
    return next((row for row in rows if row.counts), None)


def _add_laboratory(results: dict[str, Any], case: Case) -> None:
    tests = list_tests()
    sputum: dict[str, dict[str, Any]] = {}
    cultures: dict[str, list[LabResult]] = {}
    for row in list_counting_results(case):
        test = tests[row.test]
        if test.name == culture.TEST and row.specimen_id:
            cultures.setdefault(row.specimen_id, []).append(row)
        if row.value in test.significant:
            results.setdefault("significant_tests", []).append(test.name)
        if not test.fact or row.value in test.open_values:
            continue  # makes its examination done (completion.py), or settles nothing; no rule reads it
        if test.fact.startswith("sputum."):
            _add_sputum(sputum, row, test)
        elif test.fact == "igra":
            results.setdefault("igra", []).append({"drawn": row.performed_on.isoformat(), "result": row.value})
        elif test.fact == "tst":
            results["tst"] = {"read": row.performed_on.isoformat(), "mm": to_whole(row.value, "down")}
        elif test.fact == "hiv_test":
            results["hiv_test"] = {"reported": (row.reported_on or row.performed_on).isoformat(), "result": row.value}
        elif test.fact == "dst":
            if any(part.name == NEEDED_DRUG for part in row.components):
                results["dst"] = {"reported": (row.reported_on or row.performed_on).isoformat()}
        else:
            group, name = test.fact.split(".")
            results.setdefault(group, {})[name] = to_whole(row.value, test.whole) if test.units else row.value
    for specimen_id, rows in cultures.items():
        _add_culture(sputum, specimen_id, rows)
    if sputum:
        results["sputum"] = sorted(sputum.values(), key=lambda specimen: specimen["collected"])


def to_whole(value: str, direction: str) -> int:
    """A number of a report as the whole number that the rules read: 59.6 downwards is 59, upwards 60.

    More than 90 is 91, as the authority asks it (ca-au-nz-uk-iom.md 3.4); less than 15 is 14.
    """
    number = to_decimal(value)
    if value.startswith(">"):
        return math.floor(number) + 1
    if value.startswith("<"):
        return max(math.ceil(number) - 1, 0)
    return math.ceil(number) if direction == "up" else math.floor(number)


def _add_sputum(specimens: dict[str, dict[str, Any]], row: LabResult, test: LaboratoryTest) -> None:
    if row.specimen is None or not is_of_series(row.specimen):
        return
    entry = specimens.setdefault(row.specimen.id, {
        "collected": row.specimen.collected_on.isoformat(), "smear": "pending", "naat": None, "culture": "pending",
        "culture_reported": None,
    })
    if test.name != culture.TEST:
        entry[test.fact.removeprefix("sputum.")] = row.value


def _add_culture(specimens: dict[str, dict[str, Any]], specimen_id: str, rows: list[LabResult]) -> None:
    """What its media say together, as the rules read it."""
    specimen = rows[0].specimen
    if specimen_id in specimens and specimen is not None:
        found = culture.combine(rows, specimen.list_media)
        specimens[specimen_id]["culture"] = found.value
        specimens[specimen_id]["culture_reported"] = found.reported_on.isoformat() if found.reported_on else None


def is_of_series(specimen: Specimen) -> bool:
    """Whether a specimen belongs to the diagnosis of the examination: those of the treatment are judged there."""
    return specimen.kind in SPUTUM_KINDS and not specimen.is_lost and specimen.purpose is Purpose.DIAGNOSIS


def _add_xray(results: dict[str, Any], case: Case) -> None:
    reading = find_counting_reading(case)
    if reading is None:
        return
    if reading.deferred:
        results["chest_xray"] = {"deferred": reading.deferred}
    elif reading.taken_on:
        results["chest_xray"] = {"taken": reading.taken_on.isoformat(), "findings": list(reading.findings)}


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value
