"""A mother and two children in headless Chromium: registered as a family, cases together, a guardian's consent."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from clinic.mrz import Layout, build_mrz
from tests.features.look import go_to, look, sign_in_as

pytestmark = pytest.mark.browser


def register(page: Page, given: str, number: str, born: date, sex: str) -> None:
    """Scan the passport's lines; save as the form stands."""
    lines = build_mrz(Layout.TD3, issuing_state="AFG", family_name="RAHIMI", given_names=given, number=number,
                      citizenship="AFG", birth=born, sex=sex, expires_on=date(2033, 5, 1))
    page.get_by_label("Passport lines").focus()
    page.keyboard.insert_text(lines)
    expect(page.get_by_text("Whole zone: check digit fits")).to_be_visible()


def register_child(page: Page, given: str, number: str, born: date, sex: str) -> None:
    page.get_by_role("link", name="Register the next member").click()
    expect(page.get_by_label("Language to speak with")).to_have_value("fa-AF")  # asked once, of the mother
    expect(page.get_by_label("Staying now at")).to_have_value("Block 7, Kakuma")
    register(page, given, number, born, sex)
    page.get_by_label(re.compile("What to RAHIMI")).select_option("child")
    page.get_by_label(re.compile("is the guardian")).check()
    if given == "OMID":
        look(page, "family-next-member")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Registered as")).to_be_visible()


def test_mother_and_children_are_registered_together_and_the_mother_consents(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    register(page, "LAILA", "P1234561", date(1990, 3, 2), "female")
    page.get_by_label("Lives in").select_option("KEN")
    page.get_by_label("Language to speak with").select_option("fa-AF")
    page.get_by_label("Interpreter needed into").select_option("fa-AF")
    page.get_by_label("Phone").fill("+254 000 123456")
    page.get_by_label("Staying now at").fill("Block 7, Kakuma")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Interpreter: Dari").first).to_be_visible()
    page.get_by_role("link", name="Set up a family or travel group").click()
    page.get_by_label("Authority's number of the family").fill("AF-2026-771")
    page.get_by_role("button", name="Set up").click()
    register_child(page, "OMID", "P1234572", date(2017, 6, 1), "male")
    register_child(page, "ZAHRA", "P1234583", date(2020, 9, 9), "female")
    expect(page.get_by_text("Guardian:")).to_have_count(2)
    look(page, "family")

    page.get_by_role("link", name="Open cases").click()
    page.get_by_role("link", name="United States: Refugee", exact=False).first.click()
    look(page, "family-cases")
    page.get_by_label("Authority's case number of LAILA").fill("hello")
    page.get_by_role("button", name="Open the cases").click()
    expect(page.get_by_text("Unusual for United States")).to_be_visible()
    page.get_by_label("Authority's case number of LAILA").fill("KE-123456")
    page.get_by_role("button", name="Open the cases").click()
    expect(page.get_by_text("3 cases are open")).to_be_visible()

    youngest = page.locator(".member", has=page.get_by_role("heading", name=re.compile("ZAHRA")))
    youngest.get_by_role("link", name=re.compile("NBO-26-")).click()
    expect(page.get_by_text("Minor: mother")).to_be_visible()
    look(page, "family-case")
    case_url = page.url
    page.goto(f"{case_url}/interpreter")
    page.get_by_label("Name", exact=True).fill("Farid Noori")
    page.get_by_label("Organisation or line").fill("Nairobi Interpreters")
    look(page, "interpreter")
    page.get_by_role("button", name="Save for today").click()
    go_to(page, f"{case_url}/consent")
    expect(page.get_by_label(re.compile("RAHIMI, LAILA"))).to_be_checked()
    expect(page.get_by_label("Interpreter", exact=False).first).to_have_value("Farid Noori")
    page.get_by_label("Consent is given and signed").check()
    look(page, "family-consent")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.get_by_text("Consent is recorded")).to_be_visible()
    page.goto(f"{case_url}/consent")
    expect(page.get_by_text("Nairobi Interpreters")).to_be_visible()


def test_refused_registration_is_found_again_by_going_back(page: Page, address: str, complaints: list[str]) -> None:
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    page.get_by_label("Family name", exact=True).fill("Noori")
    page.get_by_label("Phone").fill("abc")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("to correct")
    page.get_by_role("link", name="Worklists").click()
    page.wait_for_url(f"{address}/")
    page.go_back()
    expect(page.get_by_label("Family name", exact=True)).to_have_value("Noori")
    expect(page.get_by_label("Phone")).to_have_value("abc")
    page.goto(f"{address}/applicants/new")
    expect(page.get_by_label("Family name", exact=True)).to_have_value("")
    look(page, "kept")
    page.get_by_role("button", name="Throw away").click()
    expect(page.get_by_text("Not saved yet")).to_have_count(0)


def test_contacts_and_guardians_keep_what_was_before(page: Page, address: str, complaints: list[str]) -> None:
    sign_in_as(page, address, "reception")
    page.goto(f"{address}/applicants/new")
    register(page, "PARWIZ", "P7654321", date(2012, 3, 2), "male")
    page.get_by_label("Lives in").select_option("KEN")
    page.get_by_label("Language to speak with").select_option("en")
    page.get_by_label("Phone").fill("+254 000 111111")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Minor: no guardian")).to_be_visible()
    person = page.url
    page.goto(f"{person}/contacts")
    page.get_by_text("Replace or end").click()
    page.get_by_label("Phone").first.fill("12")
    page.get_by_role("button", name="Save the new one").click()
    expect(page.get_by_role("alert")).to_contain_text("Write the phone number")
    page.get_by_label("Phone").first.fill("+254 000 222222")
    page.get_by_role("button", name="Save the new one").click()
    expect(page.get_by_role("row", name=re.compile("111111"))).to_be_visible()
    look(page, "contacts")
    page.goto(f"{person}/people")
    look(page, "people-none")
    page.get_by_role("link", name="Record a person").click()
    look(page, "guardian-new")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("3 things to correct")
    page.get_by_label("Name", exact=True).fill("Leyla Omar")
    page.get_by_label("What to the applicant").select_option("legal-guardian")
    page.get_by_label("Its number").fill("C-771")
    page.get_by_label("Acts for the agency").fill("Agency for Children")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Minor: legal guardian")).to_be_visible()
    look(page, "people")
