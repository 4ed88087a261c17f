"""Prints a document's HTML as PDF by WeasyPrint, with the committed fonts and nothing of the machine's own."""

from __future__ import annotations

import gc
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any
from xml.etree import ElementTree

from clinic.documents.font import Face, list_families, select_faces
from clinic.documents.text_layer import install_text_layer
from clinic.errors import Misconfigured

PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0")  # Debian's names of what WeasyPrint loads
VARIANT = "pdf/ua-1"  # tagged, so that a screen reader can read it
_LARGER = ", ".join(f"bdi:lang({language})" for language in ("ar", "fa", "ur", "ps"))  # its font is drawn small
for _teller in ("weasyprint", "fontTools"):
    logging.getLogger(_teller).setLevel(logging.WARNING)  # each print tells dozens of steps otherwise
POINT = 0.75  # of a CSS pixel
# WeasyPrint's own style sheet gives every element six pseudo-elements, each with a style to compute. No document of
# ours has notes at its foot, and only items of lists have markers.
_NOTES = re.compile(r"^::(?:foot)?note-[a-z]+ \{[^}]*\}$", re.MULTILINE)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_EMPTY = re.compile(r"<(br|col|hr|img|link|meta)\b([^>]*?)/?>")
_MARKERS = re.compile(r"^::marker (?=\{)", re.MULTILINE)
# Isolation of a text from the direction of what surrounds it: only a text that runs from right to left needs it.
_ISOLATED = re.compile("<bdi>([^<\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufeff"
                       "\U00010800-\U00010fff\U0001e800-\U0001efff]*)</bdi>")
_lock = threading.Lock()  # the font configuration is shared, and a page layout is no place for two threads
_printer: _Printer | None = None


@dataclass(frozen=True)
class Box:
    """Where an element with an `id` stands: its page from 0, its corners in points from the page's lower left."""

    page: int
    corners: tuple[int, int, int, int]


def check_printer() -> None:
    """Raise Misconfigured naming the Debian packages when nothing can be printed here."""
    try:
        import weasyprint  # noqa: F401  half a second and system libraries: only where something is printed
    except (ImportError, OSError) as error:
        raise Misconfigured(
            f"Documents cannot be printed: install the Debian packages {' '.join(PACKAGES)}, then start again."
        ) from error


def print_html(html: str) -> bytes:
    """The PDF of a complete HTML text; every character of it must have passed `clinic.documents.glyph`.

    Loads nothing from any address: pictures and styles stand in the text itself. Raises Misconfigured.
    """
    return print_page_boxes(html)[0]


def print_page_boxes(html: str) -> tuple[bytes, dict[str, Box]]:
    """As `print_html`, with the place of every element that has an `id`."""
    global _printer
    check_printer()
    with _lock, _rubbish_left():
        if _printer is None:
            _printer = _Printer()
        return _printer.print(html)


@contextmanager
def _rubbish_left() -> Iterator[None]:
    """Nothing is collected meanwhile: hundreds of thousands of boxes, all in use, would be looked through each time."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


class _Printer:
    """The engine with the faces loaded so far; a face is unpacked once, when a text first needs it."""

    def __init__(self) -> None:
        import weasyprint
        from cssselect2 import ElementWrapper
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher

        install_text_layer()
        self._engine = weasyprint
        self._fonts = FontConfiguration()
        self._fetcher = URLFetcher(allowed_protocols=("data",), fail_on_errors=True)
        self._loaded: set[Face] = set()
        own = (resources.files("weasyprint") / "css" / "html5_ua.css").read_text("utf-8")
        usual = weasyprint.CSS(string=_MARKERS.sub("li::marker ", _NOTES.sub("", own)))

        class Html(weasyprint.HTML):
            """HTML read as XML where it is well-formed, which is twenty times quicker and comes to the same tree.

            Its elements have by themselves what documents of ours use.
            """

            def __init__(self, text: str, fetcher: URLFetcher) -> None:
                try:
                    root = ElementTree.fromstring(_to_xml(text))  # noqa: S314 text of ours, without a document type
                except ElementTree.ParseError:
                    super().__init__(string=text, url_fetcher=fetcher)
                    return
                self.base_url, self.url_fetcher, self.media_type = None, fetcher, "print"
                self.wrapper_element = ElementWrapper.from_html_root(root, content_language=None)
                self.etree_element = self.wrapper_element.etree_element

            def _ua_stylesheets(self, forms: bool = False) -> list[Any]:
                return [usual]

        self._html = Html
        self._read_style = lru_cache(maxsize=16)(self._parse_style)  # few documents, each with few heights of its head
        families = ", ".join(f'"{family}"' for family in list_families())
        self._stack = weasyprint.CSS(string=f":root {{ font-family: {families} }} {_LARGER} {{ font-size: 1.25em }}")

    def print(self, html: str) -> tuple[bytes, dict[str, Box]]:
        """The bytes of the PDF, and where its named elements stand."""
        for face in select_faces(html):
            self._load(face)
        styles = [self._read_style(style) for style in _STYLE.findall(html)]
        if 'dir="rtl"' not in html:
            html = _ISOLATED.sub(r"\1", html)  # a tenth of the elements, each with a style and a line to compute
        document = self._html(_STYLE.sub("", html), self._fetcher).render(
            stylesheets=[self._stack, *styles], font_config=self._fonts)
        boxes = {name: _to_box(number, page.height, corners) for number, page in enumerate(document.pages)
                 for name, corners in page.anchors.items()}
        return document.write_pdf(pdf_variant=VARIANT), boxes

    def _parse_style(self, style: str) -> Any:
        return self._engine.CSS(string=style, url_fetcher=self._fetcher)

    def _load(self, face: Face) -> None:
        """The rule is read once: it is the configuration that holds the face, not the sheet."""
        if face not in self._loaded:
            self._engine.CSS(string=face.rule, font_config=self._fonts)
            self._loaded.add(face)


def _to_xml(html: str) -> str:
    """`html` from its root on, with empty elements closed and without the one entity that XML does not know."""
    return _EMPTY.sub(r"<\1\2/>", html[max(html.find("<html"), 0):]).replace("&nbsp;", "\N{NO-BREAK SPACE}")


def _to_box(page: int, height: float, corners: tuple[float, float, float, float]) -> Box:
    """From CSS pixels under the page's upper edge to whole points over its lower one."""
    left, top, right, bottom = corners
    return Box(page, (round(left * POINT), round((height - bottom) * POINT),
                      round(right * POINT), round((height - top) * POINT)))
