"""FHIR dates and instants as HL7 v2 writes them (2.5.1, chapter 2A: DT, TS), with the precision they came with."""

from __future__ import annotations

from datetime import UTC, datetime


def to_date(literal: str) -> str:
    """`1991`, `1991-01` or `1991-01-05` as YYYY[MM[DD]]; partial dates are legal and stay partial."""
    return literal[:10].replace("-", "")


def to_timestamp(literal: str) -> str:
    """A FHIR date, dateTime or instant as YYYYMMDD[HHMMSS+ZZZZ]; a time always says its offset."""
    if "T" not in literal:
        return to_date(literal)
    return format_moment(datetime.fromisoformat(literal.replace("Z", "+00:00")))


def format_moment(moment: datetime) -> str:
    """An aware time as YYYYMMDDHHMMSS+ZZZZ."""
    day = f"{moment.year:04}{moment.month:02}{moment.day:02}"
    offset = "+0000" if moment.tzinfo is UTC else f"{moment:%z}"  # strftime takes longer than the rest of an answer
    return f"{day}{moment.hour:02}{moment.minute:02}{moment.second:02}{offset}"
