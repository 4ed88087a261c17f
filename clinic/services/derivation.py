"""Circumstances that a shipped country list answers from the places lived in, so that nobody is asked twice.

Only what the list and the recorded places tell for certain is derived; everything else is asked of the clerk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from clinic.models import Answer, Applicant
from clinic.rules.age import add_months
from clinic.rules.country import list_uk_countries, longest_run

Stay = tuple[str, date, date]  # country, first and last day


@dataclass(frozen=True)
class Derived:
    """An answer and from which stays: `explanation` is `KEN:2020-03-01:2026-11-22;…`, for the screen to word."""

    word: str
    answer: Answer
    explanation: str


def derive_circumstances(programme: str, applicant: Applicant, facts: dict[str, Any]) -> list[Derived]:
    """What the lists tell of an applicant with these `facts` (as clinic/services/circumstance.py builds them)."""
    if programme != "uk":
        return []
    derived = _derive_listed_presence(facts)
    return [derived] if derived else []


def parse_explanation(text: str) -> list[Stay]:
    """The stays of an explanation."""
    stays = []
    for part in filter(None, text.split(";")):
        country, first, last = part.split(":")
        stays.append((country, date.fromisoformat(first), date.fromisoformat(last)))
    return stays


def _derive_listed_presence(facts: dict[str, Any]) -> Derived | None:
    """Six continuous months in the union of listed countries, any part in the six months before the application.

    Source: Immigration Rules, Appendix Tuberculosis, TB 2 (ca-au-nz-uk-addendum.md). No is derived only when the
    places recorded leave no day of the last twelve months open; a longer stay must have reached into them.
    """
    applied = date.fromisoformat(facts["application_date"] or facts["exam_date"])
    stays: list[Stay] = [
        (place["country"], date.fromisoformat(place["from"]), min(date.fromisoformat(place["to"]), applied))
        for place in facts["lived_in"] if date.fromisoformat(place["from"]) <= applied
    ]
    listed = list_uk_countries(applied)
    in_list = [(first, last) for country, first, last in stays if country in listed]
    for first, last in longest_run(in_list):
        if last >= add_months(applied, -6) and add_months(first, 6) <= last:
            used = [stay for stay in stays if stay[0] in listed and stay[1] <= last and stay[2] >= first]
            return Derived("listed_presence", Answer.YES, _explain(used))
    whole = longest_run((first, last) for _country, first, last in stays)
    if any(first <= add_months(applied, -12) and last >= applied for first, last in whole):
        return Derived("listed_presence", Answer.NO, _explain(stays))
    return None


def _explain(stays: list[Stay]) -> str:
    return ";".join(f"{country}:{first.isoformat()}:{last.isoformat()}" for country, first, last in stays)
