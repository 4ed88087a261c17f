"""Takes one case from registration to signature by the services that staff use at their screens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from clinic.db import db, write_unit
from clinic.demo.people import SyntheticPerson, generate_person
from clinic.demo.second_person import check_result
from clinic.laboratory_test import list_tests
from clinic.models import (
    Answer,
    Applicant,
    Case,
    ConclusionKind,
    ConsentState,
    DocumentKind,
    DoseSource,
    LineOutcome,
    RelatedPerson,
    Relation,
    Requirement,
    RequirementState,
    Sex,
    User,
)
from clinic.questionnaire import get_questionnaire
from clinic.questionnaire.item import Item, ItemKind
from clinic.rules import list_circumstances
from clinic.rules.country import list_uk_countries
from clinic.schemas.consent import NewConsent
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewResult
from clinic.schemas.vaccination import NewDose, NewOutcome
from clinic.services.assessment import assess, list_requirements
from clinic.services.completion import find_form_name, list_open_vaccine_lines
from clinic.services.conclusion import ConclusionInput
from clinic.services.consent import get_text, has_consent, needs_interpreter, record_consent
from clinic.services.form import complete_form, find_response
from clinic.services.laboratory import enter_result
from clinic.services.opening import open_case
from clinic.services.plausibility import get_today
from clinic.services.radiology import ELSEWHERE, record_reading
from clinic.services.registration import register_applicant
from clinic.services.related_person import add_related, is_child, list_guardians
from clinic.services.signing import sign
from clinic.services.vaccination import list_proposed, record_dose, record_outcome
from clinic.vaccine_product import list_products
from clinic.xray_finding import RESULT_PROGRAMMES, XrayResult

Staff = dict[str, User]
ADULT = range(25, 40)  # years: IGRA, syphilis serology and film, no gonorrhoea test
ADULT_PRODUCT = {"HepB": "43", "HepA": "52"}  # CVX; the first product of these lines is the child's
TYPICAL = {
    "vital.height": "171", "vital.weight": "68.40", "vital.systolic": "122", "vital.diastolic": "78",
    "vital.pulse": "68", "vital.respiration": "14", "vital.temperature": "36.7", "vital.acuity-right": "6/6",
    "vital.acuity-left": "6/9",
}
USUAL = ("negative", "nonreactive", "not-detected", "normal")
USUAL_NUMBERS = {"creatinine": "80", "creatinine-egfr": "96", "hba1c": "36", "haemoglobin": "14.1",
                 "white-cells": "6.4", "platelets": "245"}
IGRA_PARTS = {"nil": "0.05", "tb1": "0.07", "tb2": "0.06", "mitogen": "9.40"}
ASKED_FOR = "listed_presence"  # a half year in a listed country: without it the United Kingdom asks for no examination
CATEGORIES = {"us": "IV", "uk": "FIANCE", "ca": "PR", "au": "PERM", "nz": "RES_GENERAL"}


def find_adult(seed: int, start: int, today: date, programme: str = "") -> SyntheticPerson:
    """The first synthetic man from number `start` on whose age lies in ADULT, living where `programme` asks of one."""
    asked = list_uk_countries(today) if programme == "uk" else None
    for number in range(start, start + 5000):
        person = generate_person(seed, number, today)
        if person.sex == Sex.MALE.value and person.birth.year and today.year - person.birth.year in ADULT and (
                asked is None or person.residence in asked):
            return person
    raise LookupError("no such person in five thousand")


def open_unremarkable_case(
    person: dict[str, Any], authority_case_number: str, actor: User, programme: str = "us", category: str = ""
) -> Case:
    """Register `person` (as NewApplicant gives it) and open a case to stay for good with every circumstance denied.

    But the one that makes the United Kingdom ask for the examination at all.
    """
    applicant, category = register_applicant(person, actor), category or CATEGORIES[programme]
    return open_case(applicant, {
        "programme": programme, "category": category, "authority_case_number": authority_case_number,
        "stay_months": None, "au_schedule": None, "application_date": None, "exam_date": None, "residences": [],
        "circumstances": {item.word: Answer.YES if item.word == ASKED_FOR else Answer.NO
                          for item in list_circumstances(programme, category)},
    }, actor).case


def work_through(case: Case, staff: Staff, leaving: Collection[str] = ()) -> None:
    """Do every open examination but those of `leaving` with an unremarkable outcome; each step by whose task it is."""
    today = get_today(case)
    ensure_consent(case, staff["reception"])
    for row in list_requirements(case):
        if row.state is not RequirementState.OPEN or row.exam in leaving:
            continue
        form = find_form_name(row.exam, case.programme)
        if form:
            _complete_form(case, form, staff["physician"])
        elif row.exam == "chest-xray":
            result = XrayResult.NORMAL.value if case.programme in RESULT_PROGRAMMES else None
            record_reading(case, NewReading(taken_on=today, view="pa", findings=("NORMAL",), result=result,
                                            confirmed=[ELSEWHERE]), staff["radiologist"])
        elif row.exam == "vaccination-review":
            _vaccinate(case, staff["nurse"])
        else:
            _test(case, row, staff)
    db.session.flush()


def _test(case: Case, row: Requirement, staff: Staff) -> None:
    """Enter and confirm the tests that serve an examination, one after the other, until it is done."""
    for test in list_tests().values():
        value = next((value for value in test.values if value in USUAL), None) or USUAL_NUMBERS.get(test.name)
        if row.state is not RequirementState.OPEN or row.exam not in test.exams or test.specimen or value is None:
            continue
        new = NewResult(test=test.name, value=value, performed_on=get_today(case), unit=test.unit,
                        components=dict(IGRA_PARTS) if test.name == "igra" else {})
        check_result(enter_result(case, new, staff["labtech"]), staff["labsupervisor"])


def ensure_consent(case: Case, actor: User) -> None:
    """Let the applicant, or for a child a parent, sign the consent text, unless that was done."""
    if has_consent(case):
        return
    text = get_text(case)
    guardian = ensure_guardian(case.applicant, actor) if is_child(case.applicant) else None
    record_consent(case, NewConsent(
        decision=ConsentState.GIVEN, language=text.language, text_sha256=text.sha256, witness_name=actor.name,
        guardian_id=guardian.id if guardian else None,
        interpreter_name="Demo Interpreter" if needs_interpreter(case, text) else None,
    ), actor)


def ensure_guardian(child: Applicant, actor: User) -> RelatedPerson:
    """The guardian of a child; without one the mother, who showed a passport."""
    known = list_guardians(child)
    return known[0] if known else add_related(child, {
        "registered_id": None, "name": f"Mother of {child.given_names or child.family_name}", "organisation": None,
        "relation": Relation.MOTHER, "is_guardian": True, "is_emergency": child.phone is not None,
        "phone": child.phone, "document_kind": DocumentKind.PASSPORT, "document_number": f"M{child.number[-8:]}",
    }, actor)


def sign_unremarkable(case_id: str, physician_id: str) -> str:
    """Sign what the rules propose; opens units of its own. Returns the signed exam's id."""
    with write_unit() as session:
        version = session.get_one(Case, case_id).version
    return sign(case_id, version, physician_id, ConclusionInput(kind=ConclusionKind.ACCEPTED))


def _complete_form(case: Case, name: str, physician: User) -> None:
    answers = {}
    for link_id, item in get_questionnaire(name).list_questions().items():
        answer = _answer(item, get_today(case))
        if answer is not None:
            answers[link_id] = answer
    draft = find_response(case, name)
    complete_form(case, name, answers, draft.version if draft else None, physician)


def _answer(item: Item, today: date) -> str | None:
    """Nothing to report: no, normal, the first harmless choice; what is asked only after a yes stays open."""
    if item.link_id in TYPICAL:
        return TYPICAL[item.link_id]
    if item.conditions or not item.required:
        return None
    if item.kind is ItemKind.BOOLEAN:
        return "no"
    if item.kind is ItemKind.CHOICE:
        return item.options[0][0]
    return today.isoformat() if item.kind is ItemKind.DATE else None


def _vaccinate(case: Case, nurse: User) -> None:
    """One dose of each line given today; what needs a second one later gets the waiver for the interval."""
    today = get_today(case)
    for line in list_open_vaccine_lines(case, assess(case)):
        cvx = ADULT_PRODUCT.get(line) or next(iter(list_products()[line]))
        record_dose(case, NewDose(line=line, cvx=cvx, given_on=today, source=DoseSource.GIVEN_HERE, lot="DEMO-1",
                                  expires_on=today + timedelta(days=300)), nurse)
        outcome = list_proposed(case).get(line, LineOutcome.WAIVER_NOT_AVAILABLE)
        record_outcome(case, NewOutcome(line=line, outcome=outcome), nurse)
