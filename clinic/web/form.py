"""What a posted form becomes before a schema reads it: a plain dict, dates joined, commas turned into points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from babel.dates import get_month_names
from werkzeug.datastructures import MultiDict

from clinic.web.clinical_format import split_date

DATE_PARTS = ("day", "month", "year")
WRITTEN_DATE = re.compile(r"^(?:(?:(\d{1,2})[-\s/.])?([^\W\d]{3,}\.?)[-\s/.])?(\d{4})$")
DECIMAL_COMMA = re.compile(r"^(-?\d+),(\d+)$")


def read_form(form: MultiDict[str, str], lists: Iterable[str] = (), decimals: Iterable[str] = ()) -> dict[str, Any]:
    """The posted form as a plain dict for a schema.

    Text is stripped; an empty field is left out. `x-day`, `x-month`, `x-year` become `x`, an ISO date or partial date
    (`1985-03`), or what was typed when it is none. Names in `lists` (checkboxes) give lists; in `decimals` a decimal
    comma becomes a point. The CSRF token is dropped.
    """
    plain: dict[str, Any] = {}
    wanted = set(lists)
    for name in form:
        values = [value.strip() for value in form.getlist(name)]
        if name in wanted:
            plain[name] = [value for value in values if value]
        elif values[-1] and name != "csrf_token":
            plain[name] = values[-1]
    for name in decimals:
        if name in plain:
            plain[name] = DECIMAL_COMMA.sub(r"\1.\2", plain[name])
    return _join_dates(plain)


def parse_written_date(text: str) -> str:
    """ISO form of "04-Mar-1991", "Mar 1991" or "1991" (month in English letters); other text comes back unchanged.

    Dates in figures with the year last ("03/04/1991") are not read: nobody can know which is the month.
    """
    found = WRITTEN_DATE.match(text.strip())
    if not found:
        return text
    day, word, year = found.groups()
    if word is None:
        return year
    month = _find_month(word)
    if month is None:
        return text
    return f"{year}-{month:02d}" + (f"-{int(day):02d}" if day else "")


def date_parts(value: object) -> dict[str, str]:
    """Day, month and year as texts for three boxes; a mapping (what was typed) comes back as it is."""
    if isinstance(value, Mapping):
        return {part: str(value.get(part) or "") for part in DATE_PARTS}
    parts = split_date(value) if isinstance(value, date | datetime | str) else None
    if parts is None:
        return dict(zip(DATE_PARTS, [*str(value or "").split("/"), "", "", ""], strict=False))
    year, month, day = parts
    return {"day": str(day or ""), "month": str(month or ""), "year": f"{year:04d}"}


def _join_dates(plain: dict[str, Any]) -> dict[str, Any]:
    stems = {name[: -len(part) - 1] for name in plain for part in DATE_PARTS if name.endswith("-" + part)}
    for stem in stems:
        day, month, year = (plain.pop(f"{stem}-{part}", "") for part in DATE_PARTS)
        plain[stem] = _join_date(day, month, year)
    return plain


def _join_date(day: str, month: str, year: str) -> str:
    """An ISO date where the parts make one (day without month does not), else "day/month/year" for a schema to refuse."""
    number = _find_month(month) if month and not month.isdigit() else int(month) if month else None
    whole = year.isdigit() and len(year) == 4 and (not day or (day.isdigit() and number is not None))
    if not whole or (month and number is None):
        return f"{day}/{month}/{year}"
    return year + (f"-{number:02d}" if number is not None else "") + (f"-{int(day):02d}" if day else "")


def _find_month(word: str) -> int | None:
    short = word.rstrip(".").casefold()
    for width in ("abbreviated", "wide"):
        for number, name in get_month_names(width, "format", "en").items():
            if str(name).casefold() == short:
                return int(number)
    return None
