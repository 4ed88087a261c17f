"""Synthetic people and families: each is a function of a seed and a number, so any one can be made alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from random import Random
from typing import NamedTuple

from clinic.demo.naming import (
    Entry,
    FullName,
    Kin,
    Origin,
    build_name,
    get_place,
    list_origins,
    pick,
    pick_given,
    pick_kin,
)
from clinic.mrz import Layout, build_mrz
from clinic.partial_date import PartialDate

# Ages of applicants: share up to, youngest, oldest.
_AGES = ((0.05, 0, 1), (0.2, 2, 10), (0.27, 11, 14), (0.45, 15, 24), (0.8, 25, 44), (0.95, 45, 64), (1.0, 65, 92))
_FIRST_FAMILY_NUMBER = 5_000_000  # document numbers below belong to single people
_FAMILY_ROOM = 16  # document numbers of one family


@dataclass(frozen=True, slots=True)
class SyntheticDocument:
    """A passport, or a Convention travel document of the country of residence.

    `kind` as `clinic.models.applicant.DocumentKind`; `citizenship` as printed in the zone (XXB for a refugee).
    """

    kind: str
    number: str
    issuing_state: str
    citizenship: str
    expires_on: date


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """Somebody who does not exist; codes as in `clinic.models.applicant.Applicant`."""

    key: str
    family_name: str
    given_names: str
    native_family_name: str | None
    native_given_names: str | None
    native_language: str | None
    birth: PartialDate
    sex: str
    citizenship: str
    residence: str
    language: str
    phone: str
    email: str
    address: str
    document: SyntheticDocument

    @property
    def mrz(self) -> str:
        """The two lines of the document, valid in every check digit."""
        return build_mrz(
            Layout.TD3,
            issuing_state=self.document.issuing_state,
            family_name=self.family_name,
            given_names=self.given_names,
            number=self.document.number,
            citizenship=self.document.citizenship,
            birth=self.birth,
            sex=self.sex,
            expires_on=self.document.expires_on,
        )


class Home(NamedTuple):
    """Shared by a family; `phone` is the country code and what no subscriber's number begins with."""

    country: str
    address: str
    phone: str
    has_travel_document: bool


class Role(StrEnum):
    """Place in a family."""

    FATHER = "father"
    MOTHER = "mother"
    CHILD = "child"
    GRANDPARENT = "grandparent"


@dataclass(frozen=True, slots=True)
class SyntheticMember:
    """One of a family."""

    role: Role
    person: SyntheticPerson


@dataclass(frozen=True, slots=True)
class SyntheticFamily:
    """A couple with its children, sometimes a grandparent, at one address; surnames by their custom."""

    key: str
    members: tuple[SyntheticMember, ...]


def generate_person(seed: int, n: int, today: date) -> SyntheticPerson:
    """Person `n` of a seed; document numbers are unique for n below 5,000,000. Ages are as of `today`."""
    rng = Random(f"{seed}/person/{n}")
    origin = pick(rng, list_origins())
    sex = "female" if rng.random() < 0.5 else "male"
    kin = pick_kin(rng, origin)
    given = _pick_other_given(rng, origin, sex, {kin.father})
    name = build_name(origin, sex, given, kin, is_single=rng.random() < origin.single_name)
    share = rng.random()
    youngest, oldest = next((low, high) for limit, low, high in _AGES if share < limit)
    home = _pick_home(rng, origin)
    birth = _pick_birth(rng, origin, youngest, oldest, today)
    return _build_person(rng, f"p{n}", origin, home, name, sex, birth, n, today)


def iter_people(seed: int, count: int, today: date, start: int = 0) -> Iterator[SyntheticPerson]:
    """People `start` to `start + count - 1`."""
    return (generate_person(seed, n, today) for n in range(start, start + count))


def generate_family(seed: int, n: int, today: date) -> SyntheticFamily:
    """Family `n` of a seed: father, mother, one to four children, in three of ten families a grandparent."""
    rng = Random(f"{seed}/family/{n}")
    origin = pick(rng, list_origins())
    first_number = _FIRST_FAMILY_NUMBER + n * _FAMILY_ROOM
    household = _Household(rng, f"f{n}", origin, _pick_home(rng, origin), first_number, today)
    father_kin, mother_kin = pick_kin(rng, origin), pick_kin(rng, origin)
    father_given = pick_given(rng, origin, "male")
    mother_age = 20 + int(rng.random() * 29)
    father_age = max(20, mother_age - 3 + int(rng.random() * 10))
    married_kin = mother_kin
    if rng.random() < origin.wife_takes_name:
        married_kin = mother_kin._replace(paternal=father_kin.paternal, maternal=mother_kin.paternal)
    household.add(Role.FATHER, "male", father_given, father_kin, father_age)
    household.add(Role.MOTHER, "female", pick_given(rng, origin, "female"), married_kin, mother_age)
    child_kin = Kin(father_given[0], father_kin.father, father_kin.paternal, mother_kin.paternal)
    _add_children(household, child_kin, mother_age)
    if rng.random() < 0.3:
        _add_grandparent(household, father_kin, father_age)
    return SyntheticFamily(household.key, tuple(household.members))


class _Household:
    """A family while it is made."""

    def __init__(self, rng: Random, key: str, origin: Origin, home: Home, first_number: int, today: date) -> None:
        self.rng, self.key, self.origin, self.home = rng, key, origin, home
        self.first_number, self.today = first_number, today
        self.members: list[SyntheticMember] = []

    def add(
        self, role: Role, sex: str, given: tuple[Entry, ...], kin: Kin, age: int, birth: PartialDate | None = None
    ) -> PartialDate:
        """Add one member of `age` years, or born on `birth`; the birth date used."""
        at = len(self.members)
        born = birth or _pick_birth(self.rng, self.origin, age, age, self.today)
        person = _build_person(
            self.rng,
            f"{self.key}.{at}",
            self.origin,
            self.home,
            build_name(self.origin, sex, given, kin),
            sex,
            born,
            self.first_number + at,
            self.today,
        )
        self.members.append(SyntheticMember(role, person))
        return born


def _add_children(household: _Household, kin: Kin, mother_age: int) -> None:
    """One to four, eldest first, now and then twins."""
    rng, origin = household.rng, household.origin
    oldest, youngest = min(mother_age - 18, 19), max(0, mother_age - 44)
    ages = sorted((youngest + int(rng.random() * (oldest - youngest + 1)) for _ in range(1 + int(rng.random() * 4))),
                  reverse=True)  # fmt: skip
    called: set[Entry] = set()
    previous = 99
    for age in ages:
        if previous - age < 2:
            continue
        previous = age
        sex = "female" if rng.random() < 0.5 else "male"
        born = household.add(Role.CHILD, sex, _pick_other_given(rng, origin, sex, called), kin, age)
        if rng.random() < 0.04:
            household.add(Role.CHILD, sex, _pick_other_given(rng, origin, sex, called), kin, age, born)


def _pick_other_given(rng: Random, origin: Origin, sex: str, called: set[Entry]) -> tuple[Entry, ...]:
    """Given names of somebody whose siblings or father are `called` otherwise; adds the first of them."""
    given = pick_given(rng, origin, sex)
    while given[0] in called:
        given = pick_given(rng, origin, sex)
    called.add(given[0])
    return given


def _add_grandparent(household: _Household, father_kin: Kin, father_age: int) -> None:
    """The father's father or mother."""
    rng, origin = household.rng, household.origin
    age = min(95, father_age + 20 + int(rng.random() * 16))
    own_kin = pick_kin(rng, origin)
    if rng.random() < 0.4:
        kin = own_kin._replace(father=father_kin.grandfather, paternal=father_kin.paternal)
        household.add(Role.GRANDPARENT, "male", (father_kin.father, *pick_given(rng, origin, "male")[1:]), kin, age)
        return
    if rng.random() < origin.wife_takes_name:
        own_kin = own_kin._replace(paternal=father_kin.paternal, maternal=own_kin.paternal)
    household.add(Role.GRANDPARENT, "female", pick_given(rng, origin, "female"), own_kin, age)


def _pick_home(rng: Random, origin: Origin) -> Home:
    """Where a person or a family lives, and on what papers."""
    share = rng.random()
    country = next((iso3 for limit, iso3 in origin.residences if share < limit), origin.residences[-1][1])
    place = get_place(country)
    address = f"{1 + int(rng.random() * 240)} {pick(rng, place.streets)}, {pick(rng, place.cities)}"
    # No country gives out national numbers that begin with 000, so none of these can ring.
    has_travel_document = origin.is_refugee and country != origin.iso3 and rng.random() < 0.3
    return Home(country, address, f"{place.phone} 000", has_travel_document)


def _pick_birth(rng: Random, origin: Origin, youngest: int, oldest: int, today: date) -> PartialDate:
    """A birth date that makes the age lie between the two on `today`; of some only the year, or 1 January."""
    age = youngest + int(rng.random() * (oldest - youngest + 1))
    days = age * 365.2425 + 1 + rng.random() * 362
    born = date.fromordinal(today.toordinal() - int(days))
    share = rng.random()
    if age >= 16 and share < origin.year_only:
        return PartialDate(born.year)
    if age >= 16 and share < origin.year_only + origin.first_january:
        return PartialDate(born.year, 1, 1)
    return PartialDate(born.year, born.month, born.day)


def _build_person(
    rng: Random,
    key: str,
    origin: Origin,
    home: Home,
    name: FullName,
    sex: str,
    birth: PartialDate,
    number: int,
    today: date,
) -> SyntheticPerson:
    expires_on = date.fromordinal(today.toordinal() + 200 + int(rng.random() * 3300))
    if home.has_travel_document:
        document = SyntheticDocument(
            "refugee-document", _build_number("TD#######", number), home.country, "XXB", expires_on
        )
    else:
        document = SyntheticDocument(
            "passport", _build_number(origin.passport, number), origin.iso3, origin.iso3, expires_on
        )
    line = int(rng.random() * 1_000_000)
    return SyntheticPerson(
        key=key,
        family_name=name.family,
        given_names=name.given,
        native_family_name=name.native_family,
        native_given_names=name.native_given,
        native_language=origin.native_language if name.native_family else None,
        birth=birth,
        sex=sex,
        citizenship=origin.iso3,
        residence=home.country,
        language=origin.language,
        phone=f"{home.phone} {line // 1000:03} {line % 1000:03}",
        email=f"{key}@mail.example",
        address=home.address,
        document=document,
    )


def _build_number(pattern: str, number: int) -> str:
    """A document number of the pattern: another one for every `number` below ten to the power of its figures."""
    figures = pattern.count("#")
    scattered = (number * 7_368_787 + 1_234_567) % 10**figures  # a prime factor: no two numbers meet
    return pattern.replace("#" * figures, f"{scattered:0{figures}}")
