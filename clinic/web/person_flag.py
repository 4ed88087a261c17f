"""What a page about a person says of the people around them: in the banner, and on the page of the person and case."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_babel import gettext as _
from markupsafe import Markup

from clinic import clock
from clinic.models import Applicant, ContactKind, ContactPoint, Family, RelatedPerson
from clinic.queries.case_detail import count_namesakes
from clinic.queries.family import MemberView, view_members
from clinic.scope import current_emergency
from clinic.services.family import find_family
from clinic.services.interpreter import find_interpreter
from clinic.services.related_person import find_absence, is_child, list_guardians, list_related
from clinic.web.clinical_format import ltr
from clinic.web.place import language_word
from clinic.web.relation_word import relation_word


def list_person_flags(applicant: Applicant) -> list[dict[str, str]]:
    """Interpreter, guardian of a minor, expired documents, namesakes: short, because a telephone shows them too."""
    flags = []
    if applicant.interpreter_language:
        flags.append({"text": _("Interpreter: %(language)s", language=language_word(applicant.interpreter_language)),
                      "tone": "active"})
    if is_child(applicant):
        flags.append(_describe_guardian(applicant))
    if has_expired_document(applicant):
        flags.append({"text": _("Document expired"), "tone": "warn"})
    alike = count_namesakes(applicant)
    if alike:
        flags.append({"text": _("%(n)s alike", n=alike), "tone": "warn"})
    return flags


def has_expired_document(applicant: Applicant) -> bool:
    """Whether every document on record that says until when it is valid is past that day at the site."""
    ends = [document.expires_on for document in applicant.documents if document.expires_on]
    return bool(ends) and max(ends) < clock.today(applicant.site.time_zone)


def _describe_guardian(applicant: Applicant) -> dict[str, str]:
    guardians = list_guardians(applicant)
    if guardians:
        return {"text": _("Minor: %(relation)s", relation=relation_word(guardians[0].relation).lower()), "tone": "good"}
    if find_absence(applicant) is not None:
        return {"text": _("Minor alone"), "tone": "warn"}
    return {"text": _("Minor: no guardian"), "tone": "bad"}


def find_view(applicant: Applicant) -> tuple[Family, list[MemberView]] | None:
    """The family of a person with everybody in it; None for who is in none, and where an emergency opened the case of
    one person alone."""
    if current_emergency() is not None:
        return None
    family = find_family(applicant)
    return (family, view_members(family)) if family else None


def list_present(applicant: Applicant) -> list[RelatedPerson]:
    """Guardians and emergency contacts of today."""
    return [row for row in list_related(applicant) if row.ended_at is None]


def write_contact(contact: ContactPoint) -> Markup:
    """A contact with its note; numbers and addresses of machines stay left to right."""
    value = contact.value if contact.kind is ContactKind.ADDRESS else ltr(contact.value)
    note = Markup(' <span class="muted">{}</span>').format(contact.note) if contact.note else ""
    return Markup("<bdi>{}</bdi>{}").format(value, note)


def init_person_flags(app: Flask) -> None:
    """Give templates the filters of this file."""
    filters: dict[str, Any] = {"person_flags": list_person_flags, "family_view": find_view,
                               "guardians": list_guardians, "interpreter_today": find_interpreter,
                               "people_around": list_present, "contact_html": write_contact}
    app.jinja_env.filters.update(filters)
