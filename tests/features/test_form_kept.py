"""A form in Chromium: the session ends in the middle, the connection goes and comes, all others are normal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import FormResponse, User
from tests.factory import PASSWORD, make_applicant, make_case
from tests.features.look import go_to, look, sign_in_as
from tests.sign_in import give_consent

pytestmark = pytest.mark.browser


@pytest.fixture
def form(clinic: Flask, address: str) -> str:
    """The address of the form of a US case whose applicant has consented."""
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            case = make_case("us", make_applicant(clerk), clerk)
            give_consent(case)
            case_id = case.id
        db.session.remove()
    return f"{address}/cases/{case_id}/forms/us-medical-exam"


@contextmanager
def _quarter_of_an_hour_later() -> Iterator[None]:
    with clock.stopped_at(clock.now() + timedelta(minutes=16)):
        yield


def _answers(clinic: Flask) -> dict[str, object]:
    with clinic.app_context(), read_unit() as unit:
        found: dict[str, object] | None = unit.execute(select(FormResponse.answers)).scalar_one_or_none()
    return found or {}


def test_session_ends_mid_form_and_only_its_author_finds_what_was_typed(
    page: Page, clinic: Flask, address: str, form: str, complaints: list[str]
) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, form)
    with _quarter_of_an_hour_later():
        page.get_by_label("Weight").fill("62.50")
        page.get_by_label("Weight").press("Tab")
        line = page.locator("#autosave")
        expect(line.get_by_role("link", name="Sign in again and go on")).to_be_visible()
        assert _answers(clinic) == {}
        look(page, "form-session-ended")
        sign_in_as(page, address, "physician")
        go_to(page, form)
        expect(page.get_by_label("Weight")).to_have_value("")
        sign_in_as(page, address, "nurse")
        go_to(page, form)
        expect(page.get_by_label("Weight")).to_have_value("62.50")
        expect(page.get_by_text("Nothing you typed is lost")).to_be_visible()
        look(page, "form-kept")
        expect(page.locator("#autosave")).to_contain_text("Draft saved")
        assert _answers(clinic)["vital.weight"] == "62.50"


def test_button_pressed_after_the_screen_locked_leads_through_the_password_back_to_the_form(
    page: Page, clinic: Flask, address: str, form: str, complaints: list[str]
) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, form)
    with _quarter_of_an_hour_later():
        page.get_by_label("Weight").fill("62.50")
        page.get_by_label("Weight").evaluate("field => field.form.requestSubmit()")
        page.get_by_label("Your password", exact=True).fill(PASSWORD)
        page.get_by_label("Your password", exact=True).press("Enter")
        page.wait_for_url(lambda url: "/locked" not in url)
        if "/identity/" in page.url:
            page.get_by_role("button", name="It is this person: go on").click()
        expect(page.get_by_label("Weight")).to_have_value("62.50")


def test_lost_connection_is_said_and_made_good(
    page: Page, clinic: Flask, address: str, form: str
) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, form)
    page.context.set_offline(True)
    page.get_by_label("Weight").fill("62.50")
    page.get_by_label("Weight").press("Tab")
    expect(page.locator("#autosave")).to_contain_text("Not saved yet: no connection")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_label("Weight")).to_have_value("62.50")
    assert _answers(clinic) == {}
    page.context.set_offline(False)
    expect(page.locator("#autosave")).to_contain_text("Draft saved")
    assert _answers(clinic)["vital.weight"] == "62.50"


def test_all_others_normal_is_confirmed_by_keyboard(
    page: Page, clinic: Flask, address: str, form: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "physician")
    go_to(page, form)
    skin = page.get_by_role("group", name="Skin", exact=False).first
    skin.get_by_label("Abnormal").check()
    page.get_by_role("button", name="All others: normal (Physical examination)").press("Enter")
    panel = page.locator("#rest-exam")
    expect(panel).to_contain_text("Heart")
    expect(panel).not_to_contain_text("Skin")
    assert "exam.heart" not in _answers(clinic)
    look(page, "form-all-normal")
    panel.get_by_role("button", name="Confirm: record these").press("Enter")
    expect(panel).to_be_hidden()
    answers = _answers(clinic)
    assert (answers["exam.heart"], answers["exam.skin"]) == ("normal", "abnormal")
