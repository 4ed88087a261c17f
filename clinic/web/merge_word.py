"""What a merge moves and what it leaves, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from markupsafe import Markup

from clinic.models import Applicant
from clinic.services.applicant_link import Holding
from clinic.web.case_word import document_word
from clinic.web.clinical_format import clinical_date, native_name
from clinic.web.place import country_word, language_word
from clinic.web.word import sex_word

# One word for everything that points at an applicant; a test asks for it when a table is added.
LINK_WORDS: dict[tuple[str, str], LazyString] = {
    ("health_case", "applicant_id"): lazy_gettext(
        "Cases, with everything recorded on them (results, films, photos, consents, forms)"),
    ("identity_document", "applicant_id"): lazy_gettext("Identity documents"),
    ("contact_point", "applicant_id"): lazy_gettext("Telephone numbers, e-mail and addresses"),
    ("related_person", "applicant_id"): lazy_gettext("Guardians and emergency contacts of this person"),
    ("related_person", "registered_id"): lazy_gettext("Others for whom this person is guardian or emergency contact"),
    ("guardian_absence", "applicant_id"): lazy_gettext("Why there is no guardian"),
    ("tb_contact", "applicant_id"): lazy_gettext("With whom the person shared the air of tuberculosis"),
    ("infection_hold", "applicant_id"): lazy_gettext("Why the person may be infectious"),
    ("family_member", "applicant_id"): lazy_gettext("The place in a family or travel group"),
}


def link_word(holding: Holding) -> str:
    """What the rows of a holding are."""
    return str(LINK_WORDS[holding.link.table, holding.link.column])


def compare_records(one: Applicant, other: Applicant) -> list[dict[str, Any]]:
    """What two records say, field by field: label, both values, and whether they differ, in words and a tone."""
    rows = []
    for label, read in _FIELDS:
        mine, theirs = read(one), read(other)
        if not mine and not theirs:
            continue
        if mine == theirs:
            words, tone = _("Same"), "off"
        elif not mine or not theirs:
            words, tone = _("Only on one"), "neutral"
        else:
            words, tone = _("Differs"), "warn"
        rows.append({"label": label, "one": mine, "other": theirs, "words": words, "tone": tone})
    return rows


def _list_papers(person: Applicant) -> str:
    return ", ".join(f"{document_word(paper.kind)} {paper.number} ({paper.issuing_country})"
                     for paper in person.documents)


def _own_script(person: Applicant) -> Markup | str:
    name = native_name(person)
    return Markup('<bdi lang="{}">{}</bdi>').format(person.native_language or "und", name) if name else ""


_FIELDS: tuple[tuple[LazyString, Callable[[Applicant], Any]], ...] = (
    (lazy_gettext("Family name"), lambda person: person.family_name),
    (lazy_gettext("Given names"), lambda person: person.given_names),
    (lazy_gettext("Name in own script"), _own_script),
    (lazy_gettext("Born"), lambda person: clinical_date(person.birth_date)),
    (lazy_gettext("Sex"), lambda person: sex_word(person.sex)),
    (lazy_gettext("Citizenship"), lambda person: country_word(person.citizenship)),
    (lazy_gettext("Lives in"), lambda person: country_word(person.residence)),
    (lazy_gettext("Language to speak with"), lambda person: language_word(person.language)),
    (lazy_gettext("Documents"), _list_papers),
    (lazy_gettext("Phone"), lambda person: person.phone),
    (lazy_gettext("E-mail"), lambda person: person.email),
    (lazy_gettext("Address"), lambda person: person.address),
)
