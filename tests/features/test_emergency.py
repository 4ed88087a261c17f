"""Break the glass and its review, in headless Chromium: loud to who opens, visible to the case's site, reviewed."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic.db import write_unit
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def number(clinic: Flask, address: str) -> str:
    """A case of another site than where the tests' people work; its quality officer."""
    with clinic.app_context(), write_unit():
        other = make_site("MBA", name="Clinic Mombasa")
        make_user("quality", other, email="mombasa@test.example", name="Quality Mombasa")
        reception = make_user("reception", other)
        person = make_applicant(reception, family_name="Okonkwo", given_names="Ada")
        return make_case("us", person, reception).number


def test_physician_opens_a_case_of_another_site_and_quality_reviews_it(
    page: Page, address: str, number: str, complaints: list[str]
) -> None:
    sign_in_as(page, address, "physician")
    page.get_by_role("link", name="Emergency access").click()
    look(page, "emergency-new")
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("alert")).to_contain_text("things to correct")
    look(page, "emergency-refused")
    page.get_by_label("Case number, or passport number").fill(number)
    page.get_by_label("Somebody's life or health is in danger").check()
    page.get_by_label("What happened?").fill("Unconscious in our ambulance, allergies unknown")
    page.get_by_label("I know that this is written down").check()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("region", name="Emergency access")).to_contain_text("Clinic Mombasa")
    expect(page.get_by_text("OKONKWO").first).to_be_visible()
    look(page, "emergency-case")
    case_url = page.url
    page.get_by_role("button", name="I am done").click()
    assert page.goto(case_url).status == 404  # type: ignore[union-attr]
    complaints.clear()  # the console tells of the 404 that was asked for

    sign_in_as(page, address, "mombasa")
    page.goto(case_url)
    expect(page.get_by_text("Opened in an emergency by Test Physician")).to_be_visible()
    page.get_by_role("link", name="Who looked, what was changed").click()
    expect(page.get_by_role("row", name=re.compile("Test Physician")).first).to_contain_text("Emergency")
    look(page, "audit-case")
    page.get_by_role("link", name="Emergency access: 1 to review").click()
    look(page, "emergency-list")
    page.get_by_role("link", name=re.compile("^Open")).first.click()
    page.get_by_label("What does the review say?").fill("Justified: the hospital confirmed it")
    look(page, "emergency-review")
    page.get_by_role("button", name="Close the review").click()
    expect(page.get_by_role("table")).to_contain_text("Reviewed")
    page.goto(f"{address}/audit?stream=change")
    expect(page.get_by_role("table")).to_contain_text("Reviewed an emergency")
    look(page, "audit-changes")
