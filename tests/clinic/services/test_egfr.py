"""The filtration rate from a creatinine: by which formula, refused when, entered by a person and never over another."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from clinic import clock
from clinic.egfr import MASS, MOLAR, find_formula, list_formulas
from clinic.errors import InvalidInput, NotNow
from clinic.models import Answer, Case, Circumstance, LabResult, ResultStatus, Sex, User
from clinic.schemas.laboratory import NewResult
from clinic.services import egfr, laboratory
from clinic.services.form import save_draft
from tests.factory import make_applicant, make_case, make_user

CKD, SCHWARTZ = list_formulas()["ckd-epi-2021"], list_formulas()["schwartz-bedside"]
TODAY = date(2026, 11, 29)


@pytest.mark.parametrize(("value", "unit", "age", "sex", "rate"), [
    ("0.7", MASS, 18, "female", 128), ("0.8", MASS, 50, "female", 89), ("1.0", MASS, 50, "male", 91),
    ("0.9", MASS, 40, "male", 110), ("2.5", MASS, 70, "male", 26), ("88.4", MOLAR, 50, "male", 91),
    ("265.2", MOLAR, 65, "female", 16),
    ("1.0", MASS, 17, "male", None), ("1.0", MASS, 50, "other", None), ("1.0", "g/L", 50, "male", None),
    ("0", MASS, 50, "male", None),
])
def test_adults_are_computed_by_ckd_epi_2021(
    value: str, unit: str, age: int, sex: str, rate: int | None
) -> None:
    assert CKD.compute(Decimal(value), unit, age, sex, None) == rate


def test_children_need_their_height() -> None:
    assert SCHWARTZ.compute(Decimal("0.6"), MASS, 10, "other", Decimal(140)) == 96
    assert SCHWARTZ.compute(Decimal("53.04"), MOLAR, 10, "male", Decimal(140)) == 96
    assert SCHWARTZ.compute(Decimal("0.6"), MASS, 10, "male", None) is None


def test_formula_is_that_of_the_age_and_the_day() -> None:
    assert find_formula(18, TODAY) is CKD and find_formula(17, TODAY) is SCHWARTZ
    assert find_formula(0, TODAY) is None and find_formula(40, date(2021, 9, 22)) is None


@pytest.fixture
def technician(app: Flask) -> User:
    return make_user("labtech")


@pytest.fixture
def case(technician: User) -> Case:
    """A Canadian applicant of 50 years, male."""
    user = make_user("reception")
    born = clock.today("Africa/Nairobi").replace(month=1, day=1)
    return make_case("ca", make_applicant(user, birth_date=f"{born.year - 50}-01-01", sex=Sex.MALE), user)


def enter(case: Case, actor: User, value: str, unit: str = MASS, test: str = "creatinine", days: int = 0) -> LabResult:
    day = clock.today(case.site.time_zone) - timedelta(days=days)
    return laboratory.enter_result(case, NewResult(
        test, value, day, unit=unit, confirmed=["unusual-creatinine", "before-case"]), actor)


def say(case: Case) -> str:
    found = egfr.propose(case)
    return found.sentence if found else ""


def test_computed_one_names_formula_and_creatinine_and_replaces_nothing(case: Case, technician: User) -> None:
    with pytest.raises(InvalidInput) as none:
        laboratory.enter_computed_egfr(case, technician)
    assert "no creatinine" in str(none.value.fields)
    creatinine = enter(case, technician, "88.4", MOLAR)
    assert "91 computed from creatinine 88.4 µmol/L of " in say(case)
    assert "(not confirmed yet) by CKD-EPI 2021" in say(case)
    row = laboratory.enter_computed_egfr(case, technician)
    assert (row.value, row.method, row.status) == ("91", "ckd-epi-2021", ResultStatus.PRELIMINARY)
    assert (row.parent_series_id, row.performed_on) == (creatinine.series_id, creatinine.performed_on)
    assert laboratory.list_result_cautions(case, row, None) == []
    with pytest.raises(InvalidInput) as again:
        laboratory.enter_computed_egfr(case, technician)
    assert "never replaces it" in str(again.value.fields)


def test_creatinine_is_confirmed_before_what_was_computed_from_it(case: Case, technician: User) -> None:
    creatinine, supervisor = enter(case, technician, "1.0"), make_user("labsupervisor")
    row = laboratory.enter_computed_egfr(case, technician)
    assert not laboratory.may_confirm_together(row)
    with pytest.raises(NotNow):
        laboratory.confirm_result(row, supervisor)
    laboratory.confirm_result(creatinine, supervisor)
    assert laboratory.may_confirm_together(row)
    laboratory.confirm_result(row, supervisor)
    assert row.counts


def test_typed_one_is_never_replaced(case: Case, technician: User) -> None:
    enter(case, technician, "1.0")
    typed = enter(case, technician, "84", "mL/min/{1.73_m2}", "creatinine-egfr")
    with pytest.raises(InvalidInput):
        laboratory.enter_computed_egfr(case, technician)
    assert typed.is_current and typed.method is None and egfr.list_outdated(case) == []


def test_correction_of_the_creatinine_is_told_wherever_the_rate_stands(case: Case, technician: User) -> None:
    creatinine = enter(case, technician, "1.0")
    row = laboratory.enter_computed_egfr(case, technician)
    again = laboratory.correct_result(
        creatinine, NewResult("creatinine", "1.6", creatinine.performed_on, unit=MASS), "misread", technician)
    (told,) = egfr.list_outdated(case)
    assert "eGFR 91" in told and "52 computed from creatinine 1.6 mg/dL" in told
    (caution,) = laboratory.list_result_cautions(case, row, None)
    assert caution.code == "egfr-changed"
    laboratory.withdraw_result(again, "wrong tube", technician)
    (caution,) = laboratory.list_result_cautions(case, row, None)
    assert caution.code == "egfr-lost"


@pytest.mark.parametrize(("change", "why"), [
    ({"birth_date": "1976"}, "the whole birth date is not known"), ({"sex": Sex.OTHER}, "the formula needs the sex"),
    ({"birth_date": f"{clock.today().year - 15}-01-01"}, "needs the height"),
])
def test_refused_for_who_the_person_is(case: Case, technician: User, change: dict[str, object], why: str) -> None:
    enter(case, technician, "1.0")
    for name, value in change.items():
        setattr(case.applicant, name, value)
    assert why in say(case) and say(case).startswith("Not computed from creatinine")
    with pytest.raises(InvalidInput):
        laboratory.enter_computed_egfr(case, technician)


def test_refused_for_less_than_and_in_pregnancy(case: Case, technician: User) -> None:
    enter(case, technician, "<0.2", days=1)
    assert "it is no exact number" in say(case)
    enter(case, technician, "1.0")
    assert "91 computed" in say(case)
    case.circumstances.append(Circumstance(
        word="pregnant", answer=Answer.YES, answered_at=clock.now(), answered_by_id=technician.id))
    assert "the applicant is pregnant" in say(case)


def test_childs_height_comes_from_the_newest_form(case: Case, technician: User) -> None:
    enter(case, technician, "0.6")
    case.applicant.birth_date = f"{clock.today(case.site.time_zone).year - 15}-01-01"
    assert "needs the height" in say(case)
    save_draft(case, "medical-exam", {"vital.height": "140"}, None, make_user("physician"))
    assert "96 computed from creatinine 0.6 mg/dL" in say(case) and "by bedside Schwartz 2009" in say(case)
