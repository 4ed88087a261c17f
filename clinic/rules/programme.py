"""What a destination demands, read once from its dated rule file and made ready to be asked."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

PROGRAMMES = Path(__file__).resolve().parent.parent / "programmes"
FOREVER = date(9999, 12, 31)
LONG_AGO = date(1, 1, 1)


@dataclass(frozen=True, eq=False)
class Rule:
    """One version of a rule: what it says, where that comes from, when it holds and what it asks for."""

    id: str
    kind: str
    says: str
    source: str
    confirmed: bool
    first: date
    last: date
    exams: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    category: frozenset[str] | None = None
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    unless_found: tuple[str, ...] = ()
    stay_months: Mapping[str, int] = field(default_factory=dict)
    schedule: int | None = None
    burden: str | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    confidential: bool = False  # its sentence tells what clinic/rules/confidential.py keeps

    @cached_property
    def reason(self) -> dict[str, str]:
        """How a decision names this rule."""
        return {"rule": self.id, "says": self.says, "source": self.source}

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The circumstances this rule asks for by itself."""
        return (*self.all, *self.any, *self.none)


@dataclass(frozen=True)
class Category:
    """A visa or applicant category."""

    code: str
    label: str
    source: str
    asks_stay: bool = False
    vaccines: bool = False
    confirmed: bool = True


@dataclass(frozen=True)
class Circumstance:
    """A yes-or-no fact that rules consult, as a clerk asks it."""

    word: str
    label: str
    question: str
    window: str
    rule: str
    source: str
    confirmed: bool = True
    confidential: bool = False


@dataclass(frozen=True)
class VaccineLine:
    """One line of the US vaccination worksheet with its ages."""

    name: str
    first: date
    last: date
    at_least: Mapping[str, int]
    below: Mapping[str, int] | None
    through: Mapping[str, int] | None
    born_from: date | None
    season: bool


@dataclass(frozen=True, eq=False)
class Edition:
    """The rules in force on the days of one edition."""

    id: str
    first: date
    last: date
    change: str
    programme: str
    rules: Mapping[str, Rule]

    def number(self, rule: str, name: str) -> int:
        """The figure `name` of a rule of this edition."""
        return self.rules[rule].numbers[name]


@dataclass(frozen=True, eq=False)
class Programme:
    """A destination: its categories, circumstances, editions and every version of its rules."""

    code: str
    name: str
    authority: str
    categories: Mapping[str, Category]
    circumstances: Mapping[str, Circumstance]
    editions: tuple[Edition, ...]
    rules: tuple[Rule, ...]
    findings: Mapping[str, str]  # the authority's own numbered film findings, read as common codes

    def find_edition(self, on: date) -> Edition | None:
        """The edition in force on that exam date, or None before the first."""
        return next((e for e in reversed(self.editions) if e.first <= on <= e.last), None)


def to_age_range(text: str) -> tuple[int, int]:
    """`all`, `15+` or `2-14` as completed years, both inclusive; raises ValueError."""
    if text == "all":
        return 0, 999
    if match := re.fullmatch(r"(\d+)\+", text):
        return int(match[1]), 999
    if match := re.fullmatch(r"(\d+)-(\d+)", text):
        return int(match[1]), int(match[2])
    raise ValueError(f"'{text}' is not an age range: write all, 15+ or 2-14")


def build_rule(row: Mapping[str, Any]) -> Rule:
    """One `[[rule]]` of a rule file."""
    return Rule(
        id=row["id"], kind=row["kind"], says=row["says"], source=row["source"],
        confirmed=row.get("confirmed", True), first=row.get("from", LONG_AGO), last=row.get("until", FOREVER),
        exams={exam: to_age_range(ages) for exam, ages in row.get("exams", {}).items()},
        category=frozenset(row["category"]) if "category" in row else None,
        all=tuple(row.get("all", ())), any=tuple(row.get("any", ())), none=tuple(row.get("none", ())),
        found=tuple(row.get("found", ())), unless_found=tuple(row.get("unless_found", ())),
        stay_months=row.get("stay_months", {}), schedule=row.get("schedule"), burden=row.get("burden"),
        numbers=row.get("numbers", {}), confidential=row.get("confidential", False),
    )


def read_programme(folder: Path) -> Programme:
    """Read `<folder>/rules.toml`; raises KeyError, ValueError or TOMLDecodeError on a broken file."""
    data = tomllib.loads((folder / "rules.toml").read_text(encoding="utf-8"))
    rules = tuple(build_rule(row) for row in data["rule"])
    editions = tuple(
        Edition(
            row["id"], row["from"], row.get("until", FOREVER), row["change"], data["programme"],
            {rule.id: rule for rule in rules if rule.first <= row["from"] <= rule.last},
        )
        for row in data["edition"]
    )
    numbered = folder / "findings.toml"
    findings = tomllib.loads(numbered.read_text(encoding="utf-8"))["finding"] if numbered.exists() else []
    return Programme(
        data["programme"], data["name"], data["authority"],
        {row["code"]: Category(**row) for row in data["category"]},
        {row["word"]: Circumstance(**row) for row in data["circumstance"]},
        editions, rules, {row["code"]: row["common"] for row in findings},
    )


@cache
def list_programmes() -> dict[str, Programme]:
    """Every programme by code, in the order of the contract, others after them."""
    order = {code: place for place, code in enumerate(("us", "ca", "au", "nz", "uk"))}
    folders = sorted(
        (path.parent for path in PROGRAMMES.glob("*/rules.toml")), key=lambda p: (order.get(p.name, 99), p.name)
    )
    return {folder.name: read_programme(folder) for folder in folders}


@cache
def list_words() -> frozenset[str]:
    """Every circumstance that some rule file knows."""
    return frozenset(word for programme in list_programmes().values() for word in programme.circumstances)


def _read_reference(name: str) -> dict[str, Any]:
    return tomllib.loads((PROGRAMMES / "reference" / name).read_text(encoding="utf-8"))


@cache
def list_exams() -> dict[str, dict[str, Any]]:
    """The examination catalogue by name, in the order in which examinations are done."""
    return _read_reference("exam.toml")


@cache
def list_findings() -> dict[str, dict[str, Any]]:
    """The chest X-ray findings by code."""
    return _read_reference("finding.toml")


@cache
def list_vaccine_lines() -> tuple[VaccineLine, ...]:
    """The lines of the US vaccination worksheet, in the order of the form."""
    return tuple(
        VaccineLine(
            row["name"], row.get("from", LONG_AGO), row.get("until", FOREVER), row["at_least"], row.get("below"),
            row.get("through"), row.get("born_from"), row.get("season", False),
        )
        for row in _read_reference("vaccine_line.toml")["line"]
    )


@cache
def list_countries() -> frozenset[str]:
    """ISO 3166-1 alpha-3 codes, and XKX."""
    return frozenset(row["iso3"] for row in read_table("country_code.csv"))


def read_table(name: str) -> list[dict[str, str]]:
    """The rows of a reference table."""
    with (PROGRAMMES / "reference" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

