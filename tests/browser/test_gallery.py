"""Every macro on real pages: accessible at three widths, both directions, under the content security policy."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import (
    WIDTHS,
    assert_accessible,
    assert_focus_never_hidden,
    assert_labels_fit,
    assert_no_sideways_scroll,
)

pytestmark = pytest.mark.browser
PAGES = ("case", "list", "form")
SHOTS = os.environ.get("SCREENSHOTS")


def keep_screenshot(page: Page, name: str) -> None:
    """Keep a picture to be looked at when SCREENSHOTS names a folder."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_page_of_macros_is_accessible_and_fits(
    page: Page, complaints: list[str], gallery: str, name: str, width: int, language: str
) -> None:
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{gallery}/{name}?language={language}")
    keep_screenshot(page, f"{name}-{language}-{width}")
    assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    assert_no_sideways_scroll(page)
    assert_labels_fit(page)
    assert_accessible(page)


def test_long_word_of_a_heading_is_not_written_over_its_value(page: Page, gallery: str) -> None:
    """On a telephone the register of tuberculosis said "Bacteriologically" across the number."""
    page.set_viewport_size({"width": 320, "height": 768})
    page.goto(f"{gallery}/list")
    page.evaluate("""document.querySelectorAll('td[data-label]:not(.table__primary)').forEach(
      (cell) => { if (cell.dataset.label) cell.dataset.label = "Bacteriologically confirmed"; })""")
    assert_labels_fit(page)
    assert_no_sideways_scroll(page)


@pytest.mark.parametrize("width", [1366, 390])
def test_form_with_errors_lists_them_and_leads_to_their_fields(
    page: Page, complaints: list[str], gallery: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 768})
    page.goto(f"{gallery}/form")
    page.get_by_label("Height").fill("abc")
    page.get_by_role("button", name="Save").click()
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error:")
    keep_screenshot(page, f"errors-{width}")
    assert page.get_by_label("Height").input_value() == "abc"
    for link in summary.get_by_role("link").all():
        field = (link.get_attribute("href") or "")[1:]
        link.click()
        expect(page.locator(f"[id='{field}']")).to_be_focused()
    assert_no_sideways_scroll(page)
    assert_accessible(page)


@pytest.mark.parametrize("name", PAGES)
def test_walking_by_tab_never_hides_the_focus(page: Page, gallery: str, name: str) -> None:
    page.set_viewport_size({"width": 1366, "height": 600})
    page.goto(f"{gallery}/{name}")
    assert assert_focus_never_hidden(page) > 15


def test_place_that_is_led_to_lies_below_the_banner_however_high_it_is(page: Page, gallery: str) -> None:
    """On a telephone the banner of a held person covered the field that a refused form led to."""
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{gallery}/case")
    page.locator(".banner").evaluate("e => e.insertAdjacentHTML('beforeend', '<p>May be infectious</p>'.repeat(6))")
    last = page.locator("main a[href]").last
    covered = "e => e.getBoundingClientRect().top < document.querySelector('.banner').getBoundingClientRect().bottom"
    page.wait_for_function(
        "parseFloat(document.documentElement.style.scrollPaddingBlockStart)"
        " > document.querySelector('.banner').offsetHeight")
    last.evaluate("e => { e.id = 'led-to'; document.body.style.paddingBlockEnd = '900px'; location.hash = 'led-to' }")
    page.wait_for_function("scrollY > 0")
    assert not last.evaluate(covered)


def test_banner_on_a_telephone_stands_beside_its_photo_and_leaves_room(page: Page, gallery: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{gallery}/case")
    page.locator(".banner__inner").evaluate(
        "e => e.insertAdjacentHTML('afterbegin', '<img class=banner__photo src=/static/icon.svg alt>')")
    photo, name = (page.locator(one).bounding_box(timeout=5000) for one in (".banner__photo", ".banner__name"))
    assert photo and name and name["y"] < photo["y"] + photo["height"] / 2
    for item in page.locator(".banner__item").all():
        box = item.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 320
    assert page.locator(".banner").evaluate("e => e.offsetHeight") < 240


def test_arabic_page_keeps_values_and_dates_in_order(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/case?language=ar")
    for text in ("2+", "1985", "MNL2026731045"):
        isolated = page.locator("bdi[dir=ltr]", has_text=text).first
        assert isolated.evaluate("e => getComputedStyle(e).direction") == "ltr"
    # The plus stands at the right of its figure: drawn, not only written.
    positions = page.locator(".value__number", has_text="2+").evaluate(
        """(e) => [0, 1].map((i) => {
          const range = document.createRange();
          range.setStart(e.firstChild, i); range.setEnd(e.firstChild, i + 1);
          return range.getBoundingClientRect().x;
        })"""
    )
    assert positions[0] < positions[1]


def test_page_without_scripts_works(browser, gallery: str) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{gallery}/form")
    page.get_by_role("button", name="Save").click()
    assert page.locator(".govuk-error-summary li").count() == 5
    context.close()


def test_buttons_and_links_are_large_enough(page: Page, gallery: str) -> None:
    for name in PAGES:
        page.goto(f"{gallery}/{name}")
        small = page.evaluate(
            """() => [...document.querySelectorAll(
                "button, .govuk-button, summary, .nav__link, .tabs__tab, input:not([type=hidden])")]
              .filter((e) => { const b = e.getBoundingClientRect();
                               return b.width && (b.height < 24 || b.width < 24); })
              .map((e) => e.outerHTML.slice(0, 100))"""
        )
        assert small == []
