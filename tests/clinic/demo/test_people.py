"""The seeded people: reproducible one by one, valid documents, names by custom, ages that hold."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.demo.naming import get_place, list_origins
from clinic.demo.people import (
    Role,
    SyntheticFamily,
    SyntheticPerson,
    generate_family,
    generate_person,
    iter_people,
)
from clinic.mrz import mrz_fits_name, parse_mrz
from clinic.mrz.state import ISO3
from clinic.name import list_blocking_keys, score_double
from clinic.name.double import LIKELY, PersonTraits
from clinic.partial_date import age_on

TODAY = date(2026, 8, 1)
PEOPLE = list(iter_people(1, 3000, TODAY))
FAMILIES = [generate_family(1, n, TODAY) for n in range(800)]


def _traits(person: SyntheticPerson) -> PersonTraits:
    return PersonTraits(person.family_name, person.given_names, birth=person.birth, sex=person.sex)


def _families_of(iso3: str) -> list[SyntheticFamily]:
    return [family for family in FAMILIES if family.members[0].person.citizenship == iso3]


def test_person_depends_on_seed_and_number_only() -> None:
    far = generate_person(7, 999_999, TODAY)
    assert far == generate_person(7, 999_999, TODAY)
    assert far != generate_person(8, 999_999, TODAY)
    assert PEOPLE[1234] == generate_person(1, 1234, TODAY)
    assert list(iter_people(1, 5, TODAY, start=100)) == PEOPLE[100:105]


def test_origins_are_many_and_complete() -> None:
    assert len(list_origins()) >= 20
    for origin in list_origins():
        assert {origin.iso3, *(country for _, country in origin.residences)} <= ISO3
        assert origin.residences[-1][0] == pytest.approx(1.0), origin.iso3
        assert all(get_place(country).cities for _, country in origin.residences)
        for tag in (origin.language, origin.native_language or origin.language):
            assert re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", tag), origin.iso3  # BCP 47
        assert origin.passport.count("#") >= 7 and len(origin.passport) <= 9
        assert min(len(origin.names["male"]), len(origin.names["female"])) >= 13, origin.iso3
    assert Counter(person.citizenship for person in PEOPLE).keys() == {origin.iso3 for origin in list_origins()}


def test_names_are_paired_in_their_own_script() -> None:
    for origin in list_origins():
        for entry in (entry for entries in origin.names.values() for entry in entries):
            for word in (entry.male, entry.female):
                assert word.latin.isascii() and word.latin.replace(" ", "").isalpha(), word
                assert word.native.strip() and not word.native.startswith("|"), word
    scripts = {"THA": "\u0e00", "GEO": "\u10a0", "ETH": "\u1200", "MMR": "\u1000", "NPL": "\u0900", "SYR": "\u0600"}
    for person in PEOPLE:
        if person.citizenship in scripts:
            native = f"{person.native_family_name}{person.native_given_names or ''}".replace(" ", "")
            block = ord(scripts[person.citizenship])
            assert all(block <= ord(letter) < block + 0x180 or letter == "\u200c" for letter in native), native


def test_document_zone_is_valid_and_fits_the_name() -> None:
    for person in PEOPLE[:1500] + [member.person for family in FAMILIES[:200] for member in family.members]:
        mrz = parse_mrz(person.mrz, TODAY)
        assert mrz.mismatches == () and mrz.notes == ()
        assert mrz_fits_name(mrz, person.family_name, person.given_names), person
        assert (mrz.number, mrz.kind, mrz.sex) == (person.document.number, person.document.kind, person.sex)
        assert mrz.birth == person.birth
        assert mrz.expires_on == person.document.expires_on
        if mrz.kind == "passport":
            assert mrz.citizenship.iso3 == person.citizenship


def test_document_numbers_never_meet() -> None:
    documents = [person.document for person in PEOPLE]
    documents += [member.person.document for family in FAMILIES for member in family.members]
    numbers = Counter((document.issuing_state, document.number) for document in documents)
    assert numbers.most_common(1)[0][1] == 1


def test_phone_numbers_cannot_ring() -> None:
    assert all(" 000 " in person.phone for person in PEOPLE)
    assert all(person.email.endswith(".example") for person in PEOPLE)


def test_ages_cover_childhood_to_old_age() -> None:
    ages = [age_on(person.birth, TODAY).years for person in PEOPLE]
    assert min(ages) == 0 and max(ages) > 75
    for low, high in ((0, 1), (2, 10), (11, 14), (15, 24), (25, 44), (45, 64)):
        assert sum(low <= age <= high for age in ages) > 50


def test_customs_show_in_the_names() -> None:
    assert all(
        " " not in person.family_name or not person.given_names for person in PEOPLE if person.citizenship == "MMR"
    )
    assert all(person.given_names == "" for person in PEOPLE if person.citizenship == "MMR")
    assert any(person.given_names == "" for person in PEOPLE if person.citizenship == "AFG")
    assert any(not person.birth.is_full for person in PEOPLE)
    assert any(person.document.kind == "refugee-document" for person in PEOPLE)
    assert any(person.residence != person.citizenship for person in PEOPLE)
    women = [person for person in PEOPLE if person.citizenship == "RUS" and person.sex == "female"]
    assert women
    for woman in women:
        assert woman.family_name.endswith("a")
        assert woman.native_given_names is not None and woman.native_given_names.endswith("на")
        assert " " not in woman.given_names


def test_children_are_named_after_their_parents_by_custom() -> None:
    for family in FAMILIES:
        father, mother = family.members[0].person, family.members[1].person
        for child in (member.person for member in family.members if member.role is Role.CHILD):
            match father.citizenship:
                case "COL":
                    assert child.family_name.split()[0] == father.family_name.split()[0]
                case "BRA":
                    assert child.family_name.endswith(father.family_name.split()[-1])
                case "SOM" | "ETH" | "ERI":
                    assert child.given_names.endswith(father.given_names.split()[0])
                    assert child.family_name == father.given_names.removeprefix(father.given_names.split()[0]).strip()
                case "CHN" | "VNM" | "IRQ":
                    assert child.family_name == father.family_name
                case "PHL":
                    assert child.given_names.endswith(mother.given_names.split()[-1]) or mother.family_name in (
                        father.family_name,
                        " ".join(child.given_names.split()[-len(mother.family_name.split()) :]),
                    )


def test_families_are_plausible() -> None:
    for family in FAMILIES:
        people = [member.person for member in family.members]
        assert [member.role for member in family.members[:2]] == [Role.FATHER, Role.MOTHER]
        assert len({person.address for person in people}) == 1
        mother = family.members[1].person
        for member in family.members[2:]:
            gap = member.person.birth.year - mother.birth.year
            assert 17 <= gap <= 46 if member.role is Role.CHILD else gap <= -10, family.key
        firsts = [
            m.person.given_names.split()[:1] or m.person.family_name for m in family.members if m.role is Role.CHILD
        ]
        assert len(firsts) >= 1
    assert any(member.role is Role.GRANDPARENT for family in FAMILIES for member in family.members)
    assert _families_of("MMR")


def test_twins_are_born_and_told_apart() -> None:
    twins = [
        (one.person, other.person)
        for family in FAMILIES
        for one, other in zip(family.members, family.members[1:], strict=False)
        if one.role is other.role is Role.CHILD and one.person.birth == other.person.birth
    ]
    assert twins
    for one, other in twins:
        assert one.sex == other.sex
        assert score_double(_traits(one), _traits(other)).score < LIKELY or one.citizenship == "MMR"


def test_a_slip_of_registration_is_found_among_many() -> None:
    rng = Random(5)
    stored: dict[str, set[int]] = {}
    for n, person in enumerate(PEOPLE):
        for key in list_blocking_keys(_traits(person)):
            stored.setdefault(key, set()).add(n)
    for n in rng.sample(range(len(PEOPLE)), 200):
        person = PEOPLE[n]
        typed = PersonTraits(person.given_names or "FNU", person.family_name, birth=person.birth)
        near = set().union(*(stored.get(key, set()) for key in list_blocking_keys(typed)))
        assert n in near
        assert score_double(typed, _traits(person)).score >= LIKELY
        assert len(near) < 60


@settings(max_examples=50)
@given(seed=st.integers(0, 2**40), n=st.integers(0, 4_999_999), today=st.dates(date(2020, 1, 1), date(2040, 12, 31)))
def test_any_seed_and_day_makes_a_valid_person(seed: int, n: int, today: date) -> None:
    person = generate_person(seed, n, today)
    mrz = parse_mrz(person.mrz, today)
    assert mrz.mismatches == ()
    assert mrz.birth == person.birth
    assert 0 <= age_on(person.birth, today).years <= 93
