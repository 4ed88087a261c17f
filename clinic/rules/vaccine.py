"""The vaccination lines a United States immigrant must show at their age."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from clinic.rules.age import completion
from clinic.rules.programme import VaccineLine, list_vaccine_lines
from clinic.rules.signal import is_exempt_adoptee
from clinic.rules.situation import Situation


def is_due(line: VaccineLine, birth: date, on: date, flu_season: bool) -> bool:
    """Whether a line is required on that exam date (us.md 2.8, S24)."""
    if not line.first <= on <= line.last or (line.season and not flu_season):
        return False
    if line.born_from is not None and birth < line.born_from:
        return False
    if on < _completes(birth, line.at_least):
        return False
    if line.below is not None and on >= _completes(birth, line.below):
        return False
    return line.through is None or on <= _completes(birth, line.through)


def _completes(birth: date, age: Mapping[str, int]) -> date:
    return completion(birth, **age)


def list_vaccines(sit: Situation) -> tuple[str, ...]:
    """The lines required, none for who need not comply."""
    facts = sit.facts
    if not facts.programme.categories[facts.category].vaccines or is_exempt_adoptee(sit):
        return ()
    return _list_due(facts.birth_date, facts.exam_date, facts.flu_season)


@lru_cache(maxsize=4096)
def _list_due(birth: date, on: date, flu_season: bool) -> tuple[str, ...]:
    return tuple(line.name for line in list_vaccine_lines() if is_due(line, birth, on, flu_season))


def forget_due() -> None:
    """Forget the lines worked out so far (a benchmark that repeats people must not profit from it)."""
    _list_due.cache_clear()
