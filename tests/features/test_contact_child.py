"""A child who lived with somebody infectious: traced, to be tested, and never told who the source is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Case, User
from clinic.services.hold import place_hold
from tests.factory import make_applicant, make_case
from tests.features import test_us_refugee_child as child
from tests.features.look import go_to, look, sign_in_as
from tests.features.step import open_case, register

pytestmark = pytest.mark.browser


def test_child_is_traced_and_the_nurse_is_asked_for_the_test(
    page: Page, complaints: list[str], clinic: Flask, address: str
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    source_id, source_number = _make_source(clinic)
    register(page, address, child.CHILD)
    case = open_case(page, "United States: Refugee")
    child._record_guardian(page, case)
    child._consent(page, case)
    _trace(page, address, source_id, case)
    _see_the_task(page, address, case, source_number)


def _make_source(clinic: Flask) -> tuple[str, str]:
    """Somebody of another family, bound for the same country, whom a physician holds."""
    with clinic.app_context(), write_unit():
        reception = db.session.query(User).filter_by(email="reception@test.example").one()
        physician = db.session.query(User).filter_by(email="physician@test.example").one()
        source: Case = make_case("us", make_applicant(reception, family_name="Garang"), reception)
        place_hold(source, "Smear positive at the district hospital", physician)
        return source.id, source.number


def _trace(page: Page, address: str, source_id: str, case: str) -> None:
    sign_in_as(page, address, "tbteam")
    go_to(page, f"{address}/cases/{source_id}")
    expect(page.get_by_text("Mask, airborne isolation")).to_be_visible()
    look(page, "held-case")
    page.get_by_role("link", name="Why, and lifting it").click()
    look(page, "hold")
    go_to(page, f"{address}/cases/{source_id}/contacts")
    number = re.search(r"NBO-[\w-]+", _number_of(page, case))
    assert number is not None
    go_to(page, f"{address}/cases/{source_id}/contacts")
    look(page, "contacts")
    page.get_by_label("Case or applicant number").fill(number[0])
    page.get_by_role("button", name="Find", exact=True).last.click()
    page.get_by_label("What is the contact to the source?").select_option("niece-or-nephew")
    page.get_by_label("Household").check()
    page.get_by_label("Last day").fill((clock.today("Africa/Nairobi") - timedelta(days=3)).isoformat())
    page.get_by_label("MDR-TB").check()
    look(page, "contact-form")
    page.get_by_role("button", name="Confirm the contact").click()
    expect(page.get_by_text("the test is asked for")).to_be_visible()
    look(page, "contacts-recorded")


def _number_of(page: Page, case: str) -> str:
    go_to(page, case)
    return page.get_by_role("heading", name=re.compile("Case NBO-")).inner_text()


def _see_the_task(page: Page, address: str, case: str, source_number: str) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, f"{address}/tasks")
    expect(page.get_by_role("link", name="Tasks: 1 due")).to_be_visible()
    look(page, "tasks")
    page.get_by_role("link", name="Contact to be tested", exact=True).click()
    look(page, "task")
    go_to(page, case)
    expect(page.get_by_text("Was exposed")).to_be_visible()
    expect(page.get_by_text("no isoniazid or rifampicin")).to_be_visible()
    expect(page.get_by_text(source_number)).to_have_count(0)
    look(page, "contact-case")
