"""The sources behind a reason on screen, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from clinic.rules.citation import is_from_notes, is_unconfirmed, list_citations


def list_reason_citations(reason: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(tag, title) of what a reason's rule rests on; says so where a clinical lead must still confirm it.

    Rule ids begin with their programme, which decides what a tag means.
    """
    source = str(reason.get("source") or "")
    programme = str(reason.get("rule_id") or "").split("-")[0]
    cited = list_citations(programme, source)
    if is_from_notes(source):
        cited.append(("", _("Clearway's clinical notes; see the open points in its documentation.")))
    if is_unconfirmed(source):
        cited.append(("!", _("Best knowledge, still to be confirmed by a clinical lead.")))
    return cited
