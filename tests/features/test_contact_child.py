"""A child who lived with somebody infectious: traced, tested, B2 and B3; never told on a screen who the source is."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import Case, User
from clinic.services.hold import place_hold
from clinic.services.recall import sweep_tasks
from tests.factory import make_applicant, make_case
from tests.features import test_us_refugee_child as child
from tests.features.look import go_to, look, sign_in_as, take_picture
from tests.features.step import complete_examination, finish_form, open_case, register, sign

pytestmark = pytest.mark.browser


def test_contact_child_is_traced_tested_and_signed_as_class_b2_and_b3(
    page: Page, complaints: list[str], clinic: Flask, address: str, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    source_id, source_number = _make_source(clinic)
    register(page, address, child.CHILD)
    case = open_case(page, "United States: Refugee")
    child._record_guardian(page, case)
    child._consent(page, case)
    _trace(page, address, source_id, case)
    _see_the_task(page, address, case, source_number)
    today = clock.today("Africa/Nairobi")
    _examine(page, address, case, today)
    child._enter_igra(page, address, case, today)
    child._confirm_igra(page, address, case)
    _see_the_task_end(page, clinic, address, case)
    child._take_film(page, address, case, today, tmp_path)
    child._read_film(page, address, case)
    child._find_no_vaccination_due(page, address, case)
    _sign(page, address, case, source_number, tmp_path)


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
    expect(page.get_by_text("second test from")).to_be_visible()
    expect(page.get_by_text(source_number)).to_have_count(0)
    look(page, "contact-case")


def _examine(page: Page, address: str, case: str, today: date) -> None:
    """What tracing recorded is not denied with all the others: the physician answers it."""
    complete_examination(page, address, case, today, history_by="Parent or guardian")
    page.locator('[id="vital.height"]').fill("131")
    page.locator('[id="vital.weight"]').fill("27")
    contact = page.get_by_role("group", name="Recent contact with a known case")
    expect(contact.get_by_label("No")).not_to_be_checked()
    expect(contact.get_by_text("a recorded contact, last exposed")).to_be_visible()
    contact.get_by_label("Yes").check()
    page.locator('[id="tuberculosis.contact.detail"]').fill("somebody of the household, three days ago, MDR-TB")
    take_picture(page, "contact-examination")
    finish_form(page)


def _see_the_task_end(page: Page, clinic: Flask, address: str, case: str) -> None:
    """The test is done: nobody has to say so, and the second one is not asked for beside a positive first."""
    with clinic.app_context():
        sweep_tasks()
    sign_in_as(page, address, "nurse")
    go_to(page, f"{address}/tasks")
    expect(page.get_by_text("Nothing is due here.")).to_be_visible()
    go_to(page, case)
    expect(page.get_by_text("Was exposed")).to_be_visible()
    expect(page.get_by_text("second test from")).to_have_count(0)
    take_picture(page, "contact-case-tested")


def _sign(page: Page, address: str, case: str, source_number: str, folder: Path) -> None:
    """Both classes; the form names the source to the authority, who has its case too."""
    sign_in_as(page, address, "physician")
    page.goto(case)
    take_picture(page, "contact-ready")
    page.get_by_role("link", name=re.compile("^Review and sign")).first.click()
    expect(page.get_by_text("Class B3 TB, contact evaluation").first).to_be_visible()
    expect(page.get_by_text(f"source's tuberculosis: MDR-TB · {source_number}")).to_be_visible()
    bundle, paper = sign(page, "Class B2 TB, LTBI evaluation", "contact", folder)
    classes = {coding["code"] for entry in bundle["entry"] for coding in entry["resource"].get(
        "valueCodeableConcept", {}).get("coding", ()) if "tb-class" in coding["system"]}
    assert classes == {"B2", "B3"}
    assert "☒ Class B2 TB, LTBI Evaluation" in paper and "☒ Class B3 TB, Contact Evaluation" in paper
    assert source_number in paper and "MDR" in paper
