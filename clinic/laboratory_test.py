"""The catalogue of laboratory tests (clinic/programmes/reference/test.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent / "programmes" / "reference" / "test.toml"


@dataclass(frozen=True)
class NumberRange:
    """What a number may be; decimals are digits after the point."""

    minimum: str
    maximum: str
    decimals: int


@dataclass(frozen=True)
class LaboratoryTest:
    """One test of the catalogue."""

    name: str
    label: str
    fact: str
    exams: tuple[str, ...]
    values: tuple[str, ...] = ()
    number: NumberRange | None = None
    unit: str | None = None
    specimen: str = ""
    sensitive: bool = False
    components: dict[str, dict[str, str]] = field(default_factory=dict)  # kind -> component -> unit


@cache
def list_tests() -> dict[str, LaboratoryTest]:
    """Every test by name, in the catalogue's order."""
    tests = {}
    for name, row in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items():
        number = row.get("number")
        tests[name] = LaboratoryTest(
            name=name, label=row["label"], fact=row["fact"], exams=tuple(row["exams"]),
            values=tuple(row.get("values", ())), number=NumberRange(**number) if number else None,
            unit=row.get("unit"), specimen=row.get("specimen", ""), sensitive=row.get("sensitive", False),
            components=row.get("components", {}),
        )
    return tests
