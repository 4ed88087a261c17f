"""Letters and figures that look like others: put back before names and document numbers are compared."""

from __future__ import annotations

import re

# Capitals of Unicode's confusables (UTS 39) that a keyboard of the other alphabet gives; small letters only where they
# look alike too. Applied to words that hold a Latin letter: a wholly Cyrillic word is Cyrillic.
_CYRILLIC = dict(zip("АВЕКМНОРСТУХІЈЅҮҺаеорсухіјѕһк", "ABEKMHOPCTYXIJSYHaeopcyxijshk", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονραικ", "ABEZHIKMNOPTYXovpaik", strict=True))
_LATIN_FOR = str.maketrans(_CYRILLIC | _GREEK)
_MIXED = re.compile(r"\w*[A-Za-z]\w*")

# Figures and capitals that are read for each other in the OCR-B of a passport (ICAO Doc 9303-3 uses one font for both).
_FIGURE_FOR = str.maketrans("OQDILSBZG", "000115826")


def settle_letters(name: str) -> str:
    """`name` with the letters that only look Latin made Latin, in words that are Latin otherwise."""
    return name if name.isascii() else _MIXED.sub(lambda word: word[0].translate(_LATIN_FOR), name)


def settle_number(key: str) -> str:
    """One form for all readings of a document's number (as `to_key` gives it): `AO12` and `A012` are alike."""
    return key.translate(_FIGURE_FOR)


def to_latin_letters(text: str) -> str:
    """Every letter that looks Latin as the Latin one: for numbers, which are Latin throughout."""
    return text if text.isascii() else text.translate(_LATIN_FOR)
