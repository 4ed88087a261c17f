"""Countries by ISO 3166-1 alpha-3: their names in the reader's language, and what people type for them."""

from __future__ import annotations

import unicodedata
from functools import cache

from babel import Locale
from babel.core import get_global

from clinic.mrz.state import ISO3

_ALPHA_2 = {code: found[0] for code, found in get_global("territory_aliases").items() if code in ISO3} | {"XKX": "XK"}


def country_name(code: str | None, locale: Locale | str = "en") -> str:
    """The name of an alpha-3 code in `locale`; the code itself when nothing is known of it, empty for none."""
    if not code:
        return ""
    return str(Locale.parse(str(locale)).territories.get(_ALPHA_2.get(code, ""), code))


@cache
def list_countries(locale: str = "en") -> tuple[tuple[str, str], ...]:
    """(alpha-3, name) of every country, in the order of the names as a reader without accents would look for them."""
    named = [(code, country_name(code, locale)) for code in ISO3]
    return tuple(sorted(named, key=lambda pair: _fold(pair[1])))


def find_country(text: str, locale: str = "en") -> str | None:
    """The alpha-3 code of what was typed: a code of two or three letters, or a name; None when it is none."""
    plain = text.strip()
    code = plain.upper()
    if code in ISO3:
        return code
    by_two = {two: three for three, two in _ALPHA_2.items()}
    if code in by_two:
        return by_two[code]
    folded = _fold(plain)
    return next((three for three, name in list_countries(locale) if _fold(name) == folded), None)


def _fold(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign)).casefold()
