"""What can be treated on the way to a signature, and with what (clinic/programmes/reference/treatment.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent / "programmes" / "reference" / "treatment.toml"


@dataclass(frozen=True)
class Regimen:
    """One treatment as offered; `doses` is None where the number is not fixed."""

    name: str
    label: str
    doses: int | None


@dataclass(frozen=True)
class Treatable:
    """One disease with its regimens; `stages` maps each to what the rules read."""

    name: str
    label: str
    exams: tuple[str, ...]
    least_share: int
    regimens: dict[str, Regimen]
    stages: dict[str, str]


@cache
def list_treatables() -> dict[str, Treatable]:
    """Every disease by name, in the order of the file."""
    return {
        name: Treatable(
            name, row["label"], tuple(row["exams"]), row["least_share"],
            {key: Regimen(key, each["label"], each.get("doses")) for key, each in row["regimens"].items()},
            row.get("stages", {}))
        for name, row in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items()
    }
