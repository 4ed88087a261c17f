"""How authorities' case numbers look, as dated data; what looks otherwise is pointed out and never refused."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from flask_babel import gettext

from clinic import clock
from clinic.caution import Caution
from clinic.identifier import to_key
from clinic.rules.programme import list_programmes
from clinic.sentence import N_, Sentence

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "authority_number.toml"


@dataclass(frozen=True)
class NumberFormat:
    """One kind of number of a programme; `pattern` is over `to_key` of what was typed."""

    programme: str
    name: str
    pattern: re.Pattern[str]
    looks: str  # in words
    example: str
    since: date
    source: str


@cache
def list_all_formats() -> tuple[NumberFormat, ...]:
    """Every row of the table."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["number"]
    return tuple(NumberFormat(row["programme"], row["name"], re.compile(row["pattern"]), row["looks"], row["example"],
                              row["from"], row["source"]) for row in rows)


def list_formats(programme: str, on: date | None = None) -> list[NumberFormat]:
    """The formats of a programme in force on a day (default: today)."""
    day = on or clock.today()
    return [row for row in list_all_formats() if row.programme == programme and row.since <= day]


def find_number_warning(programme: str, number: str) -> Sentence | None:
    """What looks unusual about an authority's case number; None when it fits, or no format is known."""
    formats = list_formats(programme)
    if not formats or any(row.pattern.fullmatch(to_key(number)) for row in formats):
        return None
    known = "; ".join(f"{row.name} ({row.looks}, {row.example})" for row in formats)
    return Sentence(N_("Unusual for %(programme)s, which writes: %(known)s. Compare it with the letter."),
                    {"programme": list_programmes()[programme].name, "known": known})


def list_number_cautions(programme: str, number: str | None, field: str = "authority_case_number") -> list[Caution]:
    """What is to be confirmed before such a number is saved."""
    warning = find_number_warning(programme, number) if number else None
    if warning is None:
        return []
    words = gettext(warning.text, **warning.values)
    return [Caution(f"number-{to_key(str(number))}", f"{number}: {words}", field)]


def list_examples(programme: str) -> str:
    """Numbers as they look, for a field's hint; empty when no format is known."""
    return ", ".join(row.example for row in list_formats(programme))
