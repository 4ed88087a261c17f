"""The steps of a person's way through the clinic that several journeys share, each done on the real screens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from clinic.mrz import Layout, build_mrz
from tests.clinic.documents.paper import read_pages
from tests.factory import PASSWORD
from tests.features.look import go_to, look, sign_in_as, take_picture

QUIET = ("disorder-1", "finding.tuberculosis", "finding.syphilis", "finding.gonorrhoea", "finding.hansens")


@dataclass(frozen=True)
class Traveller:
    """Whom a journey is about, as the passport says it."""

    family: str
    given: str
    born: date
    sex: str
    number: str
    citizenship: str
    language: str


def register(page: Page, address: str, traveller: Traveller) -> None:
    """Reception reads the passport and completes what it does not say; a case is to be opened next."""
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    page.get_by_label("Passport lines").focus()
    page.keyboard.insert_text(build_mrz(
        Layout.TD3, issuing_state=traveller.citizenship, family_name=traveller.family, given_names=traveller.given,
        number=traveller.number, citizenship=traveller.citizenship, birth=traveller.born, sex=traveller.sex,
        expires_on=date(2033, 5, 1)))
    expect(page.get_by_text("Whole zone: check digit fits")).to_be_visible()
    page.get_by_label("Lives in").select_option("KEN")
    page.get_by_label("Language to speak with").select_option(traveller.language)
    page.get_by_role("button", name="Save and open a case").click()


def open_case(page: Page, category: str) -> str:
    """Choose the category, answer every question with no, open. Returns the case's address."""
    page.get_by_role("link", name=category).click()
    for answer in page.get_by_role("radio", name="No", exact=True).all():
        answer.check()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", name=re.compile("Case NBO-"))).to_be_visible()
    return page.url.split("?")[0]


def complete_examination(page: Page, address: str, case: str, today: date, history_by: str = "The applicant") -> None:
    """The physician fills in history and examination, all of it unremarkable."""
    sign_in_as(page, address, "physician")
    go_to(page, f"{case}/forms/us-medical-exam")
    for group in page.get_by_role("button", name=re.compile("^All others: ")).all_text_contents():
        page.get_by_role("button", name=group).click()
        page.get_by_role("button", name="Confirm: record these").click()
        expect(page.get_by_role("button", name="Confirm: record these")).to_have_count(0)
    page.locator('[id="visit.exam-date"]').fill(today.isoformat())
    page.get_by_role("group", name="History given by").get_by_label(history_by).check()
    page.get_by_role("group", name="With an interpreter").get_by_label("No").check()
    page.get_by_role("group", name="Tobacco").get_by_label("Never").check()
    for item in QUIET:
        page.locator(f'input[name="{item}"][value="false"]').check()
    page.get_by_role("group", name="Follow-up after arrival").get_by_label("None needed").check()


def finish_form(page: Page) -> None:
    """Complete the form that is open."""
    page.get_by_role("button", name="Complete the form").click()
    expect(page.get_by_text("The form is complete.")).to_be_visible()


def sign(page: Page, class_words: str, name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The physician signs the proposal on the open review page. Returns the document, and the text of the PDF."""
    expect(page.get_by_text(class_words).first).to_be_visible()
    look(page, f"{name}-review")
    page.get_by_label("I accept the proposal").check()
    page.get_by_label("I declare this").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.get_by_text("The exam is signed and queued for delivery.")).to_be_visible(timeout=30_000)  # prints
    take_picture(page, f"{name}-signed")
    bundle = json.loads(_download(page, "Download the document"))
    return bundle, "\n".join(read_pages(_download(page, "Download the PDF"), folder))


def find_value(bundle: dict[str, Any], code: str) -> str:
    """The coded value of the one Observation that says `code`."""
    found = [entry["resource"]["valueCodeableConcept"]["coding"][0]["code"] for entry in bundle["entry"]
             if any(coding["code"] == code for coding in entry["resource"].get("code", {}).get("coding", ()))]
    assert len(found) == 1, found
    return str(found[0])


def _download(page: Page, link: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    return Path(download.value.path()).read_bytes()


def sign_reading_of_a_film_elsewhere(page: Page) -> None:
    """Sign a reading that names no film of ours: it asks once whose film was read."""
    button = page.get_by_role("button", name="Sign the reading")
    button.click()
    page.get_by_label("read it elsewhere").check()
    button.click()
