"""The look itself: never at a page that is about to be left."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, Route

from tests.browser.accessibility import await_page

pytestmark = pytest.mark.browser


def test_look_waits_for_the_page_that_was_asked_for(page: Page, gallery: str) -> None:
    def dawdle(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    page.route("**/form", dawdle)
    page.goto(f"{gallery}/list")
    page.evaluate("() => Object.assign(document.createElement('a'), {href: '/form'}).click()")
    await_page(page)
    assert page.url == f"{gallery}/form"
    page.go_back()
    await_page(page)
    assert page.url == f"{gallery}/list"
