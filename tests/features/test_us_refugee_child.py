"""A refugee child bound for the United States: the IGRA is positive, the film normal, the class B2."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic import clock
from clinic.demo.phantom import Chest
from tests.features.look import go_to, look, sign_in_as, take_picture
from tests.features.step import Traveller, complete_examination, find_value, finish_form, open_case, register, sign
from tests.film import make_film

pytestmark = pytest.mark.browser

CHILD = Traveller("DENG", "ACHOL MARY", date(2017, 3, 14), "female", "R00417755", "SSD", "en")


def test_us_refugee_child_with_positive_igra_and_normal_film_is_class_b2(
    page: Page, complaints: list[str], clinic: Flask, address: str, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    today = clock.today("Africa/Nairobi")
    register(page, address, CHILD)
    case = open_case(page, "United States: Refugee")
    _record_guardian(page, case)
    _consent(page, case)
    _examine(page, address, case, today)
    _enter_igra(page, address, case, today)
    _confirm_igra(page, address, case)
    _take_film(page, address, case, today, tmp_path)
    _read_film(page, address, case)
    _find_no_vaccination_due(page, address, case)
    _sign(page, address, case, tmp_path)


def _record_guardian(page: Page, case: str) -> None:
    expect(page.get_by_text("Minor: no guardian")).to_be_visible()
    take_picture(page, "child-case-open")
    go_to(page, f"{case}/consent")
    look(page, "child-consent-no-guardian")
    page.get_by_role("link", name="Record the guardian").click()
    page.get_by_label("Name", exact=True).fill("Rebecca Nyandeng Deng")
    page.get_by_label("What to the applicant").select_option("mother")
    page.get_by_label("Its number").fill("UNHCR-771-22")
    take_picture(page, "child-guardian")
    page.get_by_role("button", name="Save", exact=True).click()


def _consent(page: Page, case: str) -> None:
    take_picture(page, "child-guardian-saved")
    go_to(page, f"{case}/consent")
    take_picture(page, "child-consent")
    page.get_by_label("Consent is given and signed").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded.")).to_be_visible()
    take_picture(page, "child-case-consented")


def _examine(page: Page, address: str, case: str, today: date) -> None:
    complete_examination(page, address, case, today, history_by="Parent or guardian")
    page.locator('[id="vital.height"]').fill("131")
    page.locator('[id="vital.weight"]').fill("27")
    take_picture(page, "child-form")
    finish_form(page)


def _enter_igra(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    igra = page.get_by_role("group", name="IGRA", exact=True)
    page.get_by_label("Drawn or read on").fill(today.isoformat())
    igra.get_by_role("radio", name="Positive").check()
    igra.get_by_label("QuantiFERON-Plus").check()
    for name, value in (("Nil", "0.06"), ("TB antigen 1", "1.84"), ("TB antigen 2", "2.10"), ("Mitogen", "8.9")):
        igra.get_by_role("textbox", name=re.compile(f"^{name}")).fill(value)
    take_picture(page, "child-igra")
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()
    page.goto(case)
    expect(page.locator(".task", has_text="Chest X-ray")).to_have_count(0)  # one person's word adds nothing yet


def _confirm_igra(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{case}/laboratory")
    page.get_by_role("link", name=re.compile("waits for its second person")).click()
    take_picture(page, "child-second-person")
    page.get_by_role("link", name="Open IGRA").click()
    expect(page.get_by_text("1.84")).to_be_visible()
    look(page, "child-igra-check")
    page.get_by_role("button", name="Confirm: it agrees with the report").click()
    page.goto(case)
    film = page.locator(".task", has_text="Chest X-ray")
    expect(film).to_contain_text("Because of IGRA")
    film.locator("summary").click()
    expect(film).to_contain_text("A positive IGRA or skin test calls for a chest X-ray at any age.")
    look(page, "child-reflex")


def _take_film(page: Page, address: str, case: str, today: date, folder: Path) -> None:
    whose = {"name": "DENG^ACHOL MARY", "birth_date": "20170314", "taken_on": today}
    frontal, lateral = folder / "frontal.dcm", folder / "lateral.dcm"
    frontal.write_bytes(make_film(**whose))
    lateral.write_bytes(make_film(**whose, view="LL", number=2, chest=Chest(view="lateral")))
    sign_in_as(page, address, "radiographer")
    page.goto(f"{case}/xray")
    page.get_by_role("link", name="Send films: confirm who is in front of you").click()
    take_picture(page, "child-xray-identity")
    page.get_by_role("button", name="It is this person: go on").click()
    expect(page.get_by_text("Under 10 years two views are taken")).to_be_visible()
    page.set_input_files("#films", [str(frontal), str(lateral)])
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Accepted")).to_have_count(2)
    expect(page.get_by_text("Under 10 years two views are taken")).to_have_count(0)
    take_picture(page, "child-film-received")


def _read_film(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "radiologist")
    page.goto(f"{case}/xray")
    expect(page.locator("[data-said]")).to_contain_text("full detail")
    expect(page.get_by_label("PA and lateral")).to_be_checked()
    page.get_by_label("Normal findings").check()
    take_picture(page, "child-film-reading")
    page.get_by_role("button", name="Sign the reading").click()
    expect(page.get_by_text("The reading is recorded.")).to_be_visible()
    take_picture(page, "child-film-read")


def _find_no_vaccination_due(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, f"{case}/vaccination")
    expect(page.get_by_text("need not comply at the time of the exam")).to_be_visible()
    look(page, "child-vaccination")


def _sign(page: Page, address: str, case: str, folder: Path) -> None:
    sign_in_as(page, address, "physician")
    page.goto(case)
    take_picture(page, "child-case-ready")
    page.get_by_role("link", name=re.compile("^Review and sign")).first.click()
    bundle, paper = sign(page, "Class B2 TB, LTBI evaluation", "child", folder)
    assert find_value(bundle, "tb-class") == "B2"
    assert find_value(bundle, "vaccination-result") == "not-required"
    assert "☒ Class B2 TB, LTBI Evaluation" in paper and "☒ IGRA positive" in paper
