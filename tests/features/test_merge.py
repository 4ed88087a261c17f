"""Two records of one person made one, found by the old number, and taken apart again, in Chromium."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.models import User
from tests.browser.accessibility import assert_focus_never_hidden
from tests.factory import PASSWORD, make_applicant, make_case
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser


@pytest.fixture
def numbers(clinic: Flask) -> tuple[str, str]:
    """The numbers of two records: one with the name in Cyrillic too, each with a US case."""
    with clinic.app_context():
        with write_unit() as unit:
            clerk = unit.execute(select(User).where(User.email == "reception@test.example")).unique().scalar_one()
            own = {"native_family_name": "Щърбанов", "native_given_names": "Георги", "native_language": "bg"}
            person = {"given_names": "Georgi", "birth_date": "1991-03-04", "language": "bg", "phone": "+359 700 000000"}
            one = make_applicant(clerk, family_name="Shtarbanov", **person, **own)
            other = make_applicant(clerk, family_name="Scherbanov", **person | {"birth_date": "1991-04-03"})
            for record in (one, other):
                make_case("us", record, clerk)
            found = one.number, other.number
        db.session.remove()
    return found


def test_two_records_become_one_and_two_again(
    page: Page, address: str, numbers: tuple[str, str], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "admin")
    page.get_by_role("link", name="Likely doubles").click()
    look(page, "doubles")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("Differs").first).to_be_visible()
    look(page, "merge-compare")
    page.get_by_label(numbers[0]).check()
    page.get_by_role("button", name="See what moves").click()
    look(page, "merge-confirm")
    page.set_viewport_size({"width": 1366, "height": 900})
    assert_focus_never_hidden(page)
    page.get_by_role("button", name="Merge the two records").click()
    expect(page.get_by_role("heading", name="2 things to correct")).to_be_visible()
    look(page, "merge-errors")
    page.get_by_label("Both have an open case of the same programme").check()
    page.get_by_label("Why they are one person").fill("the same passport, day and month of birth exchanged")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Merge the two records").click()
    expect(page.get_by_text(f"{numbers[1]} was merged into this record.")).to_be_visible()
    look(page, "merge-person")
    page.get_by_role("searchbox").fill(numbers[1])
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text(f"You looked for {numbers[1]}.")).to_be_visible()
    look(page, "merge-found")
    page.get_by_role("link", name="Undo this merge").click()
    look(page, "merge-undo")
    page.get_by_label("Why they are two people").fill("two brothers, as the mother says")
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Take the records apart").click()
    expect(page.get_by_text("The merge is undone.")).to_be_visible()
    page.get_by_role("table").get_by_role("link").first.click()
    expect(page.get_by_text("Merge undone")).to_be_visible()
    expect(page.get_by_text("Similar name here today")).to_be_visible()
    look(page, "merge-case")
