"""Applicants as screens need them, always within the user's site."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.engine import Row

from clinic.db import db
from clinic.errors import NotFound, RecordMerged
from clinic.identifier import IdentifierKind, classify_identifier, list_specimen_numbers, to_key
from clinic.models import Applicant, Case, IdentityDocument, Specimen, User
from clinic.queries.name import begins_with, list_typed_words, select_people_named

PAGE = 50
FOUND_MOST = 50  # a search that finds more is to be narrowed, not read


def get_applicant(applicant_id: str, user: User) -> Applicant:
    """The applicant to work on, if registered at the user's site. Raises NotFound; RecordMerged for a merged record."""
    applicant = get_record(applicant_id, user)
    if applicant.merged_into_id is not None:
        raise RecordMerged(
            _("This record was merged into another one. Open that one and go on there."), applicant=applicant.id)
    return applicant


def get_record(applicant_id: str, user: User) -> Applicant:
    """The record of the user's site, also one that was merged into another. Raises NotFound."""
    applicant = db.session.execute(
        select(Applicant).where(Applicant.id == applicant_id, Applicant.site_id == user.site_id)
    ).unique().scalar_one_or_none()
    if applicant is None:
        raise NotFound(_("There is no such person at your site. Search by name, passport or number."),
                       applicant=applicant_id)
    return applicant


def list_cases_of(applicant: Applicant) -> list[Case]:
    """The applicant's cases, newest first."""
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == applicant.id).order_by(Case.id.desc())
    ).unique().scalars())


def list_applicants(user: User, after: str | None = None) -> tuple[list[Row[Any]], bool]:
    """One page of the site's applicants by name, those behind the one with the key `after`; and whether more follow."""
    place = tuple_(Applicant.search_name, Applicant.id)
    query = _select_people().where(Applicant.site_id == user.site_id, Applicant.merged_into_id.is_(None))
    here = db.session.execute(
        select(Applicant.search_name).where(Applicant.id == after, Applicant.site_id == user.site_id)
    ).scalar_one_or_none() if after else None
    if here is not None:
        query = query.where(place > tuple_(here, after))
    rows = list(db.session.execute(query.order_by(Applicant.search_name, Applicant.id).limit(PAGE + 1)))
    return rows[:PAGE], len(rows) > PAGE


def find_cases_by_number(user: User, typed: str) -> list[Case]:
    """Cases of the site whose own number, authority's number, or specimen's number is what was typed."""
    candidates = classify_identifier(typed)
    own = [c.value for c in candidates if c.kind is IdentifierKind.CASE_NUMBER]
    keys = {c.value for c in candidates if c.kind is not IdentifierKind.MRZ} | {to_key(typed)}
    if not any(sign.isdigit() for sign in typed):
        return []
    by_specimen = select(Specimen.case_id).where(Specimen.number.in_(list_specimen_numbers(typed)))
    return list(db.session.execute(
        select(Case).where(
            Case.site_id == user.site_id,
            or_(Case.number.in_(own), Case.authority_case_key.in_(keys), Case.id.in_(by_specimen)),
        ).order_by(Case.id.desc()).limit(FOUND_MOST)
    ).unique().scalars())


def find_people_by_number(user: User, typed: str) -> list[Row[Any]]:
    """People of the site by our applicant number, or by a document's number typed or scanned with its lines."""
    numbers, keys = set(), set()
    for candidate in classify_identifier(typed):
        if candidate.kind is IdentifierKind.APPLICANT_NUMBER:
            numbers.add(candidate.value)
        elif candidate.kind in (IdentifierKind.MRZ, IdentifierKind.DOCUMENT_NUMBER):
            keys.add(candidate.value)
    if not numbers and not keys:
        return []
    by_document = select(IdentityDocument.applicant_id).where(IdentityDocument.number_key.in_(keys))
    return list(db.session.execute(
        _select_people().where(
            Applicant.site_id == user.site_id, or_(Applicant.number.in_(numbers), Applicant.id.in_(by_document))
        ).limit(FOUND_MOST)
    ))


def find_people_by_name(user: User, typed: str) -> list[Row[Any]]:
    """People of the site whose names hold every word that was typed, in any script and order, by their beginnings.

    Those whose whole name begins with the first word come first, then all in the order of their names.
    """
    query = select_people_named(user.site_id, typed, *_PERSON)
    if query is None:
        return []
    first, *others = list_typed_words(typed)
    rows: list[Row[Any]] = []
    if not others:  # the index of whole names gives these in their order at once
        rows += db.session.execute(
            _select_people().where(Applicant.site_id == user.site_id, begins_with(Applicant.search_name, first))
            .order_by(Applicant.search_name, Applicant.id).limit(FOUND_MOST)
        ).all()
    if len(rows) < FOUND_MOST:
        rows += db.session.execute(query.limit(2 * FOUND_MOST)).all()
    people = {row.id: row for row in rows}
    ranked = sorted(people.values(), key=lambda row: (not row.search_name.startswith(first), row.search_name, row.id))
    return ranked[:FOUND_MOST]


def follow_merges(people: list[Row[Any]]) -> tuple[list[Row[Any]], dict[str, list[str]]]:
    """`people` with each merged record replaced by the one that survived it, once; and by the survivor's id the numbers
    of the merged records by which it was found."""
    because: dict[str, list[str]] = {}
    survivors: dict[str, Row[Any]] = {}
    for person in people:
        found = person
        while found.merged_into_id is not None:
            found = db.session.execute(_select_people().where(Applicant.id == found.merged_into_id)).one()
        survivors.setdefault(found.id, found)
        if found is not person:
            because.setdefault(found.id, []).append(person.number)
    return list(survivors.values()), because


_CASES = select(func.count()).select_from(Case).where(Case.applicant_id == Applicant.id).scalar_subquery()
_PERSON = (
    Applicant.id, Applicant.number, Applicant.family_name, Applicant.given_names, Applicant.native_family_name,
    Applicant.native_given_names, Applicant.native_language, Applicant.birth_date, Applicant.sex,
    Applicant.citizenship, Applicant.search_name, Applicant.merged_into_id, _CASES.label("cases"),
)


def _select_people() -> Select[*tuple[Any, ...]]:
    return select(*_PERSON)
