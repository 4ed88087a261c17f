"""How dates, ages and names of people are written on screens: unambiguous, and safe in right-to-left text."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_timezone, gettext
from markupsafe import Markup

from clinic import clock
from clinic.errors import InvalidInput
from clinic.partial_date import PartialDate, format_clinically, from_date, parse_partial_date

# Languages whose speakers put the family name first.
FAMILY_NAME_FIRST = {"zh", "ja", "ko", "vi", "hu", "km"}

Day = date | datetime | PartialDate | str | None


def to_partial_date(value: Day) -> PartialDate | None:
    """The PartialDate of a date, or of a text like "1985-03"; None for none and for what cannot be read."""
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return from_date(value)
    if isinstance(value, str) and value:
        return _parse(value)
    return value if isinstance(value, PartialDate) else None


@lru_cache(maxsize=4096)
def _parse(text: str) -> PartialDate | None:
    """Days of birth stand in every list, twice in each row."""
    try:
        return parse_partial_date(text)
    except InvalidInput:
        return None


def format_date(value: Day) -> str:
    """`dd-MMM-yyyy`, "Mar-1985" or "1985" where no more is known; unreadable text as it was typed."""
    partial = to_partial_date(value)
    return format_clinically(partial) if partial else str(value or "")


def clinical_date(value: Day) -> Markup:
    """The date for a page, held left to right, so that "04-Mar-2026" never reads "Mar-2026-04"."""
    return ltr(format_date(value))


def clinical_time(value: datetime | None, time_zone: str | None = None) -> Markup:
    """`dd-MMM-yyyy HH:MM` in the site's time zone (or `time_zone`, an IANA name). In: an aware datetime."""
    if value is None:
        return Markup("")
    local = value.astimezone(ZoneInfo(time_zone) if time_zone else get_timezone() or UTC)
    return ltr(f"{format_date(local)} {local:%H:%M}")


def clinical_moment(value: str | None, time_zone: str | None = None) -> Markup:
    """A day or a moment that somebody else said, ISO 8601, as we write our own; what cannot be read as it was said."""
    try:
        is_moment = value is not None and "T" in value
        return clinical_time(datetime.fromisoformat(value or ""), time_zone) if is_moment else clinical_date(value)
    except ValueError:
        return ltr(value)


def age(born: Day, on: date | None = None) -> str:
    """The age on a day (default today): "35y", "14m" under two years, "12d" under one month.

    With a partial birth date the two possible ages, "40–41y". Empty when nothing is known.
    """
    partial = to_partial_date(born)
    if partial is None:
        return ""
    on = on or clock.today(str(get_timezone() or UTC))
    oldest, youngest = _months_between(partial.earliest, on), _months_between(min(partial.latest, on), on)
    if youngest // 12 != oldest // 12:
        return gettext("%(youngest)s–%(oldest)sy", youngest=youngest // 12, oldest=oldest // 12)
    if oldest >= 24:
        return gettext("%(years)sy", years=oldest // 12)
    if partial.is_full and oldest < 1:
        return gettext("%(days)sd", days=max((on - partial.earliest).days, 0))
    return gettext("%(months)sm", months=youngest)


def person_name(person: Any) -> str:
    """`FAMILY, Given`, plain text, of anything with `family_name` and `given_names` (attributes or keys)."""
    family = (read(person, "family_name") or "").upper()
    given = read(person, "given_names") or ""
    return ", ".join(part for part in (family, given) if part)


def native_name(person: Any) -> str:
    """The name in own script, in the order its language speaks it; empty when it is not recorded."""
    parts = [read(person, "native_given_names") or "", read(person, "native_family_name") or ""]
    language = str(read(person, "native_language") or "").split("-")[0].lower()
    if language in FAMILY_NAME_FIRST:
        parts.reverse()
    return " ".join(part for part in parts if part)


def ltr(value: object) -> Markup:
    """Hold numbers, dates, units and codes left to right: inside Arabic, "2+" would print as "+2"."""
    if value is None or value == "":
        return Markup("")
    return Markup('<bdi dir="ltr">{}</bdi>').format(value)


def read(thing: Any, name: str) -> Any:
    """`thing[name]` of a mapping, `thing.name` of anything else, None when it has no such part."""
    if isinstance(thing, Mapping):
        return thing.get(name)
    return getattr(thing, name, None)


def to_form_value(value: object) -> str:
    """The text a form field holds for a stored value: "true" for True, an enumeration's value, or ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value if isinstance(value, enum.Enum) else value)


def to_choices(items: Any) -> list[dict[str, Any]]:
    """Choices as the kit's macros want them, from (value, text) pairs or dicts.

    In a dict `hint` may be plain text and `conditional` is Markup shown while the choice is taken.
    """
    choices = []
    for item in items:
        choice = dict(item) if isinstance(item, Mapping) else dict(zip(("value", "text"), item, strict=True))
        choice["value"] = to_form_value(choice["value"])
        for name, inner in (("hint", "text"), ("conditional", "html")):
            if choice.get(name) and not isinstance(choice[name], Mapping):
                choice[name] = {inner: choice[name]}
        choices.append(choice)
    return choices


def _months_between(born: date, on: date) -> int:
    return max((on.year - born.year) * 12 + on.month - born.month - (on.day < born.day), 0)
