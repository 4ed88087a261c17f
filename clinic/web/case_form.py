"""The form of a case's facts: read into what the schema takes, shown again as it was typed, questions in groups."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _

from clinic import clock
from clinic.models import Answer, Applicant, Case
from clinic.partial_date import parse_partial_date
from clinic.rules.catalogue import list_questions
from clinic.rules.programme import Category, Circumstance, list_programmes
from clinic.services.derivation import Derived
from clinic.web.clinical_format import to_partial_date
from clinic.web.form import read_form

FACTS = ("category", "authority_case_number", "stay_months", "au_schedule", "application_date", "exam_date",
         "destination_address")
ANSWER_PREFIX, PLACE_PREFIX = "circumstances-", "residences-"
PLACE_ROWS = 2
# Beginnings of the words that belong under a heading; the rest is health and background.
PREGNANCY = ("pregnant",)
TUBERCULOSIS = ("tb_", "on_tb", "extrapulmonary", "prior_", "listed_", "nz_tb", "designated_", "six_months_high")


@dataclass(frozen=True)
class Question:
    """One circumstance as asked, with what is answered, and from what a derived one follows."""

    item: Circumstance
    answer: str
    derived: Derived | None = None
    is_hidden: bool = False  # answered by somebody, and not for this reader


def read_case_form() -> tuple[dict[str, Any], dict[str, Any]]:
    """(as typed, what the schema takes) of the posted form; rows of places left empty are dropped."""
    typed = read_form(request.form, lists=("confirmed",))
    answers = {name.removeprefix(ANSWER_PREFIX): value for name, value in typed.items()
               if name.startswith(ANSWER_PREFIX)}
    rows: dict[str, dict[str, str]] = {}
    for name, value in typed.items():
        if name.startswith(PLACE_PREFIX):
            number, _dash, part = name.removeprefix(PLACE_PREFIX).partition("-")
            rows.setdefault(number, {})[part] = value
    places = [rows[number] for number in sorted(rows, key=lambda text: (len(text), text))]
    plain = {name: typed[name] for name in FACTS if name in typed}
    plain |= {"residences": places, "circumstances": answers}
    return typed | {"residences": places, "circumstances": answers}, plain


def values_of(case: Case) -> dict[str, Any]:
    """The form's values of a stored case."""
    places = [{"country": row.country, "from_on": row.from_on.isoformat(),
               "to_on": row.to_on.isoformat() if row.to_on else ""} for row in case.residences]
    return {name: getattr(case, name) for name in FACTS} | {
        "residences": places, "circumstances": {row.word: row.answer.value for row in case.circumstances}}


def list_place_rows(values: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of places: those filled in, and empty ones to write into."""
    rows: list[dict[str, str]] = list(values.get("residences") or [])
    return rows + [{} for _row in range(max(PLACE_ROWS - len(rows), 1))]


def list_groups(
    programme: str, category: str, values: dict[str, Any], applicant: Applicant, derived: list[Derived],
    hidden: Collection[str] = (),
) -> list[tuple[str, list[Question]]]:
    """(heading, questions) that rules may ask of this category at the applicant's age, in the order of the file.

    `hidden`: words whose answer the reader may neither see nor change.
    """
    on = _find_exam_date(values, applicant)
    birth = min(parse_partial_date(applicant.birth_date).estimated_on, on)
    known = {item.word: item for item in derived}
    answers = values.get("circumstances") or {}
    groups: dict[str, list[Question]] = {}
    for item in (question.circumstance for question in list_questions(programme, category, on, birth)):
        found = known.get(item.word)
        answer = found.answer.value if found else answers.get(item.word, Answer.UNKNOWN.value)
        groups.setdefault(_group_of(item.word), []).append(Question(item, answer, found, item.word in hidden))
    order = (_("Tuberculosis"), _("Pregnancy"), _("Health and background"))
    return [(heading, groups[heading]) for heading in order if heading in groups]


def find_category(programme: str | None, category: str | None) -> Category | None:
    """The category of a programme; None when there is no such programme or category."""
    rules = list_programmes().get(programme or "")
    return rules.categories.get(category or "") if rules else None


def digest_facts(data: dict[str, Any]) -> str:
    """A short mark of checked facts: that what is saved is what the preview showed."""
    text = json.dumps(data, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _find_exam_date(values: dict[str, Any], applicant: Applicant) -> date:
    """The exam day as stored or typed; today at the site while there is none that can be read."""
    partial = to_partial_date(values.get("exam_date"))
    return partial.earliest if partial and partial.is_full else clock.today(applicant.site.time_zone)


def _group_of(word: str) -> str:
    if word.startswith(PREGNANCY):
        return _("Pregnancy")
    return _("Tuberculosis") if word.startswith(TUBERCULOSIS) else _("Health and background")
