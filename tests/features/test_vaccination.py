"""The vaccination worksheet in Chromium: a child's record pasted, doses judged, doses given, proposals accepted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.demo.walk import ensure_consent
from clinic.models import User
from clinic.partial_date import MONTHS
from tests.browser.accessibility import assert_focus_never_hidden
from tests.factory import make_applicant, make_case
from tests.features.look import go_to, look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def today() -> date:
    """Today at the clinic."""
    return clock.today("Africa/Nairobi")


def _open(clinic: Flask, address: str, born: date, **values: str) -> str:
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            person = make_applicant(clerk, birth_date=born.isoformat())
            case = make_case("us", person, clerk, **values)
            ensure_consent(case, clerk)
            case_id = case.id
        db.session.remove()
    return f"{address}/cases/{case_id}"


def _written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def test_child_with_a_card_is_transferred_judged_given_and_settled(
    page: Page, clinic: Flask, address: str, complaints: list[str], today: date
) -> None:
    born = today - timedelta(days=365 * 3)
    case = _open(clinic, address, born)
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "nurse")
    go_to(page, f"{case}/vaccination")
    look(page, "vaccination-empty")
    _transfer(page, born)
    look(page, "vaccination-transferred")
    expect(page.get_by_text("Does not count").first).to_be_visible()
    row = page.locator("tr", has_text="Varicella").first
    row.get_by_role("link", name="Give Varicella").click()
    expect(page.get_by_label("Vaccine", exact=True)).to_have_value("Varicella|21")
    page.get_by_label("Lot").fill("VZ-77")
    page.get_by_label("Vial expires on").fill(_written(today + timedelta(days=90)))
    page.get_by_label("Site", exact=True).select_option("left-arm")
    page.get_by_label("Route").select_option("subcutaneous")
    page.get_by_role("button", name="Save, then another").click()
    expect(page.get_by_text("Varicella: dose recorded.")).to_be_visible()
    _accept(page)
    assert_focus_never_hidden(page)


def _transfer(page: Page, born: date) -> None:
    page.get_by_label("Dates of HepB to add").focus()
    page.keyboard.type(f"{_written(born)}, {_written(born + timedelta(days=30))}, {born.year + 1}-03")
    page.get_by_role("button", name="Save the worksheet").first.click()
    expect(page.get_by_text("Choose the written record").first).to_be_visible()
    page.get_by_label("Dates below are copied from").select_option("vaccination-card")
    page.get_by_role("button", name="Save the worksheet").first.click()
    expect(page.get_by_text("a dose counts only with day, month and year").first).to_be_visible()
    look(page, "vaccination-refused")
    page.get_by_label("Dates of HepB to add").fill(", ".join(
        _written(born + timedelta(days=days)) for days in (0, 30, 200)))
    page.get_by_label("Dates of MMR to add").fill(_written(born + timedelta(days=300)))
    page.get_by_label("Product of the dates of MMR").select_option("03")
    page.get_by_label("Dates of DTP/DTaP/DT to add").fill("\n".join(
        _written(born + timedelta(days=days)) for days in (45, 75, 105)))
    page.get_by_label("Remark on MMR").focus()
    page.keyboard.press("Enter")  # saves the sheet and accepts nothing
    expect(page.get_by_text("The worksheet is saved.")).to_be_visible()
    expect(page.get_by_label("Outcome of HepB")).to_have_value("")


def _accept(page: Page) -> None:
    page.get_by_role("button", name="Accept HepB").click()
    expect(page.get_by_label("Outcome of HepB")).to_have_value("complete")
    page.get_by_role("button", name="Save and see all proposals").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Accept the proposals")
    expect(page.get_by_label("Varicella")).to_be_checked()
    look(page, "vaccination-proposals")
    page.get_by_role("button", name="Record these outcomes").click()
    expect(page.get_by_label("Outcome of Varicella")).to_have_value("given-series-incomplete")
    page.get_by_text("Every dose, and mistakes").click()
    look(page, "vaccination-settled")


def test_fiancee_has_an_empty_result_and_may_have_doses_recorded(
    page: Page, clinic: Flask, address: str, complaints: list[str], today: date
) -> None:
    case = _open(clinic, address, date(1991, 1, 5), category="K")
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "nurse")
    go_to(page, f"{case}/vaccination")
    expect(page.get_by_text("Applicants of this category need not comply")).to_be_visible()
    page.get_by_label("Dates below are copied from").select_option("physician-record")
    page.get_by_label("Dates of Polio to add").fill("1992-02-03")
    page.get_by_role("button", name="Save the worksheet").first.click()
    expect(page.get_by_text("03-Feb-1992").first).to_be_visible()
    look(page, "vaccination-exempt")
