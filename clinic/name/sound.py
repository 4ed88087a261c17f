"""A rough skeleton of how a folded word sounds, alike for the usual Latin spellings of one name."""

from __future__ import annotations

import re
from functools import lru_cache

# Longest first. Capitals are sounds: S as in she, C as in church, J as in measure or judge.
_SOUNDS = {
    "shch": "S", "tsch": "C", "sch": "S", "tch": "C", "dzh": "J", "sh": "S", "ch": "C", "zh": "J", "dj": "J",
    "kh": "h", "gh": "g", "ph": "f", "th": "t", "dh": "d", "ck": "k", "ts": "s", "tz": "s", "dz": "s",
    "j": "J", "q": "k", "c": "k", "w": "v", "z": "s",
}  # fmt: skip
_SPELLING = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_ARTICLE = re.compile(r"^abd[aeiou]?([lr](?=[^aeiou]))?")
_JOINED_ARTICLE = re.compile(r"[ae]l(?=[bcdfghjkmnpqrstvwz][a-z]{4})")  # Elmira and Alina have none
_VOWELS = re.compile(r"[aeiouy]+")
_DOUBLED = re.compile(r"(.)\1+")


@lru_cache(maxsize=65536)
def list_sounds(word: str) -> tuple[str, ...]:
    """One or a few skeletons of at most 8 letters: consonants, and whether a vowel stands first.

    Two for a word with x, which is ks, but h in Somali, and for one with q, which is k, but g in Persian (Qorbani,
    Ghorbani); also for one that begins with an article that was joined to it (Elsayed). Words of one consonant keep
    their vowels.
    """
    if _JOINED_ARTICLE.match(word):
        return tuple(dict.fromkeys((*_list_sounds(word), *_list_sounds(word[2:]))))
    return _list_sounds(word)


def _list_sounds(word: str) -> tuple[str, ...]:
    if "x" in word:
        return tuple(dict.fromkeys((_to_sound(word.replace("x", "ks")), _to_sound(word.replace("x", "h")))))
    if "q" in word:
        return tuple(dict.fromkeys((_to_sound(word), _to_sound(word.replace("q", "g")))))
    return (_to_sound(word),)


def _to_sound(word: str) -> str:
    word = _ARTICLE.sub("abd", word) if word.startswith("abd") else word
    if word.startswith("sht"):
        word = "sh" + word[3:]  # Bulgarian Щ, elsewhere written shch
    if len(word) > 3 and word.endswith("h"):
        word = word[:-1]  # Fatimah, Sarah
    sounds = _SPELLING.sub(lambda found: _SOUNDS[found.group()], word)
    vowel = "a" if sounds[:1] in tuple("aeiouy") else ""
    skeleton = _DOUBLED.sub(r"\1", _VOWELS.sub("", sounds))
    if skeleton == "hsn":  # Hassan and Hussein are brothers, often twins, not one name
        return "hasn" if sounds[1:2] in ("a", "e") else "husn"
    if len(skeleton) < 2:
        return _DOUBLED.sub(r"\1", word.replace("y", "i").replace("ou", "u").replace("oo", "u"))[:8]
    return (vowel + skeleton)[:8]
