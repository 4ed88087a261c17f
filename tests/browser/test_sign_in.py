"""The sign-in page and the error page of the whole application, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from clinic.config import Settings
from tests.browser.accessibility import WIDTHS, assert_accessible, assert_no_sideways_scroll
from tests.browser.server import serve
from wsgi import create_app

pytestmark = pytest.mark.browser


@pytest.fixture
def site(settings: Settings) -> Iterator[str]:
    """Address of the application over an empty database."""
    with serve(create_app(settings)) as address:
        yield address


@pytest.mark.parametrize("width", WIDTHS)
def test_sign_in_page_is_accessible_and_fits(page: Page, complaints: list[str], site: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{site}/sign-in")
    assert page.title() == "Sign in – Clearway"
    assert_accessible(page)
    assert_no_sideways_scroll(page)


def test_way_to_the_content_moves_nothing_when_a_tab_shows_it(page: Page, complaints: list[str], site: str) -> None:
    """It pushed the page down and let it up again between press and release of the mouse: the first click was lost."""
    page.goto(f"{site}/sign-in")
    page.get_by_label("E-mail address").evaluate("field => field.blur()")
    button = page.get_by_role("button", name="Sign in")
    before = button.bounding_box()
    skip = page.get_by_role("link", name="Skip to main content")
    skip.focus()
    shown = skip.bounding_box()
    assert shown is not None and shown["height"] > 20 and button.bounding_box() == before
    button.click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()


def test_wrong_password_is_refused_in_our_look_without_telling_which_part_was_wrong(
    page: Page, complaints: list[str], site: str
) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("E-mail address").fill("nobody@demo.example")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    assert page.get_by_label("E-mail address").input_value() == "nobody@demo.example"
    assert page.get_by_label("Password", exact=True).input_value() == ""
    assert_accessible(page)


def test_password_can_be_shown_and_hidden(page: Page, complaints: list[str], site: str) -> None:
    page.goto(f"{site}/sign-in")
    field = page.locator("#password")
    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide password").click()
    expect(field).to_have_attribute("type", "password")


def test_unknown_page_says_so_and_leads_on(page: Page, site: str) -> None:
    page.goto(f"{site}/no-such-page")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_role("link", name=re.compile("start"))).to_have_attribute("href", "/")
    assert_accessible(page)
