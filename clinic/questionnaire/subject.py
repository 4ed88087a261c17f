"""Whom a form is about, as far as its questions depend on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clinic.models import Sex

if TYPE_CHECKING:
    from clinic.questionnaire.item import Item


@dataclass(frozen=True)
class Subject:
    """A person on the day of the exam; `programme` is the destination's code, empty when none is known."""

    sex: Sex
    age_months: int
    programme: str = ""

    def is_asked(self, item: Item) -> bool:
        """Whether the item applies to this person."""
        return item.applies_to is None or SUBJECTS[item.applies_to](self)


def _goes_to(programme: str) -> Callable[[Subject], bool]:
    return lambda subject: subject.programme == programme


SUBJECTS: dict[str, Callable[[Subject], bool]] = {
    "female": lambda subject: subject.sex is not Sex.MALE,
    # Who must be asked for pregnancy before an X-ray (us.md 3.4): 10 to 55 years.
    "female-10-55": lambda subject: subject.sex is not Sex.MALE and 10 * 12 <= subject.age_months < 56 * 12,
    "under-24-months": lambda subject: subject.age_months < 24,
    "us": _goes_to("us"), "ca": _goes_to("ca"), "au": _goes_to("au"), "nz": _goes_to("nz"), "uk": _goes_to("uk"),
}
