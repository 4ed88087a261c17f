"""Circumstances that follow from what is recorded already (places lived in, sex), so that nobody is asked twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from clinic.models import Answer, Applicant, Sex
from clinic.rules.country import Stay
from clinic.rules.derivation import build_timeline
from clinic.rules.derivation import derive_circumstances as derive
from clinic.rules.programme import list_programmes
from clinic.services.tb_contact import find_exposure_words

BY_CONTACT = "contact:"  # followed by the setting and the last day; never by who the source is
BY_SEX = "sex"  # the explanation of an answer that follows from the sex


@dataclass(frozen=True)
class Derived:
    """An answer and from what: `explanation` is `KEN:2021-11-22:2026-11-22;…` or `sex`, for the screen to word."""

    word: str
    answer: Answer
    explanation: str


def derive_circumstances(programme: str, applicant: Applicant, facts: dict[str, Any]) -> list[Derived]:
    """What the lists tell of an applicant with these `facts` (as clinic/services/circumstance.py builds them).

    What a list cannot tell for certain is left out: it is asked of the clerk. The applicant counts as resident in
    the present country on every day that no other place takes.
    """
    on = date.fromisoformat(facts["application_date"] or facts["exam_date"])
    stays: list[Stay] = [
        (place["country"], date.fromisoformat(place["from"]), date.fromisoformat(place["to"]))
        for place in facts["lived_in"] if date.fromisoformat(place["from"]) <= on
    ]
    timeline = build_timeline(applicant.residence, stays, on)
    explanation = ";".join(f"{country}:{first}:{last}" for country, first, last in timeline)
    derived = [
        Derived(found.word, Answer.YES if found.value else Answer.NO, explanation)
        for found in derive(programme, applicant.residence, stays, on) if isinstance(found.value, bool)
    ]
    if applicant.id:
        exposed = find_exposure_words(programme, applicant.id, date.fromisoformat(facts["exam_date"]))
        derived += [Derived(word, Answer.YES, f"{BY_CONTACT}{row.setting.value}:{row.last_exposed_on or ''}")
                    for word, row in exposed.items()]
    if applicant.sex is Sex.MALE:
        derived += [Derived(word, Answer.NO, BY_SEX) for word in list_programmes()[programme].circumstances
                    if word.startswith("pregnant")]
    return derived


def parse_explanation(text: str) -> list[Stay]:
    """The stays of an explanation; none when it is the sex that answers."""
    if text == BY_SEX or text.startswith(BY_CONTACT):
        return []
    stays = []
    for part in filter(None, text.split(";")):
        country, first, last = part.split(":")
        stays.append((country, date.fromisoformat(first), date.fromisoformat(last)))
    return stays
