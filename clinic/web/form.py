"""What a posted form becomes before a schema reads it: a plain dict, date boxes joined, decimal points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from clinic.errors import PageUnreadable
from clinic.partial_date import PartialDate
from clinic.web.clinical_format import to_partial_date

DATE_PARTS = ("day", "month", "year")
VERSION = re.compile(r"[0-9]{1,9}")  # as every database's integer can hold it
DECIMAL_COMMA = re.compile(r"^(-?\d+),(\d+)$")


def read_form(
    form: MultiDict[str, str], lists: Iterable[str] = (), decimals: Iterable[str] = ()
) -> dict[str, Any]:
    """The posted form as a plain dict for a schema.

    Text is stripped; an empty field is left out. The boxes `x-day`, `x-month`, `x-year` become one text `x`
    that `parse_partial_date` reads, or refuses. Names in `lists` (checkboxes) give lists, empty when none is
    ticked; in `decimals` a decimal comma becomes a point. The CSRF token is dropped.
    """
    plain: dict[str, Any] = {}
    for name in form:
        text = form.getlist(name)[-1].strip()
        if text and name != "csrf_token":
            plain[name] = text
    for name in lists:
        plain[name] = [value for value in form.getlist(name) if value]
    for name in decimals:
        if name in plain:
            plain[name] = DECIMAL_COMMA.sub(r"\1.\2", plain[name])
    return _join_dates(plain)


def read_shown_day(text: str) -> date:
    """A day that a page of ours put into a hidden field. Raises PageUnreadable for what no page of ours carries."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _damaged() from None


def read_version(text: str | None) -> int | None:
    """The number of the version that a page showed, from its hidden field; None where the page showed none yet.

    Raises PageUnreadable for what no page of ours carries: to take it for "none" would save without looking whether
    somebody else saved meanwhile.
    """
    if not text:
        return None
    if not VERSION.fullmatch(text):
        raise _damaged()
    return int(text)


def _damaged() -> PageUnreadable:
    return PageUnreadable(_("The page came back damaged, and nothing was saved. Go back, reload it, and try again."))


def date_parts(value: object) -> dict[str, str]:
    """Day, month and year as texts for three boxes, of a date, a partial date, or what was typed there."""
    if isinstance(value, Mapping):
        return {part: str(value.get(part) or "") for part in DATE_PARTS}
    partial = to_partial_date(value) if isinstance(value, date | PartialDate | str) else None
    if partial is None:
        typed = str(value or "").split("-")
        if len(typed[0]) == 4 and typed[0].isdigit():  # as `_join_date` wrote it: no such day, but as typed
            typed.reverse()
        typed = [""] * (len(DATE_PARTS) - len(typed)) + typed  # without a day it begins with the month, or is a year
        return dict(zip(DATE_PARTS, [*typed, "", "", ""], strict=False))
    return {"day": str(partial.day or ""), "month": str(partial.month or ""), "year": str(partial.year)}


def _join_dates(plain: dict[str, Any]) -> dict[str, Any]:
    stems = {name[: -len(part) - 1] for name in plain for part in DATE_PARTS if name.endswith("-" + part)}
    for stem in sorted(stems):
        day, month, year = (plain.pop(f"{stem}-{part}", "") for part in DATE_PARTS)
        plain[stem] = _join_date(day, month, year)
    return plain


def _join_date(day: str, month: str, year: str) -> str:
    """Year first, so that nothing can be swapped; a month in letters or nonsense stays as typed."""
    if month.isdigit() and year.isdigit() and len(year) == 4 and (not day or day.isdigit()):
        return "-".join(part.zfill(2) for part in (year, month, day) if part)
    if year and not day and not month:
        return year
    return f"{day}-{month}-{year}" if day or not month else f"{month}-{year}"
