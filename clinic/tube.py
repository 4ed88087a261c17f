"""The containers of a draw (clinic/programmes/reference/tube.toml), read once, in the order of the draw."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "tube.toml"


@dataclass(frozen=True)
class Tube:
    """One kind of container: `count` of them for one specimen, in the laboratory `within` hours."""

    name: str
    label: str
    kind: str
    count: int
    within: int
    notes: tuple[str, ...]


@cache
def list_tubes() -> dict[str, Tube]:
    """Every container by name, in the order in which they are filled."""
    return {name: Tube(name, row["label"], row["kind"], row["count"], row["within"], tuple(row["notes"]))
            for name, row in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}
