"""A film that suggests tuberculosis: three specimens on three days, eight weeks of culture, class B1 pulmonary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic.clock import stopped_at
from tests.browser.accessibility import assert_focus_never_hidden
from tests.features.look import go_to, look, sign_in_as, take_picture
from tests.features.step import (
    Traveller,
    complete_examination,
    find_value,
    finish_form,
    open_case,
    register,
    sign,
    sign_reading_of_a_film_elsewhere,
)

pytestmark = pytest.mark.browser

MAN = Traveller("LADO", "SIMON WANI", date(1972, 8, 2), "male", "R00528866", "SSD", "en")
FIRST = date(2026, 3, 2)  # a Monday
BEGUN = FIRST + timedelta(days=3)  # inoculated: the clocks run from here
CULTURED = FIRST + timedelta(days=61)
WAIT_DAYS = 56  # a solid culture takes eight weeks to be negative (us.md 1.5)
Calendar = Callable[[date], None]


@pytest.fixture
def turn_to() -> Iterator[Calendar]:
    """Turns the clinic's calendar to the morning of a day."""
    with ExitStack() as days:
        yield lambda day: days.enter_context(stopped_at(datetime(day.year, day.month, day.day, 6, tzinfo=UTC)))


def test_us_adult_with_abnormal_film_and_three_negative_sputa_is_class_b1(
    page: Page, complaints: list[str], turn_to: Calendar, clinic: Flask, address: str,
    tmp_path: Path,
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    turn_to(FIRST)
    case = _register(page, address)
    complete_examination(page, address, case, FIRST)
    page.locator('[id="vital.height"]').fill("172")
    page.locator('[id="vital.weight"]').fill("61")
    page.get_by_role("group", name="Follow-up after arrival").get_by_label("Within six months").check()
    finish_form(page)
    _enter_igra(page, address, case)
    _read_film(page, address, case)
    numbers = [_take_specimen(page, address, case, turn_to, FIRST + timedelta(days=n)) for n in range(3)]
    _enter_smears(page, address, case, turn_to, numbers)
    _wait_for_cultures(page, address, case, turn_to, numbers)
    _enter_cultures(page, address, case, numbers)
    _sign(page, address, case, tmp_path)


def _register(page: Page, address: str) -> str:
    register(page, address, MAN)
    case = open_case(page, "United States: Fiancé(e) or spouse (K visa)")
    go_to(page, f"{case}/consent")
    page.get_by_label("Consent is given and signed").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded.")).to_be_visible()
    return case


def _enter_igra(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    page.get_by_label("Drawn or read on").fill("2 Mar 2026")
    page.get_by_role("group", name="IGRA", exact=True).get_by_role("radio", name="Negative").check()
    page.get_by_role("button", name="Save for confirmation").click()
    _confirm(page, address, case, 1)


def _confirm(page: Page, address: str, case: str, count: int) -> None:
    """The second person ticks what agrees, all at once."""
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/second-person")
    ticks = page.get_by_role("checkbox", name=re.compile("agrees with the report"))
    expect(ticks).to_have_count(count)
    for tick in ticks.all():
        tick.check()
    take_picture(page, f"sputum-second-person-{count}")
    page.get_by_role("button", name="Confirm the ticked results").click()
    expect(page.get_by_text("Nothing of this case waits.")).to_be_visible()


def _read_film(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "radiologist")
    page.goto(f"{case}/xray")
    page.get_by_label("Film taken on").fill("2 Mar 2026")
    page.get_by_label("PA", exact=True).check()
    page.get_by_label("Cavitary lesion").check()
    sign_reading_of_a_film_elsewhere(page)
    expect(page.get_by_text("The reading is recorded.")).to_be_visible()
    page.goto(case)
    sputum = page.locator(".task", has_text="sputum")
    expect(sputum).to_contain_text("Because of Chest X-ray, 02-Mar-2026: Cavitary lesion")
    sputum.locator("summary").click()
    expect(sputum).to_contain_text("A chest X-ray that suggests tuberculosis calls for three sputum specimens")
    look(page, "sputum-reflex")


def _take_specimen(page: Page, address: str, case: str, turn_to: Calendar, day: date) -> str:
    turn_to(day)
    sign_in_as(page, address, "phlebotomist")
    page.goto(f"{case}/sputum")
    if day == FIRST:
        look(page, "sputum-none")
    page.get_by_role("link", name="Take a specimen: confirm who is in front of you").click()
    expect(page.get_by_role("button", name="It is this person: go on")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{case}/sputum")
    page.get_by_role("textbox", name="At", exact=True).fill("0730")
    expect(page.get_by_label("Watched by")).to_have_value(re.compile(".+"))
    page.get_by_role("button", name="Record and give a number").press("Enter")
    message = page.get_by_text("is recorded: label the pot")
    expect(message).to_be_visible()
    expect(page.get_by_role("link", name="Specimens and labels")).to_be_visible()  # its label is printed there
    take_picture(page, f"sputum-taken-{day.day}")
    found = re.search(r"NBO-S-\d+-\w", message.inner_text())
    assert found
    return found.group()


def _enter_smears(page: Page, address: str, case: str, turn_to: Calendar, numbers: list[str]) -> None:
    turn_to(FIRST + timedelta(days=4))
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    page.get_by_label("Inoculated on").fill("5 Mar 2026")
    page.get_by_role("button", name="Start the clocks").click()
    expect(page.get_by_text("The cultures' clocks run from this day.")).to_be_visible()
    page.get_by_label("Reported on").fill("6 Mar 2026")
    for number in numbers:
        _answer(page, "smear", number)
    _answer(page, "NAAT", numbers[0], "not-detected")
    assert_focus_never_hidden(page)
    look(page, "sputum-smears")
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()
    _confirm(page, address, case, 4)


def _answer(page: Page, test: str, number: str, value: str = "negative") -> None:
    """One cell of the specimens' table."""
    page.get_by_role("combobox", name=re.compile(f"{test}.*{number}", re.IGNORECASE)).select_option(value)


def _wait_for_cultures(page: Page, address: str, case: str, turn_to: Calendar, numbers: list[str]) -> None:
    turn_to(BEGUN + timedelta(days=28))
    sign_in_as(page, address, "physician")
    take_picture(page, "sputum-list-waiting")
    page.goto(case)
    expect(page.get_by_text(f"Culture day 28 of {WAIT_DAYS}").first).to_be_visible()
    expect(page.locator(".task", has_text="sputum")).to_contain_text("specimens taken: 3")
    look(page, "sputum-case-waiting")
    page.goto(f"{case}/sign")
    expect(page.get_by_text("Not ready to sign")).to_be_visible()
    look(page, "sputum-review-waiting")
    sign_in_as(page, address, "tbteam")
    expect(page.get_by_role("row", name=re.compile("LADO"))).to_contain_text(f"Culture day 28 of {WAIT_DAYS}")
    take_picture(page, "sputum-list-tbteam")
    page.goto(f"{case}/sputum")
    expect(page.get_by_role("combobox", name=re.compile(f"liquid.*{numbers[0]}"))).to_have_accessible_description(
        "day 28 of 42")
    page.get_by_label("Reported on").fill("2 Apr 2026")
    _answer(page, "solid", numbers[0])
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("make sure that this is not an interim report")).to_be_visible()
    look(page, "sputum-too-early")
    turn_to(CULTURED)


def _enter_cultures(page: Page, address: str, case: str, numbers: list[str]) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/sputum")
    page.get_by_label("Reported on").fill("30 Apr 2026")
    for number in numbers:
        for medium in ("liquid", "solid"):
            _answer(page, medium, number)
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()
    take_picture(page, "sputum-cultures")
    _confirm(page, address, case, 6)


def _sign(page: Page, address: str, case: str, folder: Path) -> None:
    sign_in_as(page, address, "physician")
    page.goto(case)
    take_picture(page, "sputum-ready")
    page.get_by_role("link", name=re.compile("^Review and sign")).first.click()
    bundle, paper = sign(page, "Class B1 TB, pulmonary", "sputum", folder)
    assert find_value(bundle, "tb-class") == "B1P"
    assert "☒ Class B1 TB, Pulmonary" in paper and "☒ Cavitary lesion" in paper
