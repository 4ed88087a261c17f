"""How dates, times, ages and names of people are written on screens: unambiguous, and safe in right-to-left text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_month_names
from flask_babel import get_locale, get_timezone, gettext
from markupsafe import Markup

from clinic import clock

PARTIAL_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
FIRST_RIGHT_TO_LEFT = "\u0590"  # Hebrew, Arabic, Syriac, Thaana, N'Ko: U+0590 to U+08FF
LAST_RIGHT_TO_LEFT = "\u08ff"

Partial = date | datetime | str | None


def split_date(value: Partial) -> tuple[int, int | None, int | None] | None:
    """Year, month and day of a date or of a partial ISO date ("1985", "1985-03"); None when there is none."""
    if isinstance(value, date):
        return value.year, value.month, value.day
    found = PARTIAL_DATE.match(value or "")
    if not found:
        return None
    year, month, day = found.groups()
    return int(year), int(month) if month else None, int(day) if day else None


def format_date(value: Partial, locale: str | None = None) -> str:
    """`dd-MMM-yyyy` as plain text, the month in letters of `locale` (default: the page's language).

    Shorter when parts are unknown: "Mar-1985", "1985". The empty string when there is no date.
    """
    parts = split_date(value)
    if parts is None:
        return str(value or "")
    year, month, day = parts
    words = [f"{day:02d}"] if day else []
    if month:
        words.append(_month_name(month, locale))
    return "-".join([*words, f"{year:04d}"])


def clinical_date(value: Partial) -> Markup:
    """The date for a page: held left to right, so that "04-Mar-2026" never reads "Mar-2026-04"."""
    return ltr(_isolate_month(format_date(value)))


def clinical_time(value: datetime | None, time_zone: str | None = None) -> Markup:
    """`dd-MMM-yyyy HH:MM` in the site's time zone (or `time_zone`, an IANA name). In: an aware datetime."""
    if value is None:
        return Markup("")
    local = value.astimezone(ZoneInfo(time_zone) if time_zone else get_timezone())
    return ltr(_isolate_month(format_date(local)) + Markup(" {:02d}:{:02d}").format(local.hour, local.minute))


def age(born: Partial, on: date | None = None) -> str:
    """The age on a day (default today): "35y", "14m" under two years, "12d" under one month.

    With a partial birth date the two possible ages, "40–41y". Empty when nothing is known.
    """
    parts = split_date(born)
    if parts is None:
        return ""
    on = on or clock.today()
    year, month, day = parts
    if month is None or day is None:
        return _age_range(year, month, on)
    months = (on.year - year) * 12 + on.month - month - (1 if on.day < day else 0)
    if months < 1:
        return gettext("%(days)sd", days=max((on - date(year, month, day)).days, 0))
    if months < 24:
        return gettext("%(months)sm", months=months)
    return gettext("%(years)sy", years=months // 12)


def person_name(person: Any) -> str:
    """`FAMILY, Given` of anything with `family_name` and `given_name` (attributes or keys), as plain text."""
    family = (read(person, "family_name") or "").upper()
    given = read(person, "given_name") or ""
    return ", ".join(part for part in (family, given) if part)


def ltr(value: object) -> Markup:
    """Hold numbers, dates, units, codes and identifiers left to right: inside Arabic, "2+" would print as "+2"."""
    if value is None or value == "":
        return Markup("")
    return Markup('<bdi dir="ltr">{}</bdi>').format(value)


def read(thing: Any, name: str) -> Any:
    """`thing[name]` of a mapping, `thing.name` of anything else, None when it has no such part."""
    if isinstance(thing, Mapping):
        return thing.get(name)
    return getattr(thing, name, None)


def _age_range(year: int, month: int | None, on: date) -> str:
    if month is not None and month != on.month:
        exact = on.year - year - (1 if on.month < month else 0)
        return gettext("%(years)sy", years=exact)
    oldest = on.year - year
    return gettext("%(youngest)s–%(oldest)sy", youngest=max(oldest - 1, 0), oldest=oldest)


def _month_name(month: int, locale: str | None) -> str:
    names = get_month_names("abbreviated", "format", locale or get_locale() or "en")
    return str(names[month]).rstrip(".")


def _isolate_month(text: str) -> Markup:
    """Wrap a right-to-left month by itself, else the year after it would be drawn before it."""
    if not any(FIRST_RIGHT_TO_LEFT <= letter <= LAST_RIGHT_TO_LEFT for letter in text):
        return Markup("{}").format(text)
    words = [Markup("<bdi>{}</bdi>").format(w) if not w.isdigit() else w for w in text.split("-")]
    return Markup("-").join(words)
