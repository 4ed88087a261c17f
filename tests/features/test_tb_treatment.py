"""A proven tuberculosis: diagnosis, doses watched and typed in, months, cultures, outcome, the exam signed as B0."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic.clock import stopped_at
from clinic.db import db, write_unit
from clinic.demo import walk
from clinic.demo.seed import to_applicant
from clinic.demo.tuberculosis import begin_series
from clinic.models import User
from clinic.schemas.laboratory import NewResult
from clinic.services.laboratory import confirm_result, enter_result
from tests.features.look import look, sign_in_as, take_picture
from tests.features.step import find_value, sign

pytestmark = pytest.mark.browser

FIRST = date(2026, 3, 2)
BEGAN = FIRST + timedelta(days=7)
MONTH = date(2026, 4, 9)
CULTURED = date(2026, 5, 4)  # eight weeks and more after the series was inoculated
INTENSIVE_UNTIL = BEGAN + timedelta(days=56)  # eight weeks of doses, and the day that was missed
UNTIL = INTENSIVE_UNTIL + timedelta(days=7 * 18)
END_CULTURED = UNTIL + timedelta(days=58)
Calendar = Callable[[date], None]


@pytest.fixture
def turn_to() -> Iterator[Calendar]:
    """Turns the clinic's calendar to the morning of a day."""
    with ExitStack() as days:
        yield lambda day: days.enter_context(stopped_at(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)))


def test_proven_tuberculosis_is_treated_until_the_exam_is_signed_as_class_b0(
    page: Page, complaints: list[str], turn_to: Calendar, clinic: Flask, address: str, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    page.set_default_timeout(120_000)
    expect.set_options(timeout=60_000)
    turn_to(FIRST)
    case_id = _examine(clinic)
    case = f"{address}/cases/{case_id}"
    _diagnose(page, address, case)
    turn_to(BEGAN)
    _begin(page, address, case)
    _watch_doses(page, address, case, turn_to)
    turn_to(MONTH)
    _check_month(page, address, case)
    turn_to(CULTURED)
    _enter_cultures(page, address, case)
    turn_to(INTENSIVE_UNTIL)
    _continue(page, address, case)
    turn_to(UNTIL)
    _enter_month_culture(page, address, case)
    _fill_calendar(page, address, case, INTENSIVE_UNTIL + timedelta(days=1), UNTIL - timedelta(days=1))
    _watch_today(page, case)
    _take_end_specimens(page, address, case, turn_to)
    turn_to(END_CULTURED)
    _enter_end_cultures(page, address, case)
    _end(page, address, case)
    _sign(page, address, case, tmp_path)


def _staff() -> walk.Staff:
    return {user.email.split("@")[0]: user for user in db.session.execute(select(User)).unique().scalars()}


def _examine(clinic: Flask) -> str:
    """Everything but the sputum is done; the first specimen's NAAT detects tuberculosis."""
    with clinic.app_context(), write_unit():
        staff = _staff()
        case = walk.open_unremarkable_case(
            to_applicant(walk.find_adult(1, 4000, FIRST)), "NRB0000004000", staff["reception"], category="K")
        walk.work_through(case, staff)
        pots = begin_series(case, staff, 6)
        for test, value, parts in (("sputum-naat", "detected", {"rifampicin": "susceptible"}),):
            row = enter_result(case, NewResult(test=test, value=value, reported_on=FIRST, specimen_id=pots[0].id,
                                               components=parts), staff["labtech"])
            confirm_result(row, staff["labsupervisor"])
        hiv = enter_result(case, NewResult(test="hiv", value="negative", performed_on=FIRST), staff["labtech"])
        confirm_result(hiv, staff["labsupervisor"])
        return case.id


def _diagnose(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "tbteam")
    page.goto(f"{case}/tuberculosis")
    look(page, "tb-none")
    page.get_by_role("link", name="Record the diagnosis").click()
    page.get_by_label("Earlier treatment").select_option("new")
    page.get_by_label("NAAT", exact=True).check()
    page.get_by_label("Pulmonary (lung").check()
    page.get_by_label("Notified on").fill("2 Mar 2026")
    page.get_by_label("To which authority").fill("County TB office")
    look(page, "tb-diagnosis")
    page.get_by_role("button", name="Open the tuberculosis case").click()
    expect(page.get_by_text("is opened.")).to_be_visible()


def _begin(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "tbteam")  # a week has passed
    page.goto(f"{case}/tuberculosis")
    page.get_by_role("link", name="Begin the treatment").click()
    page.get_by_label("Weight").fill("60")
    page.get_by_role("button", name="Suggest doses").click()
    expect(page.get_by_label("Isoniazid (mg)")).to_have_value("300")
    look(page, "tb-phase")
    page.get_by_role("button", name="Begin the phase").click()
    expect(page.get_by_text("The phase is begun.")).to_be_visible()


def _watch_doses(page: Page, address: str, case: str, turn_to: Calendar) -> None:
    """The nurse confirms who it is and gives today's dose, and fills in the days before by the keyboard alone."""
    sign_in_as(page, address, "nurse")
    page.goto(f"{case}/tuberculosis")
    expect(page.get_by_role("button", name="Given today: I watched it")).to_have_count(0)
    take_picture(page, "tb-before-the-dose")
    _watch_today(page, case)
    turn_to(BEGAN + timedelta(days=4))
    sign_in_as(page, address, "nurse")
    page.goto(f"{case}/tuberculosis/doses")
    page.locator(f'[id="day-{BEGAN + timedelta(days=1)}"]').focus()
    for letter in "gmg":
        page.keyboard.type(letter)
        page.keyboard.press("Tab")
    page.get_by_role("button", name="Save the days").click()
    expect(page.get_by_text("Say why it was missed").first).to_be_visible()
    page.get_by_label("Why missed or held back").fill("ill at home")
    page.keyboard.press("Control+Home")
    page.locator(f'[id="day-{BEGAN + timedelta(days=4)}"]').fill("g")
    page.get_by_role("button", name="Save the days").click()
    expect(page.get_by_text("Confirm first who is in front of you").first).to_be_visible()
    take_picture(page, "tb-doses-not-met")
    page.locator(f'[id="day-{BEGAN + timedelta(days=4)}"]').fill("")
    page.get_by_role("button", name="Save the days").click()
    expect(page.get_by_text("3 days are written down.")).to_be_visible()
    look(page, "tb-doses")
    _watch_today(page, case)


def _watch_today(page: Page, case: str) -> None:
    """The one who is signed in confirms who took the dose, once a day."""
    page.goto(f"{case}/tuberculosis")
    page.get_by_role("link", name="Give today's dose: confirm who is in front of you").click()
    page.get_by_role("button", name="It is this person: go on").press("Enter")
    page.wait_for_url(f"{case}/tuberculosis")
    page.get_by_role("button", name="Given today: I watched it").click()
    expect(page.get_by_text("given and watched by you")).to_be_visible()


def _fill_calendar(page: Page, address: str, case: str, first: date, last: date) -> None:
    """The nurse types a letter for every day, month by month."""
    sign_in_as(page, address, "nurse")
    day = first
    while day <= last:
        page.goto(f"{case}/tuberculosis/doses?month={day:%Y-%m}")
        page.locator(f'[id="day-{day}"]').focus()
        month = day.month
        while day <= last and day.month == month:
            page.keyboard.type("g")
            page.keyboard.press("Tab")
            day += timedelta(days=1)
        page.get_by_role("button", name="Save the days").click()
        expect(page.get_by_text(re.compile(r"days? (is|are) written down"))).to_be_visible()


def _check_month(page: Page, address: str, case: str) -> None:
    """Weight, how the person does, and the month's sputum, of which the smear is back in two days."""
    sign_in_as(page, address, "nurse")
    page.goto(f"{case}/tuberculosis")
    page.get_by_label("Month", exact=True).fill("1")
    page.locator("#months").get_by_label("Weight").fill("61.5")
    page.get_by_role("group", name="Better?").get_by_label("Yes").check()
    page.get_by_role("button", name="Save the month").click()
    expect(page.get_by_role("row", name=re.compile("Month 1"))).to_contain_text("61.5 kg")
    sign_in_as(page, address, "tbteam")
    page.goto(f"{case}/tuberculosis")
    page.get_by_role("link", name="Take this month's sputum").click()
    _take_specimen(page, "During treatment")
    take_picture(page, "tb-month-sputum")
    _inoculate(page, address, case, MONTH)
    page.get_by_role("combobox", name=re.compile("smear", re.IGNORECASE)).last.select_option("negative")
    _save_results(page, address, case, 1)


def _take_specimen(page: Page, purpose: str) -> None:
    page.get_by_role("link", name="Take a specimen: confirm who is in front of you").click()
    page.get_by_role("button", name="It is this person: go on").press("Enter")
    page.get_by_role("textbox", name="At", exact=True).fill("0730")
    expect(page.get_by_role("group", name="What for").get_by_label(purpose)).to_be_checked()
    page.get_by_role("button", name="Record and give a number").click()
    expect(page.get_by_text("is recorded: label the pot")).to_be_visible()


def _inoculate(page: Page, address: str, case: str, day: date) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    page.get_by_label("Inoculated on").fill(day.isoformat())
    page.get_by_role("button", name="Start the clocks").click()
    expect(page.get_by_text("The cultures' clocks run from this day.")).to_be_visible()


def _save_results(page: Page, address: str, case: str, count: int, opened: int = 0) -> None:
    """The technician saves, the second person ticks what is normal and opens the others."""
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/second-person")
    ticks = page.get_by_role("checkbox", name=re.compile("agrees with the report"))
    expect(ticks).to_have_count(count)
    for tick in ticks.all():
        tick.check()
    if count:
        page.get_by_role("button", name="Confirm the ticked results").click()
    for _number in range(opened):
        page.get_by_role("link", name=re.compile("^Open ")).first.click()
        page.get_by_role("button", name="Confirm: it agrees with the report").click()
    expect(page.get_by_text("Nothing of this case waits.")).to_be_visible()


def _enter_cultures(page: Page, address: str, case: str) -> None:
    """The cultures of the series; the bacilli are susceptible."""
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    for medium in ("Culture, liquid", "Culture, solid"):
        for number, cell in enumerate(page.get_by_role("combobox", name=re.compile(medium)).all()[:3]):
            cell.select_option("mtb" if number == 0 else "negative")
    take_picture(page, "tb-cultures")
    _save_results(page, address, case, 4, opened=2)
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    page.get_by_role("link", name="Drug susceptibility").click()
    page.get_by_label("Reported on").fill(CULTURED.isoformat())
    for drug in ("Isoniazid", "Rifampicin"):
        page.get_by_label(drug, exact=True).select_option("susceptible")
    page.get_by_label("Method").select_option("phenotypic-liquid")
    _save_results(page, address, case, 1)


def _continue(page: Page, address: str, case: str) -> None:
    """The last doses of the intensive phase; the page says what comes next, and the phase begins tomorrow."""
    _fill_calendar(page, address, case, BEGAN + timedelta(days=5), INTENSIVE_UNTIL - timedelta(days=1))
    _watch_today(page, case)
    sign_in_as(page, address, "tbteam")
    page.goto(f"{case}/tuberculosis")
    expect(page.get_by_text("56 of 56 given")).to_be_visible()
    look(page, "tb-intensive-over")
    page.get_by_role("link", name="Begin the continuation phase").click()
    expect(page.get_by_label("Continuation phase")).to_be_checked()
    page.get_by_role("button", name="Suggest doses").click()
    expect(page.get_by_label("Pyrazinamide (mg)")).to_have_count(0)
    take_picture(page, "tb-continuation")
    page.get_by_role("button", name="Begin the phase").click()
    expect(page.get_by_text("The phase is begun.")).to_be_visible()


def _enter_month_culture(page: Page, address: str, case: str) -> None:
    """Negative after a month: it stands in the table of the months."""
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    for medium in ("Culture, liquid", "Culture, solid"):
        page.get_by_role("combobox", name=re.compile(medium)).select_option("negative")
    _save_results(page, address, case, 2)
    page.goto(f"{case}/tuberculosis")
    expect(page.get_by_role("row", name=re.compile("Month 1"))).to_contain_text(re.compile("Negative.*Negative", re.S))


def _take_end_specimens(page: Page, address: str, case: str, turn_to: Calendar) -> None:
    for number in range(2):
        turn_to(UNTIL + timedelta(days=number))
        sign_in_as(page, address, "tbteam")
        page.goto(f"{case}/tuberculosis")
        expect(page.get_by_text(re.compile("to be taken, as (one|those) at the end of treatment"))).to_be_visible()
        if number == 0:
            take_picture(page, "tb-doses-over")
        page.get_by_role("link", name="Sputum").first.click()
        _take_specimen(page, "At the end of treatment")
    _inoculate(page, address, case, UNTIL + timedelta(days=1))


def _enter_end_cultures(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    for name in ("smear", "Culture, liquid", "Culture, solid"):
        for cell in page.get_by_role("combobox", name=re.compile(name, re.IGNORECASE)).all():
            cell.select_option("negative")
    take_picture(page, "tb-end-cultures")
    _save_results(page, address, case, 6)


def _end(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "tbteam")
    page.goto(f"{case}/tuberculosis")
    expect(page.get_by_role("link", name="Give today's dose")).to_have_count(0)
    take_picture(page, "tb-to-be-ended")
    page.get_by_role("link", name="Record the outcome").click()
    page.get_by_label("Cured").check()
    expect(page.locator("#end").get_by_label("On", exact=True)).to_have_value(f"{UNTIL:%d-%b-%Y}")
    page.locator("#end").get_by_role("button", name="Record the outcome").click()
    expect(page.get_by_text("the exam goes on with its new class")).to_be_visible()
    expect(page.get_by_text("days without a dose")).to_have_count(0)
    look(page, "tb-ended")


def _sign(page: Page, address: str, case: str, folder: Path) -> None:
    """The way back to the exam, and its new class."""
    sign_in_as(page, address, "physician")
    page.goto(f"{case}/tuberculosis")
    page.get_by_role("link", name="Review and sign").click()
    bundle, paper = sign(page, "Class B0", "tb", folder)
    assert find_value(bundle, "tb-class") == "B0"
    assert "☒ Class B0 TB" in paper
    page.goto(case)
    expect(page.get_by_text("Mask, airborne isolation")).to_have_count(0)
    take_picture(page, "tb-case-signed")
