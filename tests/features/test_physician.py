"""The physician in Chromium: a UK certificate, a conclusion otherwise, an amendment, two people on one case."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from clinic import clock
from clinic.db import db, write_unit
from clinic.models import User
from tests.clinic.documents.paper import read_pages
from tests.factory import PASSWORD
from tests.features.look import go_to, look, sign_in_as
from tests.features.step import sign_reading_of_a_film_elsewhere
from tests.features.test_reception import build_lines, register
from tests.picture import draw_face
from tests.us_case import Staff, make_complete_case

pytestmark = pytest.mark.browser


def find_staff() -> Staff:
    """The fixture's people, in the open unit."""
    found = {user.email.partition("@")[0]: user for user in db.session.execute(select(User)).unique().scalars()}
    return Staff(*(found[name] for name in ("reception", "nurse", "labtech", "labsupervisor", "radiologist",
                                            "physician")))


@pytest.fixture
def case(clinic: Flask, address: str) -> str:
    """A US case that everybody but the physician has finished; its address."""
    with clinic.app_context(), write_unit():
        return f"{address}/cases/{make_complete_case(find_staff()).id}"


def sign(page: Page, label: str = "I accept the proposal") -> None:
    page.get_by_label(label).check()
    page.get_by_label("I declare this").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign the exam").click()
    # the first print of a process unpacks fonts: seconds on a busy machine
    expect(page.get_by_text("The exam is signed and queued for delivery.")).to_be_visible(timeout=30_000)


def test_united_kingdom_certificate_from_registration_to_the_paper(
    page: Page, complaints: list[str], address: str, tmp_path: Path
) -> None:
    today = clock.today("Africa/Nairobi").isoformat()
    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in_as(page, address, "reception")
    register(page, build_lines("AK7654321"))
    page.goto(f"{page.url.split('?')[0]}?programme=uk&category=ENTRY_CLEARANCE")
    page.get_by_label("Intended stay").fill("24")
    page.get_by_label("Address at the destination (optional)").fill("4 Mill Road, Leeds LS1 4AP")
    for word in page.locator("input[type=radio][name^='circumstances-'][value=no]").all():
        name = word.get_attribute("name") or ""
        page.locator(f"input[name='{name}'][value={'yes' if 'listed_presence' in name else 'no'}]").check()
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_text("Tuberculosis interview and clinical check").first).to_be_visible()
    case = page.url.split("?")[0]

    go_to(page, f"{case}/photo")
    page.set_input_files("#photo", {"name": "face.jpg", "mimeType": "image/jpeg", "buffer": draw_face(800, 1000)})
    page.get_by_role("button", name="Keep this photo").click()
    go_to(page, f"{case}/consent")
    page.get_by_label("Consent is given and signed").check()
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded.")).to_be_visible()

    sign_in_as(page, address, "physician")
    go_to(page, f"{case}/forms/uk-tb-interview")
    page.locator('[id="visit.exam-date"]').fill(today)
    page.locator("input[name='visit.history-by'][value=applicant]").check()
    page.get_by_role("group", name="Menstrual periods").get_by_label("Regular", exact=True).check()
    for radio in page.locator("input[type=radio][value=false]:visible, input[type=radio][value=normal]:visible").all():
        if radio.is_visible():
            radio.check()
    page.get_by_role("button", name="Complete the form").click()
    expect(page.get_by_text("The form is complete.")).to_be_visible()

    sign_in_as(page, address, "radiologist")
    page.goto(f"{case}/xray")
    page.get_by_label("Film taken on").fill(today)
    page.get_by_label("PA", exact=True).check()
    page.locator("#numbered-0").check()
    page.get_by_label("Chest X-ray normal").check()
    sign_reading_of_a_film_elsewhere(page)
    expect(page.get_by_text("The reading is recorded.")).to_be_visible()

    sign_in_as(page, address, "physician")
    page.goto(f"{case}/sign")
    expect(page.locator(".conclusion").get_by_text("Issue", exact=True).first).to_be_visible()
    look(page, "uk-review")
    sign(page)
    look(page, "uk-signed")
    page.goto(case)
    expect(page.get_by_text("Accepted as the rules propose")).to_be_visible()
    look(page, "uk-case-signed")
    if shutil.which("pdftotext"):
        place = page.get_by_role("link", name="Version 1").get_attribute("href")
        paper = page.request.get(f"{address}{place}/pdf")
        text = " ".join(read_pages(paper.body(), tmp_path)[0].split())
        for words in ("Certificate of tuberculosis screening", "WANJIRU", "AK7654321", "4 Mill Road, Leeds LS1 4AP",
                      "Issue date", "Expiry date", "no clinical suspicion of active pulmonary tuberculosis"):
            assert words in text, words


def test_physician_concludes_otherwise_with_the_reason(page: Page, complaints: list[str], address: str, case: str
                                                       ) -> None:
    sign_in_as(page, address, "physician")
    page.goto(f"{case}/sign")
    page.get_by_label("I conclude otherwise").check()
    page.get_by_label("No TB class").check()
    page.get_by_label("Why").fill("nothing else, only to see")
    page.get_by_label("I declare this").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("accept the proposal instead")
    look(page, "override-refused")
    page.get_by_label("No TB class").uncheck()
    page.get_by_label("Class B2 TB, LTBI evaluation").check()
    page.get_by_label("Why").fill("positive test on paper, seen today")
    sign(page, "I conclude otherwise")
    expect(page.get_by_text("Concluded otherwise")).to_be_visible()
    page.goto(case)
    expect(page.get_by_text("positive test on paper, seen today")).to_be_visible()
    expect(page.get_by_text("What the rules proposed")).to_be_visible()
    look(page, "override-case")


def test_amendment_replaces_the_version_and_whoever_verifies_the_old_one_is_told(
    page: Page, complaints: list[str], address: str, case: str
) -> None:
    sign_in_as(page, address, "physician")
    page.goto(f"{case}/sign")
    sign(page)
    first = page.url
    page.get_by_role("link", name="See what a holder of the paper is shown").click()
    expect(page.get_by_text("Valid", exact=True)).to_be_visible()
    public = page.url

    sign_in_as(page, address, "labtech")
    page.goto(case)
    page.get_by_role("link", name="Something in it is wrong: ask for an amendment").click()
    look(page, "amendment-ask")
    page.get_by_label("What is wrong, and what is right?").fill("The address at the destination is another")
    page.get_by_role("button", name="Ask the physician").click()
    expect(page.get_by_text("The physicians have it on their list.")).to_be_visible()

    sign_in_as(page, address, "physician")
    page.goto(f"{address}/?view=amend")
    expect(page.locator(f"main a[href^='{case.removeprefix(address)}']").first).to_be_visible()
    page.goto(case)
    expect(page.get_by_text("The address at the destination is another")).to_be_visible()
    look(page, "amendment-case")
    page.goto(first)
    expect(page.get_by_label("Why is the exam amended?")).to_have_value("The address at the destination is another")
    page.get_by_role("button", name="Open an amendment").click()
    expect(page.get_by_text("The case is open again.")).to_be_visible()
    page.goto(f"{case}/sign")
    expect(page.get_by_text("Signed version 1 stands until you sign")).to_be_visible()
    row = page.locator("#row-destination")
    row.get_by_role("link", name="Change").click()
    page.get_by_label("Address at the destination (optional)").fill("12 Elm Street, Springfield")
    page.get_by_role("button", name="Show what changes").click()
    page.wait_for_url(f"{case}/sign#row-destination")
    expect(row).to_contain_text("12 Elm Street, Springfield")
    sign(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Signed exam, version 2")
    look(page, "amendment-signed")
    page.goto(public)
    expect(page.get_by_text("Replaced", exact=True)).to_be_visible()
    expect(page.get_by_text("Ask the holder for the newest one.")).to_be_visible()
    assert page.locator("main a[href*='/verify/']").count() == 0, "the newer version's token is its holder's"
    look(page, "verify-replaced")


def test_second_person_sees_what_the_first_saved_and_loses_nothing(
    page: Page, complaints: list[str], address: str, case: str
) -> None:
    sign_in_as(page, address, "physician")
    page.goto(f"{case}/sign")
    other = page.context.browser.new_page() if page.context.browser else page
    sign_in_as(other, address, "reception")
    other.goto(f"{case}/circumstances")
    other.get_by_label("Address at the destination (optional)").fill("12 Elm Street, Springfield")
    other.get_by_role("button", name="Show what changes").click()
    other.wait_for_url(lambda url: not url.endswith("/circumstances"))
    page.get_by_label("I conclude otherwise").check()
    page.get_by_label("Class B2 TB, LTBI evaluation").check()
    page.get_by_label("Why").fill("positive test on paper, seen today")
    page.get_by_label("I declare this").check()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign the exam").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("The case changed since you opened it")
    expect(page.locator("#row-destination")).to_contain_text("12 Elm Street, Springfield")
    expect(page.get_by_label("Class B2 TB, LTBI evaluation")).to_be_checked()
    expect(page.get_by_label("Why")).to_have_value("positive test on paper, seen today")
    look(page, "changed-meanwhile")
    sign(page, "I conclude otherwise")
    other.close()
