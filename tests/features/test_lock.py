"""The locked screen in Chromium: warned in time, covered, unlocked with everything typed; clean for somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import User
from tests.factory import PASSWORD, make_applicant, make_case
from tests.features.look import go_to, look, sign_in_as
from tests.sign_in import give_consent

pytestmark = pytest.mark.browser
NAME = "NYAMBURA"


@pytest.fixture
def case(clinic: Flask, address: str) -> str:
    """The address of a US case whose applicant has consented."""
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            case = make_case("us", make_applicant(clerk, family_name=NAME.title()), clerk)
            give_consent(case)
            case_id = case.id
        db.session.remove()
    return f"{address}/cases/{case_id}"


@contextmanager
def _later(minutes: int) -> Iterator[None]:
    with clock.stopped_at(clock.now() + timedelta(minutes=minutes)):
        yield


def _unlock(page: Page) -> None:
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Unlock").click()


def test_warning_is_answered_by_one_key_and_an_empty_room_is_locked(
    page: Page, clinic: Flask, address: str, complaints: list[str]
) -> None:
    page.clock.install()
    sign_in_as(page, address, "nurse")
    page.wait_for_load_state("networkidle")  # the watch runs
    with _later(14):
        page.clock.fast_forward("14:00")
        expect(page.get_by_role("button", name="Go on")).to_be_focused()
        look(page, "session-warning")
        page.keyboard.press("x")
        expect(page.locator("dialog#session")).to_be_hidden()
    with _later(31):
        page.clock.fast_forward("17:00")
        expect(page.get_by_role("heading", name="The screen is locked")).to_be_visible()
        expect(page.get_by_text("Signed in here: Test Nurse")).to_be_visible()
        look(page, "locked")
        _unlock(page)
        page.wait_for_url(f"{address}/")


def test_typing_survives_the_lock_for_its_author_and_back_shows_nothing(
    page: Page, clinic: Flask, address: str, case: str, complaints: list[str]
) -> None:
    """On the registration of an applicant, which saves nothing by itself."""
    page.clock.install()
    sign_in_as(page, address, "reception")
    page.goto(case)
    expect(page.get_by_text(NAME).first).to_be_visible()
    page.goto(f"{address}/applicants/new")
    page.get_by_label("Family name", exact=True).first.fill("Achterberg")
    page.get_by_label("Lives in").select_option("KEN")
    page.wait_for_load_state("networkidle")
    with _later(16):
        page.clock.fast_forward("16:00")
        expect(page.get_by_role("button", name="Unlock")).to_be_visible()
        assert "Achterberg" not in page.content()
        assert page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
        for _step in range(2):
            page.go_back()
            expect(page.get_by_role("heading", name="The screen is locked")).to_be_visible()
            assert NAME not in page.content() and "Achterberg" not in page.content()
        page.goto(f"{address}/applicants/new")
        _unlock(page)
        page.wait_for_url(f"{address}/applicants/new")
        expect(page.get_by_text("What you had typed is back")).to_be_visible()
        expect(page.get_by_label("Family name", exact=True).first).to_have_value("Achterberg")
        expect(page.get_by_label("Lives in")).to_have_value("KEN")
        look(page, "unlocked")
        page.reload()
        expect(page.get_by_text("What you had typed is back")).to_be_hidden()


def test_another_person_starts_clean_and_the_first_finds_their_text_later(
    page: Page, clinic: Flask, address: str, complaints: list[str]
) -> None:
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    page.get_by_label("Family name", exact=True).first.fill("Achterberg")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Alt+l")
    expect(page.get_by_role("button", name="Unlock")).to_be_visible()
    page.get_by_role("link", name="Sign in as yourself").click()
    page.get_by_label("E-mail address").fill("admin@test.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")
    assert "Achterberg" not in page.content()
    page.go_back()
    assert "Achterberg" not in page.content()
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    expect(page.get_by_label("Family name", exact=True).first).to_have_value("Achterberg")


def test_form_of_a_case_comes_back_after_lock_now_from_the_header(
    page: Page, clinic: Flask, address: str, case: str, complaints: list[str]
) -> None:
    sign_in_as(page, address, "nurse")
    form = f"{case}/forms/us-medical-exam"
    go_to(page, form)
    page.get_by_label("Weight").fill("62.50")
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Lock").click()
    expect(page.get_by_role("button", name="Unlock")).to_be_visible()
    _unlock(page)
    page.wait_for_url(form)
    expect(page.get_by_label("Weight")).to_have_value("62.50")


def test_locking_one_window_covers_the_others(page: Page, clinic: Flask, address: str, complaints: list[str]) -> None:
    sign_in_as(page, address, "nurse")
    second = page.context.new_page()
    second.goto(f"{address}/cases")
    expect(second.get_by_role("button", name="Lock")).to_be_visible()
    for each in (page, second):
        each.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Lock").click()
    expect(second.get_by_role("heading", name="The screen is locked")).to_be_visible()
    expect(second.get_by_role("button", name="Unlock")).to_be_visible()


def test_own_sign_ins_on_a_page(page: Page, clinic: Flask, address: str, complaints: list[str]) -> None:
    sign_in_as(page, address, "admin")
    sign_in_as(page, address, "admin")
    page.get_by_role("link", name="Test Admin").click()
    page.get_by_role("link", name="Where I am signed in").click()
    expect(page.get_by_role("heading", name="My sign-ins")).to_be_visible()
    look(page, "my-sign-ins")
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_text("1 sign-in has ended.")).to_be_visible()
    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="Who has to wait").click()
    expect(page.get_by_text("Nobody has to wait.")).to_be_visible()
