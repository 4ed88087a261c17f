"""Countries and languages on screens: their names in the reader's language, and the lists to choose from."""

from __future__ import annotations

from flask import Flask
from flask_babel import get_locale

from clinic import country, spoken_language
from clinic.web.language import SOURCE_LANGUAGE


def country_word(code: str | None) -> str:
    """The country's name; the code itself when it has none."""
    return country.country_name(code, _locale())


def language_word(code: str | None) -> str:
    """The language's name; the tag itself when it has none."""
    return spoken_language.language_name(code, _locale())


def country_choices() -> tuple[tuple[str, str], ...]:
    """(alpha-3, name) in the order of the names."""
    return country.list_countries(_locale())


def language_choices() -> tuple[tuple[str, str], ...]:
    """(tag, name) in the order of the names."""
    return spoken_language.list_spoken_languages(_locale())


def init_places(app: Flask) -> None:
    """Give templates the filters and lists of this file."""
    app.jinja_env.filters.update(country_word=country_word, language_word=language_word)
    app.jinja_env.globals.update(country_choices=country_choices, language_choices=language_choices)


def _locale() -> str:
    return str(get_locale() or SOURCE_LANGUAGE)
