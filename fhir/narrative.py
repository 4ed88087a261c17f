"""Narratives of document sections: XHTML made by us alone, from escaped text."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from fhir.element import Element

_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


def build_narrative(rows: Iterable[tuple[str, ...]], heading: tuple[str, ...] = ()) -> Element:
    """A Narrative holding one table; control characters are already gone, markup is escaped here."""
    body = "".join(_row(row, "td") for row in rows)
    head = f"<thead>{_row(heading, 'th')}</thead>" if heading else ""
    return {"status": "generated", "div": f"{_OPEN}<table>{head}<tbody>{body}</tbody></table></div>"}


def build_sentence(text: str) -> Element:
    """A Narrative of one sentence."""
    return {"status": "generated", "div": f"{_OPEN}<p>{escape(text)}</p></div>"}


def _row(cells: tuple[str, ...], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
