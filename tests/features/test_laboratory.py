"""The laboratory by hand in a browser: sent back, entered anew, confirmed, corrected later; every version seen."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Case, SpecimenKind, User
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services import laboratory, specimen
from clinic.services.plausibility import get_today
from tests.factory import make_case
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def today() -> date:
    """Today at the clinic."""
    return clock.today("Africa/Nairobi")


def _person(role: str) -> User:
    return db.session.execute(select(User).where(User.email == f"{role}@test.example")).scalar_one()


def _open(clinic: Flask, programme: str) -> str:
    """A case of somebody whose eGFR was measured for an earlier case; its id."""
    with clinic.app_context(), write_unit():
        before = make_case("ca", user=_person("reception"))
        earlier = NewResult("creatinine-egfr", "88", get_today(before) - timedelta(days=90))
        row = laboratory.enter_result(before, earlier, _person("labtech"))
        laboratory.confirm_result(row, _person("labsupervisor"))
        return make_case(programme, before.applicant, _person("reception")).id


def test_result_sent_back_entered_anew_confirmed_and_corrected(
    page: Page, complaints: list[str], clinic: Flask, address: str, today: date
) -> None:
    case = f"{address}/cases/{_open(clinic, 'nz')}"
    _enter(page, address, case, today)
    _send_back(page, address, case)
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    expect(page.get_by_text("Sent back by Test Labsupervisor: the report says 49")).to_be_visible()
    look(page, "laboratory-sent-back")
    page.get_by_role("group", name="eGFR").get_by_role("textbox", name=re.compile("^Result")).fill("49")
    page.get_by_role("button", name="Save for confirmation").click()
    _confirm_all(page, address, case)
    _correct(page, address, case)
    expect(page.get_by_role("table", name="All versions of this result").get_by_role("row")).to_have_count(4)
    expect(page.get_by_text("the report says 49")).to_be_visible()
    look(page, "laboratory-versions")
    assert complaints == []


def _enter(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    look(page, "laboratory-sheet")
    page.get_by_label("Drawn or read on").fill(today.isoformat())
    page.get_by_role("group", name="eGFR").get_by_role("textbox", name=re.compile("^Result")).fill("94")
    page.get_by_role("group", name="HbA1c").get_by_role("textbox", name=re.compile("^Result")).fill("36")
    creatinine = page.get_by_role("group", name="Creatinine, serum")
    creatinine.get_by_role("textbox", name=re.compile("^Result")).fill("81,5")
    page.get_by_role("group", name="HIV 1/2").get_by_label("Negative").check()
    page.get_by_role("group", name="Urine protein").get_by_label("Negative").check()
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_role("link", name="Choose the unit of the laboratory's report")).to_be_visible()
    creatinine.get_by_label("Unit").select_option("umol/L")
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()


def _send_back(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/second-person")
    look(page, "second-person")
    page.get_by_role("link", name="eGFR").click()
    page.get_by_label("Send back, because").fill("the report says 49")
    page.get_by_role("button", name="Send back").click()
    expect(page.get_by_text("Sent back with your reason.")).to_be_visible()


def _confirm_all(page: Page, address: str, case: str) -> None:
    """The normal ones together by keyboard, the abnormal one by itself."""
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/second-person")
    page.get_by_role("checkbox").press("Space")
    page.get_by_role("button", name="Confirm the ticked results").press("Enter")
    expect(page.get_by_text("1 result is confirmed.")).to_be_visible()
    page.get_by_role("link", name="Open HbA1c").click()
    page.get_by_role("textbox", name=re.compile("^Result")).fill("36")
    page.get_by_role("button", name="Compare and confirm").click()
    page.get_by_role("link", name="Open HIV 1/2").click()
    page.get_by_role("link", name="Open with a reason").click()
    page.get_by_label("To validate it as second person").check()
    page.get_by_role("button", name="Open for half an hour").click()
    page.get_by_role("button", name="Confirm: it agrees with the report").click()
    for name in ("Open Creatinine, serum", "Open eGFR"):
        page.get_by_role("link", name=name).click()
        page.get_by_role("button", name="Confirm: it agrees with the report").click()
    expect(page.get_by_text("Nothing of this case waits.")).to_be_visible()


def _correct(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    page.get_by_role("link", name="eGFR").first.click()
    page.get_by_role("link", name="Correct this result").click()
    page.get_by_role("textbox", name=re.compile("^Result")).fill("61")
    page.get_by_label("Why is it corrected?").fill("the laboratory measured again")
    look(page, "laboratory-correct")
    page.get_by_role("button", name="Save the correction").click()
    expect(page.get_by_text("Corrected. Another person must confirm")).to_be_visible()


def test_sputum_series_is_confirmed_on_one_page_and_treatment_recorded(
    page: Page, complaints: list[str], clinic: Flask, address: str, today: date
) -> None:
    case_id = _open(clinic, "us")
    with clinic.app_context(), write_unit():
        _enter_series(db.session.get_one(Case, case_id), _person("labtech"), today - timedelta(days=70))
    case = f"{address}/cases/{case_id}"
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/sputum")
    page.get_by_role("link", name="6 results wait for their second person").click()
    look(page, "second-person-sputum")
    expect(page.get_by_role("checkbox")).to_have_count(5)
    page.get_by_role("button", name="Tick every normal result").click()
    page.get_by_role("button", name="Confirm the ticked results").click()
    page.get_by_role("link", name=re.compile("^Open Culture")).click()
    page.get_by_role("button", name="Confirm: it agrees with the report").click()
    _test_drugs(page, address, case, today)
    sign_in_as(page, address, "tbteam")
    page.goto(f"{case}/treatment/tuberculosis")
    page.get_by_label("Goes on").check()
    page.get_by_label("Treatment", exact=True).select_option("hrze-hr-daily")
    page.get_by_label("First dose on").fill(today.isoformat())
    page.get_by_label("Directly observed under a panel physician").check()
    look(page, "treatment")
    page.get_by_role("button", name="Save the treatment").click()
    expect(page.get_by_text("Recorded. The decision follows it.")).to_be_visible()
    assert complaints == []


def _test_drugs(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    page.get_by_role("link", name="Drug susceptibility").click()
    page.get_by_label("Reported on").fill(today.isoformat())
    page.get_by_label("Isoniazid", exact=True).select_option("resistant")
    page.get_by_label("Method").select_option("phenotypic-liquid")
    look(page, "susceptibility")
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Isoniazid resistant")).to_be_visible()
    look(page, "susceptibility-result")


def _enter_series(case: Case, technician: User, first: date) -> None:
    for day, culture in enumerate(("negative", "mtb", "negative")):
        made = specimen.take_specimen(case, NewSpecimen(
            SpecimenKind.SPUTUM, first + timedelta(days=day), confirmed=["late-entry"]), technician)
        for test, value, after in (("sputum-smear", "negative", 5), ("sputum-culture", culture, 60)):
            laboratory.enter_result(
                case, NewResult(test, value, None, first + timedelta(days=after), made.id), technician)
