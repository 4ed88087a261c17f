"""Languages that applicants are spoken to in and write their names in (BCP 47)."""

from __future__ import annotations

from functools import cache

from babel import Locale

# Languages of the places people emigrate from in numbers, and of their scripts; any other tag is accepted by hand.
CODES = (
    "am", "ar", "az", "be", "bg", "bn", "bs", "cs", "cy", "de", "dz", "el", "en", "es", "et", "fa", "fa-AF", "fi",
    "fr", "gu", "ha", "he", "hi", "hr", "ht", "hu", "hy", "id", "ig", "it", "ja", "ka", "kk", "km", "kn", "ko", "ku",
    "ky", "lg", "ln", "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "my", "ne", "nl", "ny", "om", "pa", "pl",
    "ps", "pt", "rn", "ro", "ru", "rw", "si", "sk", "sl", "sn", "so", "sq", "sr", "sw", "ta", "te", "tg", "th", "ti",
    "tk", "tl", "tr", "ug", "uk", "ur", "uz", "vi", "wo", "yo", "zh", "zh-Hant", "zu",
)  # fmt: skip
_OWN_NAMES = {"fa-AF": "Dari", "tl": "Tagalog (Filipino)"}


def language_name(code: str | None, locale: Locale | str = "en") -> str:
    """The name of a language in `locale`; the tag itself when nothing is known of it, empty for none."""
    if not code:
        return ""
    names = Locale.parse(str(locale)).languages
    return str(_OWN_NAMES.get(code) or names.get(code.replace("-", "_")) or names.get(code.split("-")[0], code))


@cache
def list_spoken_languages(locale: str = "en") -> tuple[tuple[str, str], ...]:
    """(tag, name) in the order of the names."""
    return tuple(sorted(((code, language_name(code, locale)) for code in CODES), key=lambda pair: pair[1].casefold()))
