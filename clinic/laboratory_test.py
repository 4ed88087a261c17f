"""The catalogue of laboratory tests (clinic/programmes/reference/test.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).resolve().parent / "programmes" / "reference" / "test.toml"
TITRE = "titre"  # the part of a reactive result that holds its titre, e.g. 1:8
COMPARATORS = "<>"
NEEDED_DRUG = "isoniazid"  # of which a susceptibility test must speak: a NAAT's rifampicin alone does not stand for one
EXACT = "exact"  # of `whole`: the number itself is whole, and measured


@dataclass(frozen=True)
class Unit:
    """What a number in one unit may be: `minimum` to `maximum` is possible, `low` to `high` is usual enough."""

    code: str  # UCUM
    minimum: str
    maximum: str
    low: str | None
    high: str | None
    decimals: int


@dataclass(frozen=True)
class Reference:
    """The range outside which a number is abnormal, and outside which it is critical, with its source."""

    unit: str
    low: str | None
    high: str | None
    critical_low: str | None
    critical_high: str | None
    sex: str | None
    from_age: int
    to_age: int
    source: str


@dataclass(frozen=True)
class Part:
    """Something that belongs to some values of a test: one of `values`, or words where there are none."""

    name: str
    of: tuple[str, ...]
    values: tuple[str, ...]


DETAIL = ".detail"  # after a drug's name: the concentration or the mutation on which its answer rests


@dataclass(frozen=True)
class LaboratoryTest:
    """One test of the catalogue."""

    name: str
    label: str
    fact: str
    exams: tuple[str, ...]
    values: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()  # the values that no physician need see at once
    significant: tuple[str, ...] = ()  # without a fact: what makes the medical examination B (CA, AU, NZ)
    open_values: tuple[str, ...] = ()  # results that settle nothing: the test is made again
    units: tuple[Unit, ...] = ()
    references: tuple[Reference, ...] = ()
    methods: tuple[str, ...] = ()
    titre_for: tuple[str, ...] = ()  # the values that are reported with a titre
    drugs: tuple[str, ...] = ()  # a susceptibility test: one answer of `answers` for each
    answers: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    by_method: bool = False  # results by different methods stand beside one another
    specimen: str = ""
    panel: str = ""
    settles: bool = True  # whether its examinations are not done without it (of those that leave no fact)
    whole: str = ""  # how a fact that must be whole is read: down or up; EXACT
    sensitive: bool = False
    tube: str = ""  # of tube.toml; empty for what is not drawn with the others
    bench: str = ""  # the section of the laboratory
    asked_after: tuple[str, ...] = ()  # (test, value): only then ordered by itself
    repeats: str = ""  # the test by whose codes laboratories answer this one
    guarded: bool = False  # opened only with a stated reason (clinic/services/confidential.py)
    double_entry: bool = False  # the second person types the value without seeing the first
    components: dict[str, dict[str, str]] = field(default_factory=dict)  # kind -> component -> unit

    @property
    def number(self) -> Unit | None:
        """The unit of a number's test that is offered first; None for a test with codes."""
        return self.units[0] if self.units else None

    @property
    def unit(self) -> str | None:
        """The UCUM code of that unit."""
        return self.units[0].code if self.units else None

    def find_unit(self, code: str | None) -> Unit | None:
        """The unit of that code; without a code the only one there is. None when a choice must be made."""
        if not code:
            return self.units[0] if len(self.units) == 1 else None
        return next((unit for unit in self.units if unit.code == code), None)

    def find_reference(self, unit: str | None, sex: str, age: int) -> Reference | None:
        """The range for a person of that sex and age (completed years), where the sources give one."""
        return next((row for row in self.references if row.unit == unit and row.sex in (None, sex)
                     and row.from_age <= age <= row.to_age), None)


@cache
def list_tests() -> dict[str, LaboratoryTest]:
    """Every test by name, in the catalogue's order."""
    return {name: _build(name, row) for name, row in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items()}


def to_decimal(value: str) -> Decimal:
    """The number of a value as written, without a leading "less than" or "greater than"."""
    return Decimal(value.lstrip(COMPARATORS))


def _build(name: str, row: dict[str, Any]) -> LaboratoryTest:
    return LaboratoryTest(
        name=name, label=row["label"], fact=row["fact"], exams=tuple(row["exams"]),
        values=tuple(row.get("values", ())), normal=tuple(row.get("normal", ())),
        significant=tuple(row.get("significant", ())), open_values=tuple(row.get("open", ())),
        methods=tuple(row.get("methods", ())),
        titre_for=tuple(row.get("titre_for", ())), drugs=tuple(row.get("drugs", ())),
        answers=tuple(row.get("answers", ())), specimen=row.get("specimen", ""), panel=row.get("panel", ""),
        settles=row.get("settles", True), whole=row.get("whole", ""), sensitive=row.get("sensitive", False),
        components=row.get("components", {}), by_method=row.get("by_method", False),
        parts=tuple(Part(key, tuple(each["for"]), tuple(each.get("values", ())))
                    for key, each in row.get("parts", {}).items()),
        tube=row.get("tube", ""), bench=row.get("bench", ""),
        asked_after=tuple(row.get("asked_after", ())), double_entry=row.get("double_entry", False),
        guarded=row.get("guarded", False), repeats=row.get("repeats", ""),
        units=tuple(_build_unit(code, each) for code, each in row.get("unit", {}).items()),
        references=tuple(_build_reference(each) for each in row.get("reference", ())),
    )


def _build_unit(code: str, row: dict[str, Any]) -> Unit:
    (minimum, maximum), (low, high) = row["possible"], row.get("usual", (None, None))
    return Unit(code, minimum, maximum, low, high, row["decimals"])


def _build_reference(row: dict[str, Any]) -> Reference:
    from_age, to_age = row.get("age", (0, 150))
    return Reference(
        row["unit"], row.get("low"), row.get("high"), row.get("critical_low"), row.get("critical_high"),
        row.get("sex"), from_age, to_age, row["source"])
