"""Looks at a page as the clinic would: accessible and fitting at three widths; a picture is kept on request."""

from __future__ import annotations

import os

from playwright.sync_api import Page

from tests.browser.accessibility import (
    WIDTHS,
    assert_accessible,
    assert_labels_fit,
    assert_no_sideways_scroll,
    await_page,
)
from tests.factory import PASSWORD

# The sticky bars cover half a link wherever the page happens to be scrolled to, which axe takes for a small target;
# that a focused control is never hidden by them has its own test (assert_focus_never_hidden).
LET_GO = "document.querySelectorAll('.action-bar, .banner').forEach((bar) => { bar.style.position = 'static'; })"
# Where one may go, and where one is, is in view: a strip that scrolls shows nobody that it goes on.
CUT_OFF = """() => [...document.querySelectorAll('.nav__link, .tabs__tab')]
  .filter((link) => { const box = link.getBoundingClientRect(); return box.right > innerWidth + 1 || box.left < -1; })
  .map((link) => link.textContent.trim())"""
SHOTS = os.environ.get("SCREENSHOTS")  # a folder


def look(page: Page, name: str) -> None:
    """Fail on anything axe finds, a page wider than its window, or a label over its value, at 1366, 390 and 320 px."""
    await_page(page)
    page.evaluate(LET_GO)
    for width in (*WIDTHS[1:], WIDTHS[0]):
        page.set_viewport_size({"width": width, "height": 900})
        if SHOTS and width != 320:
            _keep(page, name, width)
        assert_accessible(page)
        assert_no_sideways_scroll(page)
        assert_labels_fit(page)
        hidden = page.evaluate(CUT_OFF)
        assert not hidden, f"{name} at {width}: {hidden} stand beside the window"


def take_picture(page: Page, name: str) -> None:
    """Keep a picture at 1366 and 390 px when pictures are asked for; of a screen that another test looks at."""
    if not SHOTS:
        return
    await_page(page)
    for width in (WIDTHS[1], WIDTHS[0]):
        page.set_viewport_size({"width": width, "height": 900})
        _keep(page, name, width)


def _keep(page: Page, name: str, width: int) -> None:
    # The caret stays: hiding it writes an inline style, of which the console complains.
    page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True, caret="initial")


def go_to(page: Page, address: str) -> None:
    """Open a page of a case, and confirm who is in front of one where that is asked first."""
    page.goto(address)
    if "/identity/" in page.url:
        page.get_by_role("button", name="It is this person: go on").click()
        page.wait_for_url(address)


def sign_in_as(page: Page, address: str, role: str) -> None:
    """Sign in as the person of `role`, whoever was signed in before."""
    page.goto("about:blank")  # a request still on its way would bring the old session back
    page.context.clear_cookies()
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill(f"{role}@test.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")
