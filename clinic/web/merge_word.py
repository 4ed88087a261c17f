"""What a merge moves and what it leaves, in words."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from clinic.services.applicant_link import Holding

# One word for everything that points at an applicant; a test asks for it when a table is added.
LINK_WORDS: dict[tuple[str, str], LazyString] = {
    ("health_case", "applicant_id"): lazy_gettext(
        "Cases, with everything recorded on them (results, films, photos, consents, forms)"),
    ("identity_document", "applicant_id"): lazy_gettext("Identity documents"),
}


def link_word(holding: Holding) -> str:
    """What the rows of a holding are."""
    return str(LINK_WORDS[holding.link.table, holding.link.column])
