"""What a rule's source tags stand for, in words: every reason on screen leads to what it rests on."""

from __future__ import annotations

import re
import tomllib
from functools import cache

from clinic.rules.programme import PROGRAMMES

_TAG = re.compile(r"\b[SNGP]\d+b?\b")
_UNSURE = re.compile(r"\[(OK|own|inf)\]")
_NOTES = re.compile(r"\b(us\.md|addendum|contract)\b|^\s*\d")


@cache
def list_sources() -> dict[str, dict[str, str]]:
    """Title by tag, for `us` and for every `other` programme."""
    return tomllib.loads((PROGRAMMES / "reference" / "source.toml").read_text(encoding="utf-8"))


def list_citations(programme: str, source: str) -> list[tuple[str, str]]:
    """Tag and title of every source that `source` names; an unknown tag is left out."""
    titles = list_sources()["us" if programme == "us" else "other"]
    return [(tag, titles[tag]) for tag in dict.fromkeys(_TAG.findall(source)) if tag in titles]


def is_unconfirmed(source: str) -> bool:
    """Whether a clinical lead must still confirm it: general knowledge or an inference."""
    return bool(_UNSURE.search(source))


def is_from_notes(source: str) -> bool:
    """Whether it (also) rests on the project's own clinical notes, docs/clinical-open-points.md."""
    return bool(_NOTES.search(source))
