"""What can be treated on the way to a signature, and with what (clinic/programmes/reference/treatment.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from clinic.laboratory_test import to_decimal

CATALOGUE = Path(__file__).resolve().parent / "programmes" / "reference" / "treatment.toml"


@dataclass(frozen=True)
class Regimen:
    """One treatment as offered; `doses` is None where the number is not fixed."""

    name: str
    label: str
    doses: int | None


@dataclass(frozen=True)
class Treatable:
    """One disease with its regimens; `stages` maps each to what the rules read, which they do where it `decides`.

    `found_by`: tests with the word that finds it, or the least number.
    """

    name: str
    label: str
    found_by: dict[str, str | int]
    decides: bool
    least_share: int
    regimens: dict[str, Regimen]
    stages: dict[str, str]

    def is_found_by(self, test: str, value: str) -> bool:
        """Whether a result says that there is something to treat."""
        wanted = self.found_by.get(test)
        return to_decimal(value) >= wanted if isinstance(wanted, int) else wanted == value


@cache
def list_treatables() -> dict[str, Treatable]:
    """Every disease by name, in the order of the file."""
    return {
        name: Treatable(
            name, row["label"], row["found_by"], row["decides"], row["least_share"],
            {key: Regimen(key, each["label"], each.get("doses")) for key, each in row["regimens"].items()},
            row.get("stages", {}))
        for name, row in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items()
    }
