"""FHIR dates and instants as HL7 v2 writes them (2.5.1, chapter 2A: DT, TS), with the precision they came with."""

from __future__ import annotations

from datetime import datetime


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
    # Cut out of what is made in C: strftime takes longer than the rest of an answer.
    text = moment.isoformat("T", "seconds")
    return f"{text[:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:22]}{text[23:25]}"
