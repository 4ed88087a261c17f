"""Whose a reported result is: by our order and specimen numbers, by the person's numbers with name and birth date.

Certain is only what our own number says and nothing contradicts, or a number of the person together with name and
birth date. What a whole family has in common (its name, a year) says nothing of one of them. Everything else is a
suggestion with its reasons, for a person to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select

from clinic.db import db
from clinic.identifier import list_order_numbers, list_specimen_numbers, to_key
from clinic.lab_report import ReportedPanel, ReportedPerson
from clinic.models import Applicant, Case, CaseState, IdentityDocument, Laboratory, LabOrder, Specimen
from clinic.name import PersonTraits
from clinic.name.folding import list_tokens
from clinic.name.likeness import compare_names, compare_words
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.queries.name import select_people_named
from clinic.services.better_named import find_better_named
from clinic.services.double import list_doubles_of

SUGGESTED = 5  # cases at most
ALIKE = 0.85  # of compare_names: another spelling of the same name
SEXES = {"M": "male", "F": "female"}  # HL7 table 0001
OPEN = (CaseState.REGISTERED, CaseState.IN_PROGRESS, CaseState.IN_REVIEW, CaseState.ON_HOLD)


class Sign(StrEnum):
    """One reason for or against a case; the words stand in clinic/web/reported_word.py."""

    ORDER = "order"
    SPECIMEN = "specimen"
    CASE_NUMBER = "case-number"
    APPLICANT_NUMBER = "applicant-number"
    DOCUMENT = "document"
    NAME = "name"
    BIRTH_DATE = "birth-date"
    BIRTH_PART = "birth-part"
    OTHER_NAME = "other-name"
    OTHER_BIRTH_DATE = "other-birth-date"
    OTHER_SEX = "other-sex"
    BETTER_NAMED = "better-named"  # somebody else here fits what it says better: a twin, a father
    OTHER_NUMBER = "other-number"
    OTHER_ORDER = "other-order"


AGAINST = frozenset({Sign.OTHER_NAME, Sign.OTHER_BIRTH_DATE, Sign.OTHER_SEX, Sign.BETTER_NAMED, Sign.OTHER_NUMBER,
                     Sign.OTHER_ORDER})
OUR_NUMBERS = frozenset({Sign.ORDER, Sign.SPECIMEN})
OF_PERSON = frozenset({Sign.CASE_NUMBER, Sign.APPLICANT_NUMBER, Sign.DOCUMENT})


@dataclass
class Suggestion:
    """A case, and what speaks for and against it."""

    case: Case
    signs: set[Sign] = field(default_factory=set)
    order: LabOrder | None = None
    specimen: Specimen | None = None

    @property
    def is_certain(self) -> bool:
        """Whether no person need be asked whose it is."""
        if self.signs & AGAINST:
            return False
        if self.signs & OUR_NUMBERS:
            return bool(self.signs & {Sign.NAME, Sign.BIRTH_DATE})
        return bool(self.signs & OF_PERSON) and {Sign.NAME, Sign.BIRTH_DATE} <= self.signs

    @property
    def weight(self) -> int:
        """For the order of suggestions only."""
        return (8 * len(self.signs & OUR_NUMBERS) + 4 * len(self.signs & OF_PERSON) + 2 * (Sign.NAME in self.signs)
                + 2 * (Sign.BIRTH_DATE in self.signs) + (Sign.BIRTH_PART in self.signs)
                - 3 * len(self.signs & AGAINST))


def find_match(
    laboratory: Laboratory, person: ReportedPerson, panel: ReportedPanel, is_wide: bool = False,
) -> tuple[Suggestion | None, list[Suggestion]]:  # fmt: skip
    """(the certain one, all suggestions by weight); none is certain when two are, or our numbers name two cases.

    `is_wide`: suggest also who is called or born a little otherwise, as registrations are compared. It costs more.
    """
    found: dict[str, Suggestion] = {}
    _add_by_our_numbers(laboratory, panel, found)
    named = _Named(set(found), _add_by_numbers_of_person(laboratory, person, found))
    for one in list(found.values()):
        one.signs |= compare_person(person, one.case.applicant) | named.list_against(one.case)
        if one.is_certain and (other := find_better(person, one.case.applicant)):
            one.signs.add(Sign.BETTER_NAMED)
            for case in _list_open(other):
                found.setdefault(case.id, Suggestion(case)).signs |= (
                    compare_person(person, other) | named.list_against(case))
    if all(one.signs & AGAINST for one in found.values()):  # a wrong number must not hide whose it is
        _add_by_name(laboratory, person, found, named)
        if is_wide:
            _add_alike(laboratory, person, found, named)
    rows = sorted(found.values(), key=lambda one: (-one.weight, one.case.id))
    certain = [one for one in rows if one.is_certain]
    return (certain[0] if len(certain) == 1 else None), rows[:SUGGESTED]


def list_against(laboratory: Laboratory, person: ReportedPerson, panel: ReportedPanel, case: Case) -> set[Sign]:
    """What speaks against a case that a person chose: another name or date, or a number of ours that is of others."""
    found: dict[str, Suggestion] = {}
    _add_by_our_numbers(laboratory, panel, found)
    named = _Named(set(found), _add_by_numbers_of_person(laboratory, person, {}))
    better = {Sign.BETTER_NAMED} if find_better(person, case.applicant) else set()
    return (compare_person(person, case.applicant) & AGAINST) | named.list_against(case) | better


@dataclass(frozen=True)
class _Named:
    """Whom a report's numbers name: `cases` by our order and specimen, `people` (ids) by each number of the person."""

    cases: set[str]
    people: list[set[str]]

    def list_against(self, case: Case) -> set[Sign]:
        """The signs that a number is another case's or another person's."""
        signs = {Sign.OTHER_NUMBER} if any(case.applicant_id not in people for people in self.people) else set()
        return signs | ({Sign.OTHER_ORDER} if self.cases - {case.id} else set())


def _add_by_our_numbers(laboratory: Laboratory, panel: ReportedPanel, found: dict[str, Suggestion]) -> None:
    """By the numbers as they are printed, or as a scanner gives them off the bars of a label: without dashes."""
    if panel.placer:
        order = db.session.execute(
            select(LabOrder).join(LabOrder.case).where(LabOrder.number.in_(list_order_numbers(panel.placer)),
                                                       Case.site_id == laboratory.site_id)
        ).unique().scalar_one_or_none()
        if order is not None:
            one = found.setdefault(order.case_id, Suggestion(order.case))
            one.order, one.specimen = order, order.specimen
            one.signs.add(Sign.ORDER)
    if panel.specimen:
        for specimen in db.session.execute(
            select(Specimen).join(Specimen.case).where(Specimen.number.in_(list_specimen_numbers(panel.specimen)),
                                                       Case.site_id == laboratory.site_id)
        ).unique().scalars():
            one = found.setdefault(specimen.case_id, Suggestion(specimen.case))
            one.specimen = specimen
            one.signs.add(Sign.SPECIMEN)


def _add_by_numbers_of_person(
    laboratory: Laboratory, person: ReportedPerson, found: dict[str, Suggestion]
) -> list[set[str]]:
    """Adds the open cases; gives the ids of the people whom each number names, with an open case or without."""
    named = []
    for value, authority, kind in person.identifiers:
        if not value:
            continue
        these = set()
        for case in db.session.execute(select(Case).where(
                Case.site_id == laboratory.site_id, Case.number == value.upper())).unique().scalars():
            found.setdefault(case.id, Suggestion(case)).signs.add(Sign.CASE_NUMBER)
            these.add(case.applicant_id)
        people = [(one, Sign.APPLICANT_NUMBER) for one in db.session.execute(select(Applicant).where(
            Applicant.site_id == laboratory.site_id, Applicant.number == value.upper())).unique().scalars()]
        if kind in ("PPN", "NI", "PI", "PT"):
            documents = select(Applicant).join(IdentityDocument).where(
                Applicant.site_id == laboratory.site_id, IdentityDocument.number_key == to_key(value))
            if len(authority) == 3:  # the issuing country belongs to the number of a passport
                documents = documents.where(IdentityDocument.issuing_country == authority.upper())
            people += [(one, Sign.DOCUMENT) for one in db.session.execute(documents).unique().scalars()]
        for applicant, sign in people:
            these.add(applicant.merged_into_id or applicant.id)
            for case in _list_open(applicant):
                found.setdefault(case.id, Suggestion(case)).signs.add(sign)
        named += [these] if these else []
    return named


def _add_by_name(
    laboratory: Laboratory, person: ReportedPerson, found: dict[str, Suggestion], named: _Named
) -> None:
    """People of a like name and the same birth date: suggestions, never more."""
    typed = " ".join(filter(None, (person.family_name, person.given_names)))
    selected = select_people_named(laboratory.site_id, typed, Applicant.id) if typed and person.birth_date else None
    if selected is None:
        return
    selected = selected.where(Applicant.birth_date.startswith(person.birth_date[:4]))
    for row in db.session.execute(selected.limit(5 * SUGGESTED)):
        applicant = db.session.get_one(Applicant, row[0])
        signs = compare_person(person, applicant)
        if signs & {Sign.BIRTH_DATE, Sign.BIRTH_PART}:
            for case in _list_open(applicant):
                found.setdefault(case.id, Suggestion(case)).signs |= signs | named.list_against(case)


def _add_alike(
    laboratory: Laboratory, person: ReportedPerson, found: dict[str, Suggestion], named: _Named
) -> None:
    """People who might be the one spoken of, written by another hand."""
    if not person.family_name and not person.given_names:
        return
    try:
        birth = parse_partial_date(person.birth_date) if person.birth_date else None
    except DateUnreadable:
        birth = None
    traits = PersonTraits(person.family_name or person.given_names, person.given_names if person.family_name else "",
                          birth=birth, sex=SEXES.get(person.sex.upper(), "unknown"))
    for double in list_doubles_of(laboratory.site_id, traits):
        for case in _list_open(double.applicant):
            found.setdefault(case.id, Suggestion(case)).signs |= (
                compare_person(person, double.applicant) | named.list_against(case))


def _list_open(applicant: Applicant) -> list[Case]:
    if applicant.merged_into_id is not None:
        applicant = db.session.get_one(Applicant, applicant.merged_into_id)
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == applicant.id, Case.state.in_(OPEN)).order_by(Case.id)
    ).unique().scalars())


def find_better(person: ReportedPerson, applicant: Applicant) -> Applicant | None:
    """Somebody else of the site whom the report's person fits better than `applicant`, of whom its numbers speak."""
    return find_better_named(
        applicant, [list_tokens(person.family_name, person.given_names)],
        lambda one: not compare_person(person, one) & AGAINST,
        lambda one: Sign.BIRTH_DATE in compare_person(person, one))


def compare_person(person: ReportedPerson, applicant: Applicant) -> set[Sign]:
    """What the report's person has in common with ours, and what not; what is not said says nothing."""
    signs = set()
    if said := list_tokens(person.family_name, person.given_names):
        names = ((applicant.family_name, applicant.given_names),
                 (applicant.native_family_name, applicant.native_given_names))
        alike = [(family, given) for family, given in names if _is_alike(said, list_tokens(family, given))]
        if not alike:
            signs.add(Sign.OTHER_NAME)
        elif any(_tells_apart(said, list_tokens(given)) for _family, given in alike):
            signs.add(Sign.NAME)
    if person.birth_date:
        shorter, longer = sorted((person.birth_date, applicant.birth_date), key=len)
        same = Sign.BIRTH_PART if len(person.birth_date) < len(applicant.birth_date) else Sign.BIRTH_DATE
        signs.add(same if longer.startswith(shorter) else Sign.OTHER_BIRTH_DATE)
    sex = SEXES.get(person.sex.upper())
    if sex and applicant.sex.value in ("male", "female") and applicant.sex.value != sex:
        signs.add(Sign.OTHER_SEX)
    return signs


def is_somebody_else(one: ReportedPerson, other: ReportedPerson) -> bool:
    """Whether two reports speak of two people, by their names, birth dates and sexes."""
    names = list_tokens(one.family_name, one.given_names), list_tokens(other.family_name, other.given_names)
    dates = sorted((one.birth_date, other.birth_date), key=len)
    sexes = {one.sex.upper(), other.sex.upper()}
    return (all(names) and not _is_alike(*names)) or not dates[1].startswith(dates[0]) or sexes == {"M", "F"}


def _is_alike(said: Sequence[str], name: Sequence[str]) -> bool:
    return bool(name) and (set(said) <= set(name) or set(name) <= set(said) or compare_names(said, name) >= ALIKE)


def _tells_apart(said: Sequence[str], given: Sequence[str]) -> bool:
    """Whether a name says more than the family's: brothers and sisters come together, and their tubes too."""
    return not given or any(compare_words(one, other) >= ALIKE for one in said for other in given)
