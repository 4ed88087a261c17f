"""Folds names of any script into plain lower-case words for searching."""

from __future__ import annotations

import re
from functools import lru_cache

from anyascii import anyascii

from clinic.name.arabic import read_arabic
from clinic.name.lookalike import settle_letters

# One character is one syllable in these scripts; without a space anyascii runs them together.
_SYLLABLES = re.compile(r"([\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3])")
_DROPPED = re.compile(r"['`\u2018\u2019\u02bc\u02bb\u02b9]")
_PARTING = re.compile(r"[^a-z0-9]+")

# Written where a document has one name only, or by habit of some consulates; they say nothing about a person.
_FILLERS = frozenset({"fnu", "lnu", "nfn", "nln", "xxx", "xx", "unknown", "noname"})
# Arabic articles and words for son and daughter: written or left out freely.
_PARTICLES = frozenset({"al", "el", "ul", "bin", "bint", "binti", "ibn"})
_SERVANT = frozenset({"abd", "abdul", "abdel", "abdal", "abdi", "abdu"})
_SHORT_FORMS = {"mohd": "mohammed", "muhd": "mohammed", "md": "mohammed", "mhd": "mohammed"}


@lru_cache(maxsize=16384)
def fold_name(name: str) -> str:
    """`Щърбанов` becomes `shchrbanov`, `O'Connor-Díaz` `oconnor diaz`: ASCII, lower case, single spaces."""
    spaced = _SYLLABLES.sub(r" \1 ", _DROPPED.sub("", settle_letters(name)))
    return _PARTING.sub(" ", _DROPPED.sub("", anyascii(spaced)).casefold()).strip()


def list_tokens(*names: str | None) -> list[str]:
    """The telling words of a name, in order: fillers and articles left out, `abdul rahman` joined.

    A name of nothing but articles keeps them; one of nothing but fillers has no words. Arabic letters are read with
    their long vowels (clinic/name/arabic.py).
    """
    words = [word for name in names if name for word in fold_name(read_arabic(name)).split()]
    telling = [_SHORT_FORMS.get(word, word) for word in words if word not in _FILLERS | _PARTICLES]
    joined: list[str] = []
    for word in telling:
        if joined and joined[-1] in _SERVANT:
            joined[-1] = "abd" + word
        else:
            joined.append(word)
    return joined or [word for word in words if word not in _FILLERS]


def to_token_key(*names: str | None) -> str:
    """The words in alphabetical order: equal for `Amina Hassan Ali` and `Ali, Amina Hassan`."""
    return " ".join(sorted(list_tokens(*names)))
