"""Fields of input that several schemas share: names and other plain text, dates, countries."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_babel import get_locale, gettext, lazy_gettext
from marshmallow import ValidationError, fields

from clinic.country import find_country
from clinic.partial_date import DateUnreadable, PartialDate, parse_partial_date


class PlainText(fields.String):
    """Text on one or more lines: composed (NFC), stripped, without control characters, at most `most` letters.

    An empty text loads as None, unless it is required.
    """

    def __init__(self, most: int = 200, **options: Any) -> None:
        super().__init__(allow_none=not options.get("required", False), **options)
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = unicodedata.normalize("NFC", str(super()._deserialize(value, attr, data, **kwargs))).strip()
        if any(unicodedata.category(sign) == "Cc" and sign not in "\r\n\t" for sign in text):
            raise ValidationError(gettext("There is a character here that is no letter; type it again."))
        if len(text) > self.most:
            raise ValidationError(gettext("At most %(most)s letters fit here.", most=self.most))
        if not text and self.required:
            raise self.make_error("required")
        return text or None


class Country(fields.String):
    """A country, typed as a code or a name; loads to ISO 3166-1 alpha-3."""

    default_error_messages = {"required": lazy_gettext("Choose the country.")}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        found = find_country(text, str(get_locale() or "en"))
        if found is None:
            raise ValidationError(gettext("Choose the country from the list."))
        return found


class PartialDateText(fields.String):
    """A date of which only the year may be known; loads to `1985`, `1985-04` or `1985-04-12`."""

    default_error_messages = {"required": lazy_gettext("Write the date; the year alone is enough if no more is known.")}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return str(_read(super()._deserialize(value, attr, data, **kwargs)))


class DayText(fields.Field[date]):
    """A whole date however it is written unambiguously; loads to a date."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        if isinstance(value, date):
            return value
        partial = _read(str(value))
        if not partial.is_full:
            raise ValidationError(gettext("Give day, month and year."))
        return partial.earliest


def _read(text: str) -> PartialDate:
    try:
        return parse_partial_date(text)
    except DateUnreadable as error:
        raise ValidationError(gettext(error.sentence.text, **error.sentence.values)) from None
