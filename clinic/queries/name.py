"""People by the beginnings of their names' words, in any order; found by the rarest word, however many people are kept.

A word's rarity is counted up to a limit, so that it costs no more among a million people than among thousands.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from clinic.db import db
from clinic.models import Applicant, ApplicantWord
from clinic.models.applicant import LONGEST_WORD
from clinic.name import fold_name

COMMON = 4000  # people of a site; from here on nobody is looked for by that word alone


def select_people_named(site_id: str, typed: str, *columns: Any) -> tuple[Select[*tuple[Any, ...]], bool] | None:
    """A select of `columns` of the people whom every typed word fits, and whether their rarest word is common.

    A person of whom two words fit the rarest one comes twice. None when nothing that can be looked for was typed.
    """
    words = list_typed_words(typed)
    if not words:
        return None
    counts = {word: count_named(site_id, word) for word in words} if len(words) > 1 else {}
    rarest = min(words, key=lambda word: counts.get(word, 0))
    query = (
        select(*columns).select_from(ApplicantWord).join(Applicant, Applicant.id == ApplicantWord.applicant_id)
        .where(*_begins(site_id, rarest))
    )
    others = [word for word in words if word != rarest]
    return query.where(*(_holds(word) for word in others)), counts.get(rarest, 0) >= COMMON


def list_typed_words(typed: str) -> list[str]:
    """The words that were typed, folded as names are kept; one that another begins with says nothing more."""
    words = list(dict.fromkeys(word[:LONGEST_WORD] for word in fold_name(typed).split()))
    return [word for word in words if not any(other != word and other.startswith(word) for other in words)]


def count_named(site_id: str, word: str) -> int:
    """How many words of names begin with `word` at a site, at most COMMON."""
    some = select(ApplicantWord.applicant_id).where(*_begins(site_id, word)).limit(COMMON)
    return int(db.session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def begins_with(column: Any, word: str) -> ColumnElement[bool]:
    """Whether a column of folded text begins with `word`, so that its index serves."""
    # Folded names hold a-z, 0-9 and spaces, so this range holds whatever begins with the word, in any collation.
    found: ColumnElement[bool] = column.between(word, word + "z" * 16)
    return found


def _begins(site_id: str, word: str) -> list[ColumnElement[bool]]:
    return [ApplicantWord.site_id == site_id, begins_with(ApplicantWord.word, word)]


def _holds(word: str) -> ColumnElement[bool]:
    """Whether some word of the folded name begins with `word`."""
    return (" " + Applicant.search_name).contains(" " + word, autoescape=True)
