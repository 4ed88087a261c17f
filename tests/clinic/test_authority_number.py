"""How authorities' case numbers look: dated rows with a source; unusual ones are pointed out, never refused."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.authority_number import find_number_warning, list_all_formats, list_examples, list_formats
from clinic.identifier import to_key
from clinic.rules.programme import list_programmes


@pytest.mark.parametrize(
    ("programme", "number"),
    [
        ("us", "MNL2025123456"),
        ("us", "NRB 2025 123 456"),
        ("us", "2026AF00012345"),
        ("us", "A012345678"),
        ("us", "A 12 345 678"),
        ("us", "KE-123456"),
        ("ca", "12345678"),
        ("ca", "U123456789"),
        ("ca", "11-1234-5678"),
        ("ca", "E123456789"),
        ("au", "12345678"),
        ("nz", "NZER1234567"),
        ("nz", "nzhr 12345"),
        ("uk", "GWF012345678"),
        ("uk", "3434-0123-4567-8901"),
    ],
)
def test_usual_case_number_draws_no_warning(programme: str, number: str) -> None:
    assert find_number_warning(programme, number) is None


@pytest.mark.parametrize(
    ("programme", "number", "says"),
    [
        ("us", "U123456789", "United States"),
        ("ca", "NZER12345", "Canada"),
        ("au", "NZER12345", "Australia"),
        ("nz", "12345678", "New Zealand"),
        ("us", "", "United States"),
        ("uk", "anything at all", "United Kingdom"),
        ("uk", "GWF12345", "GWF012345678"),
    ],
)
def test_unusual_case_number_is_warned_about(programme: str, number: str, says: str) -> None:
    assert says in str(find_number_warning(programme, number))


def test_every_format_has_a_source_and_fits_its_own_example() -> None:
    assert {row.programme for row in list_all_formats()} == set(list_programmes())
    for row in list_all_formats():
        assert row.source and row.looks and row.pattern.fullmatch(to_key(row.example)), row.name


def test_format_counts_from_its_day_on() -> None:
    assert [row.name for row in list_formats("uk", date(2015, 5, 1))] == ["GWF number"]
    assert "GWF012345678" in list_examples("uk") and list_examples("fr") == ""
