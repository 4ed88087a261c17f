"""Identifiers: our numbers with their check character, authority patterns, and what a search text may be."""

from __future__ import annotations

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.identifier import (
    ApplicantNumber,
    Candidate,
    CaseNumber,
    IdentifierKind,
    IdentifierMalformed,
    build_applicant_number,
    build_case_number,
    build_specimen_number,
    classify_identifier,
    compute_check_character,
    has_valid_check,
    list_specimen_numbers,
    parse_applicant_number,
    parse_case_number,
    to_case_key,
)
from clinic.mrz import Layout, build_mrz


def test_check_character_matches_the_published_example() -> None:
    # A1-2425G-ABC1234002-M, the example of the Global Release Identifier, which uses ISO/IEC 7064 MOD 37,36.
    assert compute_check_character("A12425GABC1234002") == "M"
    assert has_valid_check("A1-2425G-ABC1234002-M")


_sites = st.text(alphabet=string.ascii_uppercase, min_size=2, max_size=5)
_sequences = st.integers(1, 999_999)


@given(site=_sites, year=st.integers(2020, 2099), sequence=_sequences)
def test_built_case_number_is_read_back_with_or_without_dashes(site: str, year: int, sequence: int) -> None:
    number = build_case_number(site, year, sequence)
    assert has_valid_check(number)
    for typed in (number, number.lower(), number.replace("-", " "), number.replace("-", ""), f" {number}\n"):
        assert parse_case_number(typed) == CaseNumber(site, year, sequence)
    assert classify_identifier(number.lower()) == [Candidate(IdentifierKind.CASE_NUMBER, number)]


@given(site=_sites, sequence=st.integers(1, 99_999_999))
def test_built_applicant_number_is_read_back(site: str, sequence: int) -> None:
    number = build_applicant_number(site, sequence)
    assert parse_applicant_number(number.lower()) == ApplicantNumber(site, sequence)
    assert classify_identifier(number) == [Candidate(IdentifierKind.APPLICANT_NUMBER, number)]


@given(
    sequence=_sequences,
    at=st.integers(0, 14),
    letter=st.sampled_from(string.ascii_uppercase + string.digits),
)
def test_one_wrong_character_is_always_noticed(sequence: int, at: int, letter: str) -> None:
    number = build_case_number("NBO", 2026, sequence)
    if number[at] in ("-", letter):
        return
    wrong = number[:at] + letter + number[at + 1 :]
    assert not has_valid_check(wrong)
    with pytest.raises(IdentifierMalformed):
        parse_case_number(wrong)


@pytest.mark.parametrize(
    ("site", "sequence"), [("nbo", 1), ("N", 1), ("NBO1", 1), ("NBO", 0), ("NBO", 10**9)]
)
def test_number_that_could_not_be_read_back_is_not_built(site: str, sequence: int) -> None:
    with pytest.raises(ValueError, match=r"site code|running number"):
        build_case_number(site, 2026, sequence)


def test_text_that_is_no_case_number_says_what_one_looks_like() -> None:
    with pytest.raises(IdentifierMalformed, match=r"looks like NBO-26-000123-C"):
        parse_case_number("Mary")
    with pytest.raises(IdentifierMalformed, match=r"looks like NBO-P-000123-C"):
        parse_applicant_number("")


@pytest.mark.parametrize(
    ("programme", "typed", "key"),
    [
        ("us", "A12345678", "012345678"),
        ("us", "a-012 345 678", "012345678"),
        ("us", "2026AF12345", "2026AF00012345"),
        ("ca", "11-1234-5678", "1112345678"),
        ("uk", "abc/12", "ABC12"),
    ],
)
def test_case_key_is_the_same_however_it_is_typed(programme: str, typed: str, key: str) -> None:
    assert to_case_key(programme, typed) == key
    assert to_case_key(programme, key) == key


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("NRB202512345 6", ["ceac-case", "document-number"]),
        ("2026AF12345", ["diversity-case", "document-number"]),
        ("A12345678", ["a-number", "document-number"]),
        ("KE-123456", ["refugee-case", "document-number"]),
        ("U123456789", ["umi", "document-number"]),
        ("12345678", ["a-number", "ime-number", "uci", "hap-id", "document-number"]),
        ("1112345678", ["uci", "hap-id", "document-number"]),
        ("nzer 1234567", ["nz-case", "document-number"]),
        ("AK0123456", ["refugee-case", "document-number"]),
        ("Mohamed", []),
        ("Wanjiru Grace", []),
        ("Щербанов 12345", []),
        ("", []),
    ],
)
def test_search_text_is_classified_by_every_pattern_it_fits(typed: str, kinds: list[str]) -> None:
    assert [candidate.kind.value for candidate in classify_identifier(typed)] == kinds


def test_candidate_of_a_stored_key_has_the_stored_form() -> None:
    for programme, typed in (
        ("us", "A12345678"),
        ("us", "2026AF123"),
        ("ca", "11-1234-5678"),
        ("nz", "nzer 12"),
    ):
        assert to_case_key(programme, typed) in [found.value for found in classify_identifier(typed)]


def test_scanned_zone_gives_the_document_number_only() -> None:
    zone = build_mrz(
        Layout.TD3,
        issuing_state="SOM",
        family_name="Warsame",
        given_names="Hodan",
        number="P00123456",
        citizenship="SOM",
        birth=date(1994, 2, 3),
        sex="female",
        expires_on=None,
    )
    assert classify_identifier(zone) == [Candidate(IdentifierKind.MRZ, "P00123456")]
    assert classify_identifier(zone.replace("\n", "")) == [Candidate(IdentifierKind.MRZ, "P00123456")]


@given(st.text(max_size=120))
def test_any_text_can_be_searched(text: str) -> None:
    for candidate in classify_identifier(text):
        assert candidate.value


@pytest.mark.parametrize(("typed", "numbers"), [
    ("nbo-s-000001-u", ["NBO-S-000001-U"]), ("NBOS000001U", ["NBO-S-000001-U"]),
    ("NBO-S000123", ["NBO-S000123"]),  # of before: without a check character
    ("NBO-S-000001-V", []), ("NBO-S-000010-U", []), ("NBO-L-000001-U", []), ("Seaman", []), ("", []),
])
def test_specimen_number_is_read_as_today_and_as_before(typed: str, numbers: list[str]) -> None:
    assert list_specimen_numbers(typed) == numbers


def test_text_that_may_be_an_old_specimen_and_a_new_one_is_both() -> None:
    """Should a site have counted a million before its numbers got their check character."""
    number = next(one for one in (build_specimen_number("NBO", count) for count in range(100_000, 100_400))
                  if one[-1].isdigit())
    assert list_specimen_numbers(number) == [number.replace("S-", "S").replace("-", "").replace("NBO", "NBO-"), number]
