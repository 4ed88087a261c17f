"""The sources behind a reason on screen, in words."""

from __future__ import annotations

from flask_babel import gettext as _

from clinic.rules.citation import is_from_notes, is_unconfirmed, list_citations


def list_source_citations(source: str | None, rule_id: str | None) -> list[tuple[str, str]]:
    """(tag, title) of what a rule rests on; says so where a clinical lead must still confirm it.

    Rule ids begin with their programme, which decides what a tag means.
    """
    if not source or not rule_id:
        return []
    cited = list_citations(rule_id.split("-")[0], source)
    if is_from_notes(source):
        cited.append(("", _("Clearway's clinical notes; see the open points in its documentation.")))
    if is_unconfirmed(source):
        cited.append(("!", _("Best knowledge, still to be confirmed by a clinical lead.")))
    return cited
