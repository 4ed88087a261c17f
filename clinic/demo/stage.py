"""Brings demo cases to various stages by the same services that staff use; a step the rules refuse is left out."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from clinic.caution import NeedsConfirmation
from clinic.demo.radiography import take_film
from clinic.demo.second_person import check_result
from clinic.demo.walk import ADULT, ensure_consent, work_through
from clinic.errors import ClearwayError
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import Answer, Applicant, Case, RequirementState, Sex, SpecimenKind, User
from clinic.partial_date import age_on, parse_partial_date
from clinic.rules import list_circumstances
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services.assessment import list_requirements
from clinic.services.draw import draw, list_due_tubes
from clinic.services.handover import note_print, receive
from clinic.services.lab_order import order_test
from clinic.services.laboratory import enter_result
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.services.specimen import take_specimen
from clinic.xray_finding import RESULT_PROGRAMMES, XrayResult

# How far a case has come: share of cases up to each stage, our own choice.
STAGES = ((0.2, "opened"), (0.35, "entered"), (0.55, "confirmed"), (0.8, "read"), (1.0, "ready"))
DRAWN_FROM, RECEIVED_FROM = 0.1, 0.13  # of those opened only: blood is drawn, and has reached the laboratory
# Circumstances that a few demo people have, so that their consequences are seen; share of people.
SHARES = {"tb_contact": 0.04, "tb_contact_household": 0.04, "tb_contact_5y": 0.03, "tb_history": 0.03,
          "tb_symptoms": 0.02, "pregnant": 0.06, "health_worker": 0.05, "listed_presence": 0.7}
UNKNOWN_SHARE = 0.04  # of answers that nobody has given yet
UNUSUAL = {"igra": (0.15, "positive"), "syphilis-nontreponemal": (0.02, "reactive"), "hiv": (0.01, "positive")}
USUAL = ("negative", "nonreactive", "not-detected", "normal")
TYPICAL_NUMBERS = {"tst": "4", "creatinine-egfr": "96", "hba1c": "36", "haemoglobin": "13.8", "white-cells": "6.4",
                   "platelets": "245"}


RESULTS = {"NORMAL": XrayResult.NORMAL.value, "INFILTRATE": XrayResult.TB.value}


def list_answers(rng: Random, programme: str, category: str, applicant: Applicant) -> dict[str, Answer]:
    """Plausible answers to what the category consults: mostly no, some yes, a few not known yet."""
    years = age_on(parse_partial_date(applicant.birth_date), applicant.registered_at.date()).years
    may_be_pregnant = applicant.sex is Sex.FEMALE and 16 <= years <= 45
    answers = {}
    for item in list_circumstances(programme, category):
        chance = rng.random()
        share = SHARES.get(item.word, 0.0) if item.word != "pregnant" or may_be_pregnant else 0.0
        unknown = chance > 1 - UNKNOWN_SHARE and not item.word.startswith("pregnant")
        answers[item.word] = Answer.UNKNOWN if unknown else Answer.YES if chance < share else Answer.NO
    return answers


def bring_to_stage(rng: Random, case: Case, staff: dict[str, User]) -> None:
    """Let laboratory and radiology do what they would have done by now."""
    chance = rng.random()
    stage = next(name for limit, name in STAGES if chance < limit)
    if stage == "opened":
        if chance >= DRAWN_FROM:
            _draw(case, staff, is_received=chance >= RECEIVED_FROM)
        return
    ensure_consent(case, staff["reception"])
    if stage == "ready" and _is_unremarkable(case):
        work_through(case, staff)
        return
    for test in _list_wanted_tests(case):
        _record_test(rng, case, test, staff, confirm=stage != "entered")
    if stage in ("confirmed", "read", "ready"):
        _record_film(rng, case, staff, is_read=stage != "confirmed")
    if stage in ("read", "ready"):
        _take_sputum(case, staff["tbteam"])


def _is_unremarkable(case: Case) -> bool:
    """Whether clinic/demo/walk.py can take the case to the physician: an adult man with nothing to report."""
    years = age_on(parse_partial_date(case.applicant.birth_date), get_today(case)).years
    answers = {row.answer for row in case.circumstances}
    return (case.applicant.sex is Sex.MALE and years in ADULT and Answer.YES not in answers
            and case.status == "incomplete")


def _list_wanted_tests(case: Case) -> list[LaboratoryTest]:
    """What settles each open examination of the laboratory that needs no specimen row."""
    wanted = []
    for row in list_requirements(case):
        if row.state is RequirementState.OPEN:
            serving = [test for test in list_tests().values()
                       if row.exam in test.exams and test.settles and not test.specimen]
            wanted += serving[:1] if serving and serving[0].fact else serving
    return wanted


def _record_test(rng: Random, case: Case, test: LaboratoryTest, staff: dict[str, User], confirm: bool) -> None:
    share, unusual = UNUSUAL.get(test.name, (0.0, ""))
    if test.values:
        usual = next((value for value in test.values if value in USUAL), test.values[0])
        value = unusual if rng.random() < share else usual
    else:
        value = TYPICAL_NUMBERS.get(test.name, test.number.minimum if test.number else "")
    drawn = get_today(case) - timedelta(days=rng.randrange(0, 3))
    try:
        new = NewResult(test=test.name, value=value, performed_on=drawn, unit=test.unit)
        row = enter_result(case, new, staff["labtech"])
        if confirm:
            check_result(row, staff["labsupervisor"])
    except (ClearwayError, NeedsConfirmation):
        return  # refused for this person, as it would be at the desk


def _draw(case: Case, staff: dict[str, User], is_received: bool) -> None:
    """Blood and urine as the phlebotomist takes them, labelled, and perhaps at the bench already."""
    try:
        ensure_consent(case, staff["reception"])
        order_test(case, "haemoglobin", staff["physician"], "Pale")
        rows = draw(case, [one.tube.name for one in list_due_tubes(case)], None, "Chair 2", staff["phlebotomist"])
        note_print(rows, staff["phlebotomist"])
        for row in rows if is_received else ():
            receive(row, "Bench 1", staff["labtech"])
    except (ClearwayError, NeedsConfirmation):
        return


def _record_film(rng: Random, case: Case, staff: dict[str, User], is_read: bool) -> None:
    """A film where one is wanted, and its reading; without the reading it waits for the radiologist."""
    wanted = any(row.exam == "chest-xray" and row.state is RequirementState.OPEN for row in list_requirements(case))
    if not wanted:
        return
    finding = "INFILTRATE" if rng.random() < 0.08 else "NORMAL"
    try:
        film = take_film(rng, case, staff["radiographer"], "" if finding == "NORMAL" else "infiltrate")
        if is_read:
            record_reading(case, NewReading(
                taken_on=get_today(case), view="pa", findings=(finding,),
                film_id=film.id if film else None, confirmed=[ELSEWHERE],
                result=RESULTS[finding] if case.programme in RESULT_PROGRAMMES else None), staff["radiologist"])
    except (ClearwayError, NeedsConfirmation):
        return


def _take_sputum(case: Case, actor: User) -> None:
    """The first specimen of a series that a finding has just made necessary."""
    wanted = any(row.exam == "sputum-series" and row.state is RequirementState.OPEN for row in list_requirements(case))
    if not wanted:
        return
    try:
        take_specimen(case, NewSpecimen(kind=SpecimenKind.SPUTUM, collected_on=get_today(case)), actor)
    except (ClearwayError, NeedsConfirmation):
        return
