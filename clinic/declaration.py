"""What a physician declares with a signature (clinic/programmes/reference/declaration.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "declaration.toml"
SHARED = "emedical"  # the system that Canada, Australia and New Zealand share


@dataclass(frozen=True)
class Declaration:
    """The English text, as it is printed, and its version."""

    version: str
    text: str


def get_declaration(programme: str) -> Declaration:
    """The declaration of a programme."""
    table = _read()
    return table.get(programme) or table[SHARED]


@cache
def _read() -> dict[str, Declaration]:
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {code: Declaration(row["version"], row["text"]) for code, row in rows.items()}
