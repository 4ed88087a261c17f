"""Reception with a camera, consent right to left, and another person at the X-ray room's door, in Chromium."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic.db import db, read_unit, write_unit
from clinic.models import Photo, PhotoSource, User
from tests.factory import make_applicant, make_case
from tests.features.look import go_to, look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def case(clinic: Flask, address: str) -> str:
    """The address of a Canadian case of a boy who speaks Arabic."""
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            boy = make_applicant(clerk, family_name="Haddad", given_names="Karim", birth_date="2016-02-03",
                                 native_family_name="حداد", native_given_names="كريم", native_language="ar",
                                 language="ar")
            case_id = make_case("ca", boy, clerk).id
        db.session.remove()
    return f"{address}/cases/{case_id}"


def test_photo_by_camera_then_consent_by_the_mother_then_another_child(
    page: Page, clinic: Flask, address: str, case: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "reception")
    _photograph(page, clinic, case)
    _consent(page, case)
    sign_in_as(page, address, "nurse")
    page.goto(f"{case}/vaccination")
    expect(page.locator(".identity .portrait")).to_be_visible()
    look(page, "identity")
    page.get_by_text("It is not this person").click()
    page.get_by_role("button", name="Stop and hold the case").click()
    expect(page.get_by_text("Give the reason in a few words.").first).to_be_visible()
    look(page, "identity-mismatch")
    page.get_by_label("What does not agree").fill("the boy is about fifteen years old")
    page.get_by_role("button", name="Stop and hold the case").click()
    expect(page.get_by_text("Identity in doubt").first).to_be_visible()
    look(page, "case-in-doubt")


def _photograph(page: Page, clinic: Flask, case: str) -> None:
    go_to(page, f"{case}/photo")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the photo").click()
    expect(page.get_by_text("Taken. Look at it")).to_be_visible()
    look(page, "photo-taken")
    page.get_by_role("button", name="Keep this photo").click()
    expect(page.get_by_text("The photo is kept.")).to_be_visible()
    with clinic.app_context(), read_unit() as unit:
        assert unit.execute(select(Photo)).scalar_one().source is PhotoSource.CAMERA
        db.session.remove()


def _consent(page: Page, case: str) -> None:
    go_to(page, f"{case}/consent")
    arabic = page.locator("article[lang=ar]")
    expect(arabic).to_have_css("direction", "rtl")
    look(page, "consent-arabic")
    page.get_by_role("link", name="Record the guardian").click()
    page.get_by_label("Name", exact=True).fill("Rania Haddad")
    page.get_by_label("What to the applicant").select_option("mother")
    page.get_by_label("Its number").fill("N7711234")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Rania Haddad (Mother)")).to_be_checked()
    expect(page.get_by_text("Under 16, so a parent or guardian signs.")).to_be_visible()
    page.get_by_label("Consent is given and signed").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("This destination asks for a named witness.").first).to_be_visible()
    look(page, "consent-errors")
    page.get_by_label("Witness", exact=True).fill("Wanjiku Njeri")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded.")).to_be_visible()
