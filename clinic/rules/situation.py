"""One person's facts with the circumstances as they stand: asking for an unknown one raises Consult."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from clinic.rules.age import completed_years
from clinic.rules.country import find_au_schedule, find_incidence
from clinic.rules.fact import Facts
from clinic.rules.programme import Rule
from clinic.rules.record import Record, read_results

STAY, SCHEDULE, INCIDENCE = "stay_months", "au_schedule", "tb_incidence"


class Consult(Exception):
    """A circumstance was asked for that nobody has established."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Situation:
    """Facts, results and circumstances as the rules see them; `truth` maps unknown words to None."""

    __slots__ = ("age", "facts", "programme", "record", "truth")

    def __init__(self, facts: Facts, truth: Mapping[str, Any], record: Record, age: int) -> None:
        self.facts = facts
        self.programme = facts.programme.code
        self.truth = truth
        self.record = record
        self.age = age

    def ask(self, word: str) -> bool:
        """Whether the circumstance is true; raises Consult while unknown."""
        value = self.truth.get(word, False)
        if value is None:
            raise Consult(word)
        return bool(value)

    def take(self, word: str) -> Any:
        """The value of a fact that is not yes or no (stay, schedule, burden); raises Consult while unknown."""
        value = self.truth[word]
        if value is None:
            raise Consult(word)
        return value

    def with_truth(self, truth: Mapping[str, Any]) -> Situation:
        """The same with other circumstances."""
        return Situation(self.facts, truth, self.record, self.age)

    def with_results(self, results: Mapping[str, Any]) -> Situation:
        """The same with other results."""
        return Situation(self.facts, self.truth, read_results(results, self.programme), self.age)

    def rule(self, name: str) -> Rule:
        """A rule of this programme and edition by its id without the programme."""
        return self.facts.edition.rules[f"{self.programme}-{name}"]

    def number(self, rule: str, name: str) -> int:
        """A figure of such a rule."""
        return self.rule(rule).numbers[name]


def build_situation(facts: Facts) -> Situation:
    """The situation as the facts give it, unknown circumstances unknown."""
    truth: dict[str, Any] = dict.fromkeys(facts.yes, True)
    truth.update(dict.fromkeys(facts.unknown))
    truth[STAY] = facts.stay_months
    truth[SCHEDULE] = None
    if facts.programme.code == "au":
        on = facts.application_date or facts.exam_date
        truth[SCHEDULE] = facts.au_schedule or find_au_schedule(facts.residence.country, facts.lived_in, on)
    truth[INCIDENCE] = find_burden(facts) if facts.programme.code == "us" else None
    return Situation(
        facts, truth, read_results(facts.results, facts.programme.code),
        completed_years(facts.birth_date, facts.exam_date),
    )


def find_burden(facts: Facts) -> bool | None:
    """Whether the higher incidence of residence and exam country is high (C7); None when it cannot be told."""
    threshold = facts.edition.number(f"{facts.programme.code}-high-burden", "threshold_per_100k")
    known = []
    for place in (facts.residence, facts.exam_country):
        if place is not None:
            value = place.incidence
            known.append(value if value is not None else find_incidence(place.country, facts.exam_date.year))
    if any(value is not None and value >= threshold for value in known):
        return True
    return None if None in known else False


def every(*tests: Callable[[], bool]) -> bool:
    """Three-valued AND: one that is false settles it, whatever another would still have to ask."""
    pending: Consult | None = None
    for test in tests:
        try:
            if not test():
                return False
        except Consult as unknown:
            pending = pending or unknown
    if pending is not None:
        raise pending
    return True


def some(*tests: Callable[[], bool]) -> bool:
    """Three-valued OR: one that is true settles it."""
    pending: Consult | None = None
    for test in tests:
        try:
            if test():
                return True
        except Consult as unknown:
            pending = pending or unknown
    if pending is not None:
        raise pending
    return False


def days_after(day: date | None, limit: date) -> bool:
    """Whether a day is known and lies after `limit`."""
    return day is not None and day > limit
