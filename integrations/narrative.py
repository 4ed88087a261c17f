"""A FHIR narrative as it may stand on a page of ours: known elements, no attribute but a span or a language."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from markupsafe import escape

# FHIR R4, 2.4.0 "Narrative", without images, links and anchors.
KNOWN = frozenset((
    "div", "p", "br", "hr", "b", "strong", "i", "em", "u", "small", "sub", "sup", "span", "ul", "ol", "li", "dl", "dt",
    "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6", "pre",
    "code", "blockquote",
))
EMPTY = frozenset(("br", "hr"))
KEPT = ("colspan", "rowspan", "lang", "dir")
LOWERED = {f"h{level}": "h4" for level in range(1, 7)}  # a page has headings of its own above them


def clean_narrative(div: str) -> str:
    """The XHTML of `div` with everything unknown taken away, its text kept; empty when it is no XML."""
    if "<!" in div:
        return ""  # neither comments nor a document type belong there: entities could grow without end
    try:
        root = ElementTree.fromstring(div)  # noqa: S314
    except ElementTree.ParseError:
        return ""
    return "".join(_write(root))


def _write(element: ElementTree.Element) -> Iterator[str]:
    name = str(element.tag).rpartition("}")[2].lower()
    is_known = name in KNOWN
    shown = LOWERED.get(name, name)
    if is_known:
        kept = "".join(f' {key}="{escape(value)}"' for key, value in element.attrib.items() if key in KEPT)
        yield f"<{shown}{kept}>"
    if name not in ("script", "style"):
        yield str(escape(element.text or ""))
        for child in element:
            yield from _write(child)
            yield str(escape(child.tail or ""))
    if is_known and name not in EMPTY:
        yield f"</{shown}>"
