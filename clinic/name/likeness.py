"""How alike two names are, word by word."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from clinic.name.sound import list_sounds


def compute_jaro_winkler(one: str, other: str) -> float:
    """Similarity of two words from 0 to 1, favouring a common beginning (Winkler 1990, prefix weight 0.1)."""
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    if one > other:
        one, other = other, one  # greedy matching is not quite symmetric otherwise
    reach = max(len(one), len(other)) // 2 - 1
    free = list(other)
    matched = []
    taken = [False] * len(other)
    for at, letter in enumerate(one):
        for place in range(max(0, at - reach), min(len(other), at + reach + 1)):
            if not taken[place] and free[place] == letter:
                taken[place] = True
                matched.append(letter)
                break
    if not matched:
        return 0.0
    counterpart = [letter for letter, is_taken in zip(other, taken, strict=True) if is_taken]
    exchanged = sum(a != b for a, b in zip(matched, counterpart, strict=True)) / 2
    count = len(matched)
    jaro = (count / len(one) + count / len(other) + (count - exchanged) / count) / 3
    prefix = 0
    for a, b in zip(one[:4], other[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


@lru_cache(maxsize=65536)
def compare_words(one: str, other: str) -> float:
    """0 to 1: equal, another spelling of the same sounds, an initial, or merely similar letters."""
    if one == other:
        return 1.0
    similarity = compute_jaro_winkler(one, other)
    scaled = max(0.0, (similarity - 0.6) / 0.4)  # unrelated names share about 0.5 of their letters
    if len(one) == 1 or len(other) == 1:
        return 0.7 if one[0] == other[0] else 0.0
    if set(list_sounds(one)) & set(list_sounds(other)):
        return max(scaled, 0.95 if similarity >= 0.75 else 0.85)
    return scaled


def compare_names(one: Sequence[str], other: Sequence[str]) -> float:
    """0 to 1 over words in any order; a missing middle name costs little, a missing half more."""
    if not one or not other:
        return 1.0 if not one and not other else 0.0
    pairs = sorted(
        ((-compare_words(a, b), min(a, b), n, m) for n, a in enumerate(one) for m, b in enumerate(other)),
        key=lambda pair: pair[:2],
    )
    left, right, total = set(range(len(one))), set(range(len(other))), 0.0
    for likeness, _, n, m in pairs:
        if n in left and m in right:
            left.discard(n)
            right.discard(m)
            total -= likeness
    fewer, more = sorted((len(one), len(other)))
    return total / fewer * (0.7 + 0.3 * fewer / more)


# Forms of one Arabic letter that are written for each other.
_ARABIC_FORMS = {0x623: 0x627, 0x625: 0x627, 0x622: 0x627, 0x671: 0x627, 0x649: 0x64A, 0x629: 0x647, 0x6A9: 0x643,
                 0x6CC: 0x64A}  # fmt: skip


def compare_native(one: str, other: str) -> float | None:
    """0 to 1 over names in their own script; None when a name is missing or the scripts differ."""
    words = [_to_native_words(name) for name in (one, other)]
    if not all(words) or _script(words[0][0]) != _script(words[1][0]):
        return None
    best = [max(compute_jaro_winkler(word, candidate) for candidate in words[1]) for word in words[0]]
    back = [max(compute_jaro_winkler(word, candidate) for candidate in words[0]) for word in words[1]]
    return min(sum(best) / len(best), sum(back) / len(back))


def _to_native_words(name: str) -> list[str]:
    plain = "".join(letter for letter in unicodedata.normalize("NFC", name) if not "\u064b" <= letter <= "\u0652")
    return plain.translate(_ARABIC_FORMS).casefold().split()


def _script(word: str) -> str:
    return unicodedata.name(word[0], "UNKNOWN").split()[0]
