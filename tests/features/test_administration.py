"""An administrator adds a radiologist, gives a second role, disables the account, adds a site, looks at a line."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from clinic.db import write_unit
from tests.factory import PASSWORD, make_laboratory
from tests.features.look import look, sign_in_as

pytestmark = pytest.mark.browser
NEW_PASSWORD = "nineteen violet lanterns drift"


def prove(page: Page, name: str = "Your password") -> None:
    page.get_by_label(name, exact=True).fill(PASSWORD)


def add_radiologist(page: Page) -> str:
    """Add a radiologist on the open list of users; gives the code for the first password."""
    page.get_by_role("link", name="Add a user").click()
    page.get_by_label("Name", exact=True).fill("Dr Ines Rusu")
    page.get_by_label("E-mail address").fill("ines@test.example")
    page.get_by_label("Licence number").fill("KE-10411")
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_text("Choose at least one role.").first).to_be_visible()
    look(page, "user-new-refused")
    page.get_by_label("Radiologist", exact=True).check()
    prove(page)
    page.get_by_role("button", name="Add the user").click()
    expect(page.get_by_role("heading", name="The user is added")).to_be_visible()
    look(page, "user-code")
    return page.locator(".code--shown").inner_text().strip()


def test_radiologist_from_the_first_code_to_a_second_role_and_the_end(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "admin")
    page.get_by_role("link", name="Administration", exact=True).click()
    look(page, "administration")
    page.get_by_role("link", name="Users", exact=True).click()
    look(page, "users")
    code = add_radiologist(page)
    page.get_by_role("link", name="To the user's page").click()
    person = page.url
    look(page, "user")

    page.context.clear_cookies()
    page.goto(f"{address}/sign-in/new-password")
    page.get_by_label("E-mail address").fill("ines@test.example")
    page.get_by_label(re.compile("Code")).fill(code)
    for box in page.locator('input[type="password"]').all():
        box.fill(NEW_PASSWORD)
    page.get_by_role("button", name=re.compile("password")).last.click()
    page.wait_for_url(re.compile("/sign-in$|/$"))

    sign_in_as(page, address, "admin")
    page.goto(f"{person}/roles")
    page.get_by_label("Laboratory supervisor").check()
    look(page, "user-roles")
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_text("enter laboratory results")).to_be_visible()
    expect(page.get_by_text("Better kept apart")).to_be_visible()
    look(page, "user-roles-review")
    page.get_by_role("button", name="Change the roles").click()
    expect(page.get_by_text("Enter your password.").first).to_be_visible()
    prove(page)
    page.get_by_role("button", name="Change the roles").click()
    expect(page.get_by_text("The roles are changed.")).to_be_visible()
    expect(page.get_by_text("given: Laboratory supervisor")).to_be_visible()
    page.goto(f"{person}/edit")
    look(page, "user-edit")
    page.goto(f"{person}/authorisations")
    look(page, "user-authorisations")
    page.goto(f"{person}/access")
    look(page, "user-access")
    prove(page)
    page.get_by_role("button", name="Disable the account").click()
    expect(page.get_by_text("The account is disabled and all its sessions have ended.")).to_be_visible()
    look(page, "user-disabled")
    page.goto(f"{address}/administration/roles")
    expect(page.get_by_text("Test Radiologist")).to_be_visible()
    look(page, "roles")
    assert complaints == []


def test_site_with_two_programmes_and_a_line_that_nobody_answers(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    sign_in_as(page, address, "admin")
    page.goto(f"{address}/administration/sites")
    look(page, "sites")
    page.get_by_role("link", name="Add a site").click()
    page.get_by_label("Code").fill("mnl")
    page.get_by_label("Name", exact=True).fill("Manila")
    page.get_by_label("City").fill("Manila")
    page.get_by_label("Country").select_option("PHL")
    page.get_by_label("Time zone").fill("Asia/Manila")
    for name in ("Australia", "New Zealand", "United Kingdom"):
        page.get_by_label(name).uncheck()
    look(page, "site-new")
    page.get_by_role("button", name="Add the site").click()
    expect(page.get_by_text("The site is added.")).to_be_visible()
    expect(page.get_by_label("Canada")).to_be_checked()
    expect(page.get_by_label("Australia")).not_to_be_checked()
    look(page, "site")
    page.set_viewport_size({"width": 390, "height": 900})
    bar = page.locator(".action-bar").bounding_box()
    beneath = page.locator(".card", has_text="The site today").bounding_box()
    assert bar and beneath and bar["y"] + bar["height"] <= beneath["y"], "Save lies over what stands beneath it"
    page.goto(f"{address}/administration/destinations")
    look(page, "destinations")
    page.get_by_role("link", name="U.S. Department of State").click()
    page.get_by_role("button", name="Test the line").click()
    expect(page.get_by_text("Nobody can be reached there.")).to_be_visible()
    look(page, "destination")
    page.goto(f"{address}/administration/destinations/new")
    look(page, "destination-new")
    assert complaints == []


def test_token_of_a_laboratory_is_shown_whole_on_a_telephone(
    page: Page, clinic: Flask, address: str, complaints: list[str]
) -> None:
    """It ran out of the window, and nobody could tell its capital i from its small L."""
    with clinic.app_context(), write_unit():
        laboratory = make_laboratory().id
    sign_in_as(page, address, "admin")
    page.goto(f"{address}/administration/laboratories/{laboratory}")
    page.get_by_label("Your password", exact=True).last.fill(PASSWORD)
    page.get_by_role("button", name="Draw a new token").click()
    expect(page.get_by_text("It is shown this once.")).to_be_visible()
    look(page, "laboratory-token")
    assert "mono" in page.locator(".code--shown").evaluate("(code) => getComputedStyle(code).fontFamily")
