"""People by the beginnings of their names' words, in any order; found by the rarest word, however many people are kept.

A word's rarity is counted up to a limit, so that it costs no more among a million people than among thousands.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import aliased

from clinic.db import db
from clinic.models import Applicant, ApplicantWord
from clinic.models.applicant import LONGEST_WORD
from clinic.name import fold_name
from clinic.queries.index_choice import perhaps

COMMON = 1000  # people; more are not listed to ask for what is theirs
COUNTED = 40_000  # words of a site; from here on a beginning is only known to be very common
SCAN_COST = 8  # reading a person's row costs about so many times what finding one word in the index does


def select_people_named(site_id: str, typed: str, *columns: Any) -> Select[*tuple[Any, ...]] | None:
    """A select of `columns` of the people whom every typed word fits.

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
    for word in words:
        if word != rarest:
            # Many people to look at and a word that few have: all of those are found first, no person's row is read.
            is_found_first = counts[word] < min(COUNTED, SCAN_COST * counts[rarest])
            query = query.where(_list_with(site_id, word) if is_found_first else perhaps(_holds(word)))
    return query


def find_few_named(site_id: str, typed: str) -> set[str] | None:
    """The ids of the people whom every typed word fits; None when they are COMMON or more."""
    people = select_people_named(site_id, typed, ApplicantWord.applicant_id)
    if people is None:
        return set()
    some = list(db.session.execute(people.limit(COMMON)).scalars())
    return set(some) if len(some) < COMMON else None


def fits_name(typed: str, applicant_id: Any) -> ColumnElement[bool]:
    """Whether every typed word begins some word of the name of the person whose id that column holds."""
    someone = aliased(Applicant)
    fits = (_holds(word, someone.search_name) for word in list_typed_words(typed))
    return exists().where(someone.id == applicant_id, *fits)


def list_typed_words(typed: str) -> list[str]:
    """The words that were typed, folded as names are kept; one that another begins with says nothing more."""
    words = list(dict.fromkeys(word[:LONGEST_WORD] for word in fold_name(typed).split()))
    return [word for word in words if not any(other != word and other.startswith(word) for other in words)]


def count_named(site_id: str, word: str) -> int:
    """How many words of names begin with `word` at a site, at most COUNTED."""
    some = select(ApplicantWord.applicant_id).where(*_begins(site_id, word)).limit(COUNTED)
    return int(db.session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def begins_with(column: Any, word: str) -> ColumnElement[bool]:
    """Whether a column of folded text begins with `word`, so that its index serves."""
    # Folded names hold a-z, 0-9 and spaces, so this range holds whatever begins with the word, in any collation.
    found: ColumnElement[bool] = column.between(word, word + "z" * 16)
    return found


def _begins(site_id: str, word: str) -> list[ColumnElement[bool]]:
    return [ApplicantWord.site_id == site_id, begins_with(ApplicantWord.word, word)]


def _list_with(site_id: str, word: str) -> ColumnElement[bool]:
    """Whether a person is one of those of whom some word begins with `word`, all of them listed once."""
    other = aliased(ApplicantWord)
    return ApplicantWord.applicant_id.in_(
        select(other.applicant_id).where(other.site_id == site_id, begins_with(other.word, word)))


def _holds(word: str, folded: Any = Applicant.search_name) -> ColumnElement[bool]:
    """Whether some word of the folded name begins with `word`."""
    return (" " + folded).contains(" " + word, autoescape=True)
