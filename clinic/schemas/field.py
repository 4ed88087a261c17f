"""Fields that several schemas share: dates as people write them, countries, names; refusals in the user's language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from flask_babel import get_locale, gettext, lazy_gettext
from marshmallow import ValidationError, fields, validate

from clinic import clock
from clinic.country import find_country
from clinic.partial_date import DateUnreadable, PartialDate, parse_partial_date
from clinic.sentence import Sentence

# Signs that turn the order of what follows (Unicode 9.10, bidirectional embeddings, overrides, isolates): with them a
# name is shown otherwise than it is stored.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TIME = re.compile(r"([0-9]{1,2})[:.h]?([0-9]{2})")
OLDEST_YEARS = 125  # the oldest person on record reached 122


def to_words(sentence: Sentence) -> str:
    """A sentence made where no language was known, in the language of the request."""
    return str(gettext(sentence.text, **sentence.values))


def is_after_today(day: date) -> bool:
    """Whether a day has begun nowhere on earth yet (the furthest zone is 14 hours ahead of UTC)."""
    return day > (clock.now() + timedelta(hours=14)).date()


def at_most(letters: int, least: int | None = None) -> validate.Length:
    """Refuse longer texts in the user's language; `least` also refuses shorter ones."""
    return validate.Length(least, letters, error=lazy_gettext("At most %(most)s letters fit here.", most=letters))


class PlainText(fields.String):
    """One line of text: composed (NFC), spaces made single, no control characters, at most `most` letters.

    An empty text loads as None, unless it is required.
    """

    default_error_messages = {
        "required": lazy_gettext("Fill this in."),
        "invalid": lazy_gettext("Write this as text."),
        "control": lazy_gettext("There is a character here that is no letter; type it again."),
    }

    def __init__(self, *, most: int = 200, **options: Any) -> None:
        super().__init__(allow_none=not options.get("required", False), **options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        text = " ".join(str(super()._deserialize(value, attr, data, **options)).split())
        if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") or sign in _REORDERING for sign in text):
            raise self.make_error("control")
        if len(text) > self.most:
            raise ValidationError(gettext("At most %(most)s letters fit here.", most=self.most))
        if not text and self.required:
            raise self.make_error("required")
        return unicodedata.normalize("NFC", text) or None


class PartialDateText(fields.String):
    """A past date of which only the year may be known; loads to `1985`, `1985-04` or `1985-04-12`."""

    default_error_messages = {
        "required": lazy_gettext("Write the date; the year alone is enough if no more is known."),
        "future": lazy_gettext("This date lies in the future; check the year."),
        "old": lazy_gettext("Nobody alive was born then; check the year."),
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        partial = _read(super()._deserialize(value, attr, data, **options))
        if is_after_today(partial.earliest):
            raise self.make_error("future")
        if partial.year < clock.now().year - OLDEST_YEARS:
            raise self.make_error("old")
        return str(partial)


class DayText(fields.Field[date]):
    """A whole date however it is written unambiguously; loads to a date."""

    default_error_messages = {
        "required": lazy_gettext("Write the date."),
        "invalid": lazy_gettext("Write the date like 12-Apr-1985."),
        "future": lazy_gettext("This date lies in the future; check the year."),
    }

    def __init__(self, *, may_be_future: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self.may_be_future = may_be_future

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> date:
        if isinstance(value, date):
            return value
        if not isinstance(value, str):
            raise self.make_error("invalid")
        partial = _read(value)
        if not partial.is_full:
            raise ValidationError(gettext("Give day, month and year."))
        if not self.may_be_future and is_after_today(partial.earliest):
            raise self.make_error("future")
        return partial.earliest


class TimeText(fields.Field[time]):
    """A time of the day, with or without the sign between: 07:30, 7.30, 0730; loads to a time."""

    default_error_messages = {
        "required": lazy_gettext("Write the time."),
        "invalid": lazy_gettext("Write the time like 07:30."),
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> time:
        if isinstance(value, time):
            return value
        found = _TIME.fullmatch(str(value).strip())
        hour, minute = (int(found.group(1)), int(found.group(2))) if found else (24, 0)
        if hour > 23 or minute > 59:
            raise self.make_error("invalid")
        return time(hour, minute)


class Country(fields.String):
    """A country by its code or its name in the reader's language; loads to ISO 3166-1 alpha-3."""

    default_error_messages = {
        "required": lazy_gettext("Choose the country."),
        "null": lazy_gettext("Choose the country."),
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        code = find_country(super()._deserialize(value, attr, data, **options), str(get_locale() or "en"))
        if code is None:
            raise ValidationError(gettext("Choose the country from the list."))
        return code


def _read(text: str) -> PartialDate:
    try:
        return parse_partial_date(text)
    except DateUnreadable as error:
        raise ValidationError(to_words(error.sentence)) from None
