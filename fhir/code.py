"""The one table of foreign codes, `codes.toml`, by our names; no other file of ours writes such a code out.

Codings of LOINC and SNOMED CT carry no display: receivers check it against the release of their day.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clinic.errors import InvalidInput

TABLE = Path(__file__).with_name("codes.toml")
Element = dict[str, Any]


@dataclass(frozen=True)
class CodeRow:
    """One code: `mark` V = seen with this meaning in published material, C = check digit right, meaning from memory."""

    name: str  # system name, a dot, our name: loinc.igra
    system: str
    code: str
    mark: str
    source: str
    display: str | None


@cache
def list_rows() -> dict[str, CodeRow]:
    """Every row of the table by its name."""
    rows = {}
    for prefix, section in _table().items():
        if prefix == "system":
            continue
        for name, row in section.items():
            full = f"{prefix}.{name}"
            rows[full] = CodeRow(full, get_system(prefix), row["code"], row["mark"], row["source"], row.get("display"))
    return rows


def get_system(name: str) -> str:
    """The canonical address of a code system by our short name, e.g. `loinc`."""
    address: str = _table()["system"][name]
    return address


def list_systems() -> frozenset[str]:
    """Every foreign code system that we use."""
    return frozenset(_table()["system"].values())


def get_code(name: str) -> str:
    """The bare code of a row."""
    return list_rows()[name].code


def coding(name: str) -> Element:
    """The Coding of a row, e.g. `loinc.igra`; KeyError when the table lacks it (a programmer's error)."""
    row = list_rows()[name]
    found = {"system": row.system, "code": row.code}
    if row.display:
        found["display"] = row.display
    return found


def concept(name: str, text: str | None = None) -> Element:
    """A CodeableConcept of one row, with our own words beside it."""
    found: Element = {"coding": [coding(name)]}
    if text:
        found["text"] = text
    return found


def unit_code(unit: str) -> str:
    """`unit` if it is one of our closed list of UCUM units; InvalidInput otherwise."""
    if unit not in _units():
        raise InvalidInput(f"Choose a unit of the list; “{unit}” is not one.", {"unit": ["Unknown unit."]})
    return unit


def vaccine_coding(cvx: str) -> Element:
    """The Coding of a vaccine by its CVX code; InvalidInput when the table lacks it."""
    if cvx not in list_cvx():
        raise InvalidInput(f"Choose a vaccine of the list; CVX {cvx} is not one.", {"cvx": ["Unknown vaccine code."]})
    return {"system": get_system("cvx"), "code": cvx}


@cache
def list_cvx() -> frozenset[str]:
    """Every vaccine code (CVX) of the table."""
    return frozenset(row.code for name, row in list_rows().items() if name.startswith("cvx."))


@cache
def _units() -> frozenset[str]:
    return frozenset(row.code for name, row in list_rows().items() if name.startswith("ucum."))


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(TABLE.read_text())
