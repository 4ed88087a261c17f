"""What screens read of the programmes: names, categories, questions, labels, the sentence and source of a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clinic.errors import NotFound
from clinic.rules.age import completed_years
from clinic.rules.decision import EMEDICAL, LOGIC
from clinic.rules.programme import (
    FOREVER,
    LONG_AGO,
    Category,
    Circumstance,
    Edition,
    Programme,
    list_exams,
    list_findings,
    list_programmes,
)
from clinic.rules.requirement import build_plan
from clinic.rules.situation import INCIDENCE, SCHEDULE, STAY

EVERY_AGE = tuple(range(91))


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule as people read it: its sentence, its source, and the editions it stands in."""

    id: str
    says: str
    source: str
    confirmed: bool
    editions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A circumstance to ask for, with the authority's rule in words and the rules that consult it."""

    circumstance: Circumstance
    rules: tuple[str, ...]

    @property
    def word(self) -> str:
        """The word that goes under `yes` or `unknown`."""
        return self.circumstance.word


def get_programme(code: str) -> Programme:
    """The programme; raises NotFound."""
    programme = list_programmes().get(code)
    if programme is None:
        raise NotFound(f"There is no programme {code}. Choose one of {', '.join(list_programmes())}.")
    return programme


def list_programme_names() -> list[tuple[str, str]]:
    """Code and name of every programme."""
    return [(programme.code, programme.name) for programme in list_programmes().values()]


def list_categories(programme: str) -> list[Category]:
    """The categories of a programme, in the order of its file."""
    return list(get_programme(programme).categories.values())


def list_questions(programme: str, category: str, on: date, birth: date | None = None) -> list[Question]:
    """The circumstances that rules of that exam day may ask of this category, at the person's age or at any."""
    found = get_programme(programme)
    edition = found.find_edition(on)
    if edition is None or category not in found.categories:
        return []
    words = _list_consulted(edition, category, (completed_years(birth, on),) if birth else EVERY_AGE)
    return [
        Question(circumstance, tuple(rule.id for rule in edition.rules.values() if word in rule.words))
        for word, circumstance in found.circumstances.items() if word in words
    ]


def is_asked(programme: str, category: str, on: date, name: str, birth: date | None = None) -> bool:
    """Whether `stay_months`, `au_schedule` or `tb_incidence` is consulted for this category."""
    if name not in (STAY, SCHEDULE, INCIDENCE):
        raise ValueError(name)
    edition = get_programme(programme).find_edition(on)
    return edition is not None and name in _list_consulted(
        edition, category, (completed_years(birth, on),) if birth else EVERY_AGE)


def _list_consulted(edition: Edition, category: str, ages: Iterable[int]) -> set[str]:
    words: set[str] = set()
    for age in ages:
        plan = build_plan(edition, category, age)
        words |= plan.words
        if plan.words:
            words |= set(LOGIC.get(edition.programme, EMEDICAL)[1])
    return words


def get_rule(programme: str, rule_id: str, on: date | None = None) -> RuleText:
    """Sentence and source of a rule as it stands on that exam day, or in its newest version; raises NotFound."""
    found = get_programme(programme)
    versions = [rule for rule in found.rules if rule.id == rule_id]
    if on is not None:
        versions = [rule for rule in versions if rule.first <= on <= rule.last]
    if not versions:
        raise NotFound(f"There is no rule {rule_id} in the programme {programme}.")
    rule = max(versions, key=lambda version: version.first)
    editions = tuple(e.id for e in found.editions if rule.first <= e.first <= rule.last)
    return RuleText(rule.id, rule.says, rule.source, rule.confirmed, editions)


def find_exam_label(exam: str) -> str | None:
    """The plain name of an examination, None for one the catalogue lacks."""
    row = list_exams().get(exam)
    return row["label"] if row else None


def get_exam_label(exam: str) -> str:
    """The plain name of an examination, its code where the catalogue lacks it."""
    return find_exam_label(exam) or exam


def list_film_findings(programme: str) -> list[tuple[str, str, str]]:
    """Code, label and category of every chest X-ray finding a programme records."""
    return [
        (code, row["label"], row["category"]) for code, row in list_findings().items()
        if programme in row.get("programmes", (programme,))
    ]


def describe_edition(edition: Edition) -> str:
    """An edition in words: its id and its exam dates."""
    first = "the beginning" if edition.first == LONG_AGO else edition.first.isoformat()
    last = "further notice" if edition.last == FOREVER else edition.last.isoformat()
    return f"{edition.id}: examinations from {first} until {last}. {edition.change}"
