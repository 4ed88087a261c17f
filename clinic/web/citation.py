"""The sources behind a reason on screen, in words."""

from __future__ import annotations

import re

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from clinic.rules.citation import is_from_notes, is_unconfirmed, list_citations
from clinic.web.clinical_format import format_date

_DOCUMENT = re.compile(r"(?:[a-z]+/)?([a-z][a-z-]*\.md)\b")
_DAY = re.compile(r"\b(?:19|20)\d\d-[01]\d-[0-3]\d\b")
_UNSURE = _l("Best knowledge, still to be confirmed by a clinical lead.")
_TAGS = re.compile(r"\s*\[[^]]*\]")
_DOCUMENTS: dict[str, LazyString] = {
    "us.md": _l("clinical notes for the United States"),
    "us-addendum.md": _l("additions to the clinical notes for the United States"),
    "ca-au-nz-uk-iom.md": _l("clinical notes for Canada, Australia, New Zealand and the United Kingdom"),
    "ca-au-nz-uk-addendum.md": _l("additions to the clinical notes for Canada, Australia, New Zealand and the "
                                  "United Kingdom"),
    "product.md": _l("Clearway's own design"), "screens.md": _l("notes on other systems' screens"),
}


def list_source_citations(source: str | None, rule_id: str | None) -> list[tuple[str, str]]:
    """(tag, title) of what a rule rests on; says so where a clinical lead must still confirm it.

    Rule ids begin with their programme, which decides what a tag means.
    """
    if not source or not rule_id:
        return []
    cited = _list_cited(rule_id.split("-")[0], source)
    if is_from_notes(source):
        cited.append(("", _("Clearway's clinical notes; see the open points in its documentation.")))
    if is_unconfirmed(source):
        cited.append(("!", str(_UNSURE)))
    return cited


def say_source(source: str | None) -> str:
    """Where something that is no rule comes from, for people: our papers by their titles, without their tags."""
    text = _TAGS.sub("", source or "")
    words = _DOCUMENT.sub(lambda found: str(_DOCUMENTS.get(found[1], found[1])), text).strip()
    return words[:1].upper() + words[1:]


def list_paper_citations(source: str | None) -> list[tuple[str, str]]:
    """(tag, title) of what something that is no rule rests on: the paper that each part names decides its tags."""
    cited = [one for part in (source or "").split(";")
             for one in _list_cited("us" if part.strip().startswith("us") else "other", part)]
    if is_unconfirmed(source or ""):
        cited.append(("!", str(_UNSURE)))
    return cited


def _list_cited(programme: str, source: str) -> list[tuple[str, str]]:
    """The titles as list_citations gives them, with their days written as everywhere."""
    return [(tag, _DAY.sub(lambda found: format_date(found[0]), title)) for tag, title in list_citations(
        programme, source)]
