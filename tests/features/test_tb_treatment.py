"""A proven tuberculosis: the diagnosis, the phase by weight, doses watched in one press and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta

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
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser

FIRST = date(2026, 3, 2)
BEGAN = FIRST + timedelta(days=7)
Calendar = Callable[[date], None]


@pytest.fixture
def turn_to() -> Iterator[Calendar]:
    """Turns the clinic's calendar to the morning of a day."""
    with ExitStack() as days:
        yield lambda day: days.enter_context(stopped_at(datetime(day.year, day.month, day.day, 9, tzinfo=UTC)))


def test_proven_tuberculosis_is_diagnosed_treated_and_watched_day_by_day(
    page: Page, complaints: list[str], turn_to: Calendar, clinic: Flask, address: str
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
    """The nurse gives today's dose in one press, and fills in the days before by the keyboard alone."""
    sign_in_as(page, address, "nurse")
    page.goto(f"{case}/tuberculosis")
    page.get_by_role("button", name="Given today: I watched it").click()
    expect(page.get_by_text("given and watched by you")).to_be_visible()
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
    page.get_by_role("button", name="Save the days").click()
    expect(page.get_by_text("3 days are written down.")).to_be_visible()
    look(page, "tb-doses")
