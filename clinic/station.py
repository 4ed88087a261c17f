"""The stations at which a person is present (clinic/programmes/reference/station.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "station.toml"
AWAY = "away"


@dataclass(frozen=True)
class Station:
    """One place where somebody meets the person; routes by their names."""

    name: str
    records: frozenset[str]
    opens: frozenset[str]
    consent: bool  # must stand before anything is recorded here
    completes_later: bool  # from the notes of an earlier visit
    after_signature: bool  # what is recorded here goes on when the exam is signed


@cache
def list_stations() -> dict[str, Station]:
    """Every station by name."""
    return {
        name: Station(name, frozenset(row["records"]), frozenset(row["opens"]), row["consent"],
                      row.get("completes_later", False), row.get("after_signature", False))
        for name, row in _table().items() if name != AWAY
    }


def find_station_of(route: str | None) -> Station | None:
    """The station whose page or record `route` is; None where nobody need be present."""
    return next((one for one in list_stations().values() if route in one.records | one.opens), None)


@cache
def list_away() -> frozenset[str]:
    """What is recorded without the person."""
    return frozenset(_table()[AWAY]["records"])


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
