"""Short keys stored with every applicant, so that likely doubles are found by index among a million."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from clinic.identifier import to_key
from clinic.name.double import PersonTraits
from clinic.name.folding import list_tokens
from clinic.name.lookalike import settle_number, to_latin_letters
from clinic.name.sound import list_sounds

_MOST_WORDS = 5  # keys grow with the square of the words


def list_blocking_keys(person: PersonTraits) -> list[str]:
    """Keys of at most 40 characters; two people who share one are worth `score_double`.

    `d:` document number, as written and with O and 0 and their kind made one; `b:` birth date and sex; `f:` beginning
    of the names and birth year; `n:` sounds of two names and year; `y:` sounds of all names, day and month, against a
    slip in the year. Names in their own script give the same keys as their Latin spellings.
    """
    return sorted(set(_list_keys(person)))


def _list_keys(person: PersonTraits) -> Iterator[str]:
    for document in person.documents:
        number = to_key(to_latin_letters(document.number))
        if number:
            yield f"d:{number[:38]}"
            yield f"d:{settle_number(number)[:38]}"
    family, given = list_tokens(person.family_name), list_tokens(person.given_names)
    own_family, own_given = list_tokens(person.native_family_name), list_tokens(person.native_given_names)
    spellings = [(family + given)[:_MOST_WORDS], (own_family + own_given)[:_MOST_WORDS]]
    if person.birth is None:
        for words in spellings:
            yield from (f"n:{pair}" for pair in _list_pairs(words))
        return
    yield from _list_birth_keys(person, family + given)
    year = person.birth.year
    years = [year] if person.birth.month else [year - 1, year, year + 1]  # a bare year is mostly an estimate
    for last, first in ((family, given), (own_family, own_given)):
        if last:
            yield f"f:{last[0][:4]}{first[0][:1] if first else ''}{year}"
    for words in spellings:
        for pair in _list_pairs(words):
            yield from (f"n:{pair}.{near}" for near in years)
    if person.birth.is_full:
        sounds = sorted(list_sounds(word)[0] for word in spellings[0])
        yield f"y:{'.'.join(sounds)[:32]}.{person.birth.month:02}{person.birth.day:02}"


def _list_birth_keys(person: PersonTraits, words: list[str]) -> Iterator[str]:
    """Birth date and sex; on 1 January, where too many stand, with the first letter of each name too."""
    assert person.birth is not None
    if not person.birth.is_full:
        return
    day = str(person.birth).replace("-", "")
    sexes = person.sex[0] if person.sex in ("male", "female") else "mf"
    for sex in sexes:
        if day.endswith("0101"):
            yield from (f"b:{day}{sex}{word[0]}" for word in words)
        else:
            yield f"b:{day}{sex}"


def _list_pairs(words: list[str]) -> Iterator[str]:
    """Sounds of every two words in alphabetical order; of the one word of a single name."""
    sounds = [list_sounds(word) for word in words]
    if len(sounds) == 1:
        yield from sounds[0]
    for one, other in combinations(sounds, 2):
        for first in one:
            for second in other:
                yield ".".join(sorted((first, second)))
