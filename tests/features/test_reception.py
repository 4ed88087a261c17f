"""Reception's day in headless Chromium: a passport, a likely double, three destinations, and why each exam is due."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from clinic.mrz import Layout, build_mrz
from tests.browser.accessibility import assert_focus_never_hidden
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser


def build_lines(number: str, given: str = "GRACE ACHIENG") -> str:
    return build_mrz(
        Layout.TD3, issuing_state="KEN", family_name="WANJIRU", given_names=given, number=number, citizenship="KEN",
        birth=date(1991, 1, 5), sex="female", expires_on=date(2033, 5, 1),
    )


def register(page: Page, lines: str) -> None:
    """Scan the lines (they are read as soon as they are whole), add what they do not say, save."""
    page.get_by_role("link", name="Register a person").first.click()
    expect(page.get_by_label("Passport lines")).to_be_focused()
    page.keyboard.insert_text(lines)
    expect(page.get_by_text("Whole zone: check digit fits")).to_be_visible()
    expect(page.get_by_label("Family name", exact=True)).to_have_value("WANJIRU")
    expect(page.get_by_label("Lives in")).to_be_focused()
    page.get_by_label("Lives in").select_option("KEN")
    page.get_by_label("Language to speak with").select_option("sw")
    page.get_by_role("button", name="Save and open a case").click()


def open_case(page: Page, category: str, number: str = "") -> None:
    """Choose the category, answer every question with no, open."""
    page.get_by_role("link", name=category).click()
    if number:
        page.get_by_label("Authority's case number").fill(number)
    for answer in page.get_by_role("radio", name="No", exact=True).all():
        answer.check()
    page.get_by_role("button", name="Open the case").click()


def read_reasons(page: Page, exams: list[str]) -> None:
    """For each examination its sentence and source are one click away."""
    for exam in exams:
        task = page.locator(".task", has_text=exam).first
        task.locator("summary").click()
        expect(task.locator(".reason__sentence").first).not_to_be_empty()
        expect(task.locator(".reason__source").first).to_contain_text("edition")


def test_reception_registers_and_opens_three_cases(page: Page, address: str, complaints: list[str]) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in_as(page, address, "reception")
    register(page, build_lines("AK1234567"))
    expect(page.get_by_role("heading", name="Open a case")).to_be_visible()
    look(page, "choose")

    open_case(page, "United States: Immigrant visa", "NRB 2026 123456")
    expect(page.get_by_role("heading", name=re.compile("Case NBO-26-000001"))).to_be_visible()
    read_reasons(page, ["Medical history", "Chest X-ray", "Syphilis"])
    look(page, "case-us")
    us_case = page.url

    page.get_by_role("link", name="WANJIRU").first.click()
    page.get_by_role("link", name="Open a case").click()
    expect(page.get_by_text("There is an open case already")).to_be_visible()
    open_case(page, "United Kingdom: Entry clearance")
    expect(page.get_by_text("How many months does the person intend to stay?")).to_be_visible()
    page.get_by_role("link", name="Answer").click()
    page.get_by_label("Intended stay").fill("12")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("heading", name="What this would change")).to_be_visible()
    look(page, "preview")
    page.get_by_role("button", name="Save these changes").click()
    read_reasons(page, ["Chest X-ray"])

    page.get_by_role("link", name="WANJIRU").first.click()
    page.get_by_role("link", name="Open a case").click()
    open_case(page, "Canada: Permanent resident", "12345678")
    read_reasons(page, ["Medical history", "Chest X-ray", "HIV"])
    look(page, "case-ca")

    page.goto(address)
    look(page, "worklist")
    assert page.get_by_role("link", name=re.compile("NBO-26-")).count() == 3
    page.get_by_label("Find a case, applicant").fill("nrb2026123456")
    page.keyboard.press("Enter")
    page.wait_for_url(us_case)


def test_double_is_compared_and_named_another_person(page: Page, address: str, complaints: list[str]) -> None:
    sign_in_as(page, address, "reception")
    register(page, build_lines("AK1234567"))
    page.goto(address)
    register(page, build_lines("BK7654321", "GRACE ACHIEN"))
    expect(page.get_by_role("heading", name="Registered before?")).to_be_visible()
    expect(page.get_by_text("Same birth date")).to_be_visible()
    look(page, "double")
    page.get_by_role("button", name="Save as a new person").click()
    expect(page.get_by_role("alert")).to_contain_text("another person")
    page.get_by_label("It is another person, because").fill("twin sister, another given name")
    page.get_by_role("button", name="Save as a new person").click()
    expect(page.get_by_text("Registered as NBO-P-000002")).to_be_visible()

    page.get_by_role("link", name="Applicants").click()
    look(page, "applicants")
    register(page, build_lines("CK1111111", "GRACE ACHIEN"))
    page.locator(".double", has_text="NBO-P-000002").get_by_role("button", name="Use this person").click()
    expect(page.get_by_text("the document was added")).to_be_visible()
    look(page, "person")


def test_forms_work_by_keyboard_and_without_script(page: Page, address: str) -> None:
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    assert assert_focus_never_hidden(page) > 20
    look(page, "register")
    bare = page.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
    bare.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    plain = bare.new_page()
    plain.goto(f"{address}/applicants/new")
    plain.get_by_label("Passport lines").fill(build_lines("AK1234567"))
    plain.get_by_role("button", name="Read the lines").click()
    expect(plain.get_by_label("Document number")).to_have_value("AK1234567")
    plain.get_by_role("button", name="Save and open a case").click()
    expect(plain.get_by_role("alert")).to_contain_text("2 things to correct")
    bare.close()


def test_anybody_may_ask_what_is_needed(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}/will-i-need")
    page.get_by_label("Where do you want to go?").select_option("us")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("With which visa?").select_option("IV")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Age in years").fill("30")
    page.get_by_label("Where do you live?").select_option("KEN")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("You need these examinations")).to_be_visible()
    look(page, "will-i-need")
    page.get_by_role("radiogroup", name=re.compile("signs or symptoms of tuberculosis")).get_by_label("Yes").check()
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_text("Three sputum specimens").first).to_be_visible()
