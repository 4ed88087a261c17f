"""Likely doubles: the keys kept with every applicant, and who may be the person now being registered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import selectinload

from clinic.db import db
from clinic.models import Applicant, ApplicantKey
from clinic.name import POSSIBLE, DocumentNumber, PersonTraits, list_blocking_keys, score_double
from clinic.partial_date import PartialDate, parse_partial_date
from clinic.queries.merge import get_survivor
from clinic.sentence import N_, Sentence

MOST_SHOWN = 5  # more would not be read
MOST_COMPARED = 200  # candidates with the most keys in common; a very common name shares one key with thousands


@dataclass(frozen=True)
class LikelyDouble:
    """Somebody registered who may be the same person; `score` as clinic/name says (80 and more: probably)."""

    applicant: Applicant
    score: int
    reasons: tuple[Sentence, ...]


def find_likely_doubles(site_id: str, data: dict[str, Any], besides: str | None = None) -> list[LikelyDouble]:
    """People of the site who may be the one in `data` (as NewApplicant gives it), likeliest first.

    `besides` is an applicant id to leave out.
    """
    person = to_traits(data, [data["document"]] if data.get("document") else [])
    return list_doubles_of(site_id, person, besides)


def list_doubles_of(site_id: str, person: PersonTraits, besides: str | None = None) -> list[LikelyDouble]:
    """The same for a person's traits. A record that was merged stands for the one that survived it."""
    doubles: dict[str, LikelyDouble] = {}
    for applicant in _list_candidates(site_id, list_blocking_keys(person)):
        survivor = get_survivor(applicant)
        if survivor.id == besides:
            continue
        score, reasons = score_double(person, traits_of(applicant))
        if survivor is not applicant:
            reasons += (Sentence(N_("Found by the record %(number)s, which was merged into this one"),
                                 {"number": applicant.number}),)
        known = doubles.get(survivor.id)
        if score >= POSSIBLE and (known is None or known.score < score):
            doubles[survivor.id] = LikelyDouble(survivor, score, reasons)
    return sorted(doubles.values(), key=lambda double: -double.score)[:MOST_SHOWN]


def write_keys(applicant: Applicant) -> None:
    """Bring the blocking keys of `applicant` in line with what is recorded of the person."""
    db.session.flush()
    wanted = set(list_blocking_keys(traits_of(applicant)))
    known = set(db.session.execute(
        select(ApplicantKey.key).where(ApplicantKey.applicant_id == applicant.id)).scalars())
    if known - wanted:
        db.session.execute(delete(ApplicantKey).where(
            ApplicantKey.applicant_id == applicant.id, ApplicantKey.key.in_(known - wanted)))
    db.session.add_all(ApplicantKey(key=key, applicant_id=applicant.id) for key in sorted(wanted - known))
    db.session.flush()


def rewrite_keys(after: str, most: int = 200) -> tuple[str, int]:
    """Write the keys of the next records in the order of their ids; gives the last id, and how many there were.

    A merged record keeps the keys it was merged with: its papers have gone to the surviving one.
    """
    query = select(Applicant).where(Applicant.id > after, Applicant.merged_into_id.is_(None))
    records = list(db.session.execute(query.order_by(Applicant.id).limit(most)).unique().scalars())
    for record in records:
        write_keys(record)
    return (records[-1].id if records else after), len(records)


def traits_of(applicant: Applicant) -> PersonTraits:
    """What a registered person is compared by."""
    columns = {name: getattr(applicant, name) for name in (
        "family_name", "given_names", "native_family_name", "native_given_names", "birth_date", "sex", "citizenship")}
    documents = [{"number": paper.number, "issuing_country": paper.issuing_country} for paper in applicant.documents]
    return to_traits(columns, documents)


def to_traits(data: dict[str, Any], documents: Iterable[dict[str, Any]]) -> PersonTraits:
    """The same of what was typed."""
    birth: PartialDate | None = parse_partial_date(data["birth_date"]) if data.get("birth_date") else None
    return PersonTraits(
        family_name=data["family_name"], given_names=data.get("given_names") or "",
        native_family_name=data.get("native_family_name"), native_given_names=data.get("native_given_names"),
        birth=birth, sex=str(getattr(data["sex"], "value", data["sex"])), citizenship=data.get("citizenship"),
        documents=tuple(DocumentNumber(paper["number"], paper["issuing_country"]) for paper in documents),
    )


def _list_candidates(site_id: str, keys: Sequence[str]) -> list[Applicant]:
    """Applicants of the site that share a key, those with most in common first, with their documents."""
    shared = (
        select(ApplicantKey.applicant_id, func.count().label("shared"))
        .join(Applicant, Applicant.id == ApplicantKey.applicant_id)
        .where(ApplicantKey.key.in_(keys), Applicant.site_id == site_id)
        .group_by(ApplicantKey.applicant_id).order_by(func.count().desc(), ApplicantKey.applicant_id)
        .limit(MOST_COMPARED).subquery()
    )
    return list(db.session.execute(
        select(Applicant).join(shared, shared.c.applicant_id == Applicant.id)
        .options(selectinload(Applicant.documents))
    ).scalars())
