"""What one check of the doctor says: good, warning or wrong; what it looked at; what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps

from clinic.config import Settings
from clinic.db import read_unit


class Verdict(StrEnum):
    """How a thing stands; the order is that of weight."""

    GOOD = "good"
    WARNING = "warning"  # it works; somebody should look at it
    WRONG = "wrong"  # unsafe, or it does not work


@dataclass(frozen=True)
class Finding:
    """One line: `subject` is a code, `words` what was found, `todo` what to do. Never a secret, never a person."""

    verdict: Verdict
    subject: str
    words: str
    todo: str = ""


Check = Callable[[Settings], Iterable[Finding]]


def good(subject: str, words: str) -> Finding:
    """A thing as it should be."""
    return Finding(Verdict.GOOD, subject, words)


def warning(subject: str, words: str, todo: str) -> Finding:
    """A thing somebody should look at."""
    return Finding(Verdict.WARNING, subject, words, todo)


def wrong(subject: str, words: str, todo: str) -> Finding:
    """A thing that is unsafe or does not work."""
    return Finding(Verdict.WRONG, subject, words, todo)


def needs_database(check: Check) -> Check:
    """Mark a check that reads the database: it gets a unit of its own, and is left out when none answers."""

    @wraps(check)
    def run(settings: Settings) -> Iterator[Finding]:
        with read_unit():
            yield from check(settings)

    run.needs_database = True  # type: ignore[attr-defined]
    return run
