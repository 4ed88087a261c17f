"""Documents are read as XML, which is quicker; it must come to what a reader of HTML makes of them."""

from __future__ import annotations

import gc
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import tinyhtml5
from flask import Flask

from clinic.documents import printer
from clinic.documents.printer import print_html
from tests.clinic.documents.paper import make_ca_case, make_uk_case, prepare, read_pages
from tests.us_case import make_complete_case, make_staff

Row = tuple[int, str, dict[str, str], str, str]
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def _flatten(element: ElementTree.Element, depth: int = 0) -> list[Row]:
    """Every element with its text; white space between elements is nothing on paper."""
    row = (depth, element.tag, dict(element.attrib), " ".join((element.text or "").split()),
           " ".join((element.tail or "").split()))
    return [row, *(each for child in element for each in _flatten(child, depth + 1))]


def _read_both(html: str) -> tuple[list[Row], list[Row]]:
    as_html = tinyhtml5.parse(io.BytesIO(html.encode()), namespace_html_elements=False, transport_encoding="utf-8")
    return _flatten(ElementTree.fromstring(printer._to_xml(html))), _flatten(as_html)


def test_packets_are_well_formed_and_read_to_the_same_tree(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    staff, texts = make_staff(), []

    def keep(html: str) -> tuple[bytes, dict[str, printer.Box]]:
        texts.append(html)
        return printer.print_page_boxes(html)

    monkeypatch.setattr("clinic.documents.pdf_signature.print_page_boxes", keep)
    for case in (make_complete_case(staff, "positive"), make_uk_case(staff), make_ca_case(staff)):
        prepare(case, staff)
    for html in texts:
        as_xml, as_html = _read_both(_STYLE.sub("", html))
        assert as_xml == as_html
    assert len(texts) == 3


def test_empty_elements_and_spaces_that_do_not_break_are_read_alike() -> None:
    as_xml, as_html = _read_both(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title></head>'
        '<body><p>a&nbsp;b<br>c &lt;d&gt; &#34;e&#34; &amp;amp;</p><hr><img src="x" alt="y"><br/></body></html>')
    assert as_xml == as_html


def test_text_that_is_no_xml_is_printed_all_the_same(tmp_path: Path) -> None:
    pages = read_pages(print_html("<html lang=en><title>x</title><body><p>One<p>Two</html>"), tmp_path)
    assert pages[0].split() == ["One", "Two"]


def test_collecting_of_rubbish_goes_on_after_a_print_and_after_a_failed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    print_html("<html lang='en'><title>x</title><p>One</p></html>")
    assert gc.isenabled()
    monkeypatch.setattr(printer, "_to_xml", lambda html: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        print_html("<html lang='en'><title>x</title><p>One</p></html>")
    assert gc.isenabled()
