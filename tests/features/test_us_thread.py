"""The United States thread: registered, examined, entered, confirmed, read, vaccinated, signed, by seven people."""

from __future__ import annotations

import re
from datetime import date

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic import clock
from tests.browser.accessibility import assert_focus_never_hidden
from tests.factory import PASSWORD
from tests.features.look import go_to, look, sign_in_as
from tests.features.step import sign_reading_of_a_film_elsewhere
from tests.picture import draw_face

pytestmark = pytest.mark.browser


@pytest.fixture
def today() -> date:
    """Today at the clinic."""
    return clock.today("Africa/Nairobi")


def test_us_immigrant_from_registration_to_signature(
    page: Page, complaints: list[str], clinic: Flask, address: str, today: date
) -> None:
    case = _register_and_open(page, address)
    _photograph(page, address, case)
    _consent(page, address, case)
    _draft_history(page, address, case)
    _complete_examination(page, address, case, today)
    _enter_results(page, address, case, today)
    _confirm_results(page, address)
    _read_film(page, address, case, today)
    _vaccinate(page, address, case)
    _sign(page, address, case)


def _register_and_open(page: Page, address: str) -> str:
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    page.get_by_label("Family name", exact=True).fill("Odhiambo")
    page.get_by_label("Given names (optional)", exact=True).fill("Grace Achieng")
    page.get_by_label("Document number").fill("AK1234567")
    page.get_by_label("Issued by").select_option("KEN")
    born = page.get_by_role("group", name="Born")
    for part, text in (("Day", "5"), ("Month", "1"), ("Year", "1991")):
        born.get_by_label(part).fill(text)
    page.get_by_label("Female").check()
    page.get_by_label("Citizenship").select_option("KEN")
    page.get_by_label("Lives in").select_option("KEN")
    page.get_by_label("Language to speak with").select_option("sw")
    page.get_by_role("button", name="Save and open a case").click()
    page.goto(f"{page.url.split('?')[0]}?programme=us&category=IV")
    for group in page.locator("input[type=radio][value=no]").all():
        group.check()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page.url.split("?")[0]


def _photograph(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "reception")
    page.goto(f"{case}/photo")
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm who is in front of you")
    look(page, "identity-first")
    page.keyboard.press("Enter")  # the button has the focus
    page.wait_for_url(f"{case}/photo")
    page.set_input_files("#photo", {"name": "face.jpg", "mimeType": "image/jpeg", "buffer": draw_face(1600, 1200)})
    expect(page.locator("[data-still]")).to_be_visible()
    look(page, "photo")
    page.get_by_role("button", name="Keep this photo").click()
    expect(page.get_by_text("The photo is kept.")).to_be_visible()
    expect(page.locator(".banner__photo")).to_be_visible()


def _consent(page: Page, address: str, case: str) -> None:
    page.goto(f"{case}/consent")
    expect(page.locator("article[lang=sw]")).to_be_visible()
    look(page, "consent")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    page.get_by_label("Consent is given and signed").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded.")).to_be_visible()
    page.goto(f"{case}/consent")
    look(page, "consent-recorded")


def _draft_history(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, f"{case}/forms/us-medical-exam")
    hypertension = page.get_by_role("group", name="High blood pressure")
    expect(page.locator('[id="general.hypertension.detail"]')).to_be_hidden()
    hypertension.get_by_label("Yes").check()
    page.locator('[id="general.hypertension.detail"]').fill("since 2019, amlodipine 5 mg")
    page.locator('[id="vital.weight"]').fill("180")
    page.locator('[id="vital.weight"]').press("Tab")
    expect(page.locator("#autosave")).to_contain_text("Draft saved", timeout=8000)
    look(page, "form-nurse")
    assert_focus_never_hidden(page, limit=400)
    for group in ("Tuberculosis", "General, heart and lungs", "Other conditions"):
        _answer_rest(page, "no", group)
    expect(page.get_by_role("group", name="Diabetes").get_by_label("No")).to_be_checked()
    expect(hypertension.get_by_label("Yes")).to_be_checked()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Saved as a draft")).to_be_visible()


def _answer_rest(page: Page, answer: str, group: str) -> None:
    """Press the button of a group, look at its list, confirm it."""
    page.get_by_role("button", name=re.compile(rf"All others: {answer} \({group}")).click()
    page.get_by_role("button", name="Confirm: record these").click()
    expect(page.get_by_role("button", name="Confirm: record these")).to_be_hidden()


def _complete_examination(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "physician")
    go_to(page, f"{case}/forms/us-medical-exam")
    page.get_by_role("button", name="Complete the form").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    look(page, "form-errors")
    page.locator('[id="visit.exam-date"]').fill(today.isoformat())
    page.get_by_role("group", name="History given by").get_by_label("The applicant").check()
    page.get_by_role("group", name="With an interpreter").get_by_label("No").check()
    page.get_by_role("group", name="Tobacco").get_by_label("Never").check()
    page.get_by_role("group", name="Menstrual periods").get_by_label("Regular", exact=True).check()
    page.get_by_role("group", name="Pregnant now").get_by_label("No").check()
    page.locator('[id="vital.height"]').fill("165")
    for item in ("disorder-1", "finding.tuberculosis", "finding.syphilis", "finding.gonorrhoea", "finding.hansens"):
        page.locator(f'input[name="{item}"][value="false"]').check()
    page.get_by_role("group", name="Follow-up after arrival").get_by_label("None needed").check()
    page.get_by_role("button", name="Save draft").click()
    for group in ("Nervous system", "Pregnancy"):
        _answer_rest(page, "no", group)
    _answer_rest(page, "normal", "Physical examination")
    look(page, "form-physician")
    page.get_by_role("button", name="Complete the form").click()
    expect(page.get_by_text("Weight 180 kg is unusual")).to_be_visible()
    page.get_by_label("Weight 180 kg is unusual").check()
    page.get_by_role("button", name="Complete the form").click()
    expect(page.get_by_text("The form is complete.")).to_be_visible()
    go_to(page, f"{case}/forms/us-medical-exam")
    look(page, "form-complete")


def _enter_results(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "labtech")
    page.goto(f"{case}/laboratory")
    igra = page.get_by_role("group", name="IGRA", exact=True)
    page.get_by_label("Drawn or read on").fill(today.isoformat())
    page.get_by_label("Reported on (optional)").fill(today.isoformat())
    igra.get_by_role("radio", name="Negative").check()
    igra.get_by_label("QuantiFERON-Plus").check()
    for name, value in (("Nil", "0,05"), ("TB antigen 1", "0.40"), ("TB antigen 2", "0.10"), ("Mitogen", "9.5")):
        igra.get_by_role("textbox", name=re.compile(f"^{name}")).fill(value)
    page.get_by_role("group", name=re.compile("Syphilis, nontreponemal")).get_by_label("Nonreactive").check()
    look(page, "laboratory-entry")
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("the laboratory says “negative”")).to_be_visible()
    look(page, "laboratory-caution")
    igra.get_by_role("radio", name="Positive").check()
    page.get_by_role("button", name="Save for confirmation").click()
    expect(page.get_by_text("Another person must confirm before it counts.")).to_be_visible()
    look(page, "laboratory-waiting")


def _confirm_results(page: Page, address: str) -> None:
    sign_in_as(page, address, "labsupervisor")
    page.goto(f"{address}/laboratory")
    look(page, "laboratory-list")
    for turn in range(2):
        page.get_by_role("link", name=re.compile("^Check")).first.click()
        if turn == 0:
            look(page, "laboratory-result")
        page.get_by_role("button", name="Confirm: it agrees with the report").click()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()


def _read_film(page: Page, address: str, case: str, today: date) -> None:
    sign_in_as(page, address, "radiologist")
    page.goto(f"{case}/xray")
    page.get_by_label("Film taken on").fill(today.isoformat())
    page.get_by_label("PA", exact=True).check()
    page.get_by_label("Cavitary lesion").check()
    look(page, "xray-entry")
    page.get_by_label("Normal findings").check()
    expect(page.get_by_label("Cavitary lesion")).not_to_be_checked()
    sign_reading_of_a_film_elsewhere(page)
    expect(page.get_by_text("The reading is recorded.")).to_be_visible()
    look(page, "xray-read")


def _vaccinate(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "nurse")
    go_to(page, f"{case}/vaccination")
    page.get_by_label("Vaccine", exact=True).select_option("MMR|03")
    page.get_by_label("Given on").fill("2001-05-06")
    page.get_by_role("button", name="Save, then another").click()
    expect(page.get_by_text("MMR: dose recorded.")).to_be_visible()
    page.get_by_label("Outcome of MMR").select_option("complete")
    for line in page.locator("select[name^='outcome.']").all():
        if line.input_value() == "":
            line.select_option("waiver-not-available")
    look(page, "vaccination")
    page.get_by_role("button", name="Save the worksheet").click()
    expect(page.get_by_text("The worksheet is saved.")).to_be_visible()


def _sign(page: Page, address: str, case: str) -> None:
    sign_in_as(page, address, "physician")
    page.goto(case)
    look(page, "case-ready")
    page.get_by_role("link", name=re.compile("^Review and sign")).first.click()
    expect(page.get_by_text("Class B2 TB, LTBI evaluation").first).to_be_visible()
    look(page, "sign-review")
    assert_focus_never_hidden(page)
    page.get_by_label("I accept the proposal").check()
    page.get_by_label("Your password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    look(page, "sign-refused")
    page.get_by_label("I declare this").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.get_by_text("The exam is signed and queued for delivery.")).to_be_visible()
    look(page, "signed-exam")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the document").click()
    assert download.value.suggested_filename.endswith("-v1.json")
