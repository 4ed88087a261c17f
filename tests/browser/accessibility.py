"""What every screen must keep: no fault axe can find, no sideways scroll, targets large enough, focus never hidden."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1366, 390, 320)  # a clinic's desktop, a phone, and 400 % zoom (WCAG 2.2, 1.4.10)

# Notes in a page that it is about to give way to another; a page come back to by "back" stays.
NOTE_LEAVING = """
  navigation.addEventListener("navigate", (event) => {
    if (!event.destination.sameDocument && event.downloadRequest === null) window.leaving = true;
  });
  addEventListener("pageshow", () => { window.leaving = false; });
"""

# Controls that Tab reaches but something else covers at their middle (WCAG 2.2, 2.4.11).
COVERED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const box = element.getClientRects()[0];  // the first line of a link that wraps
  if (!box?.width || element.matches(".govuk-skip-link")) return element.outerHTML.slice(0, 80) + "|";
  const hit = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20));
  const label = element.id && document.querySelector(`label[for="${CSS.escape(element.id)}"]`);
  const seen = hit && (element.contains(hit) || hit.contains(element) || (label && label.contains(hit)));
  return element.outerHTML.slice(0, 80) + "|" + (seen ? "" : (hit ? hit.outerHTML.slice(0, 80) : "outside"));
}"""


def await_page(page: Page) -> None:
    """Wait until the page that the last click, key or script asked for is there: a click is answered before it is.

    Whoever looks at once looks at the page before, or at neither. Needs `NOTE_LEAVING` in the page's context.
    """
    page.wait_for_function("() => !window.leaving && document.readyState === 'complete'")


def assert_accessible(page: Page) -> None:
    """Fail with each broken rule, its explanation and the elements that break it."""
    await_page(page)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # Only what is wrong comes back: to carry every element that is right took longer than to look.
    violations = page.evaluate(
        "options => axe.run(options).then((found) => found.violations)",
        {"runOnly": RULES, "resultTypes": ["violations"]},
    )
    assert not violations, "\n".join(
        f"{v['id']}: {v['help']}\n  " + "\n  ".join(node["html"][:200] for node in v["nodes"]) for v in violations
    )


def assert_no_sideways_scroll(page: Page) -> None:
    """Fail when the page is wider than the window, naming the elements that stick out."""
    page_width, window_width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((e) => {
          const box = e.getBoundingClientRect();
          return box.width && (box.right > innerWidth + 1 || box.left < -1);
        }).slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert page_width <= window_width, f"{page_width} px in a window of {window_width}: " + "\n".join(wide)


def assert_labels_fit(page: Page) -> None:
    """Fail when the label of a cell, beside its value on a narrow screen, is written over the value."""
    over = page.evaluate("""() => {
      const pen = document.createElement("canvas").getContext("2d");
      return [...new Set([...document.querySelectorAll("td[data-label]")].filter((cell) => {
        const look = getComputedStyle(cell, "::before");
        if (look.content === "none" || getComputedStyle(cell).display !== "grid") return false;
        pen.font = `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
        const room = parseFloat(getComputedStyle(cell).gridTemplateColumns);
        return cell.dataset.label.split(/\\s|-(?=\\D)/).some((word) => pen.measureText(word).width > room + 1);
      }).map((cell) => cell.dataset.label))];
    }""")
    assert over == [], f"written over their values: {over}"


def assert_focus_never_hidden(page: Page, limit: int = 200) -> int:
    """Walk through the page by Tab; fail when something covers a focused control. Returns the number of stops."""
    await_page(page)
    # From the top: a page may focus something on its own, and Tab goes on from there even after it lost the focus.
    page.evaluate("""() => {
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.removeAttribute("tabindex");
      document.activeElement?.blur();
      scrollTo(0, 0);
    }""")
    first = None
    for stops in range(limit):
        page.keyboard.press("Tab")
        seen = page.evaluate(COVERED)
        if seen is None or (first is not None and seen == first):
            return stops
        first = first or seen
        control, _, cover = seen.partition("|")
        assert not cover, f"{control} is covered by {cover}"
    raise AssertionError(f"more than {limit} stops")
