"""Dates, ages and names as they stand on a screen."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import Enum
from types import SimpleNamespace

import pytest

from clinic.config import ROOT
from clinic.partial_date import PartialDate
from clinic.web.clinical_format import (
    age,
    clinical_date,
    clinical_moment,
    clinical_time,
    ltr,
    native_name,
    person_name,
    to_choices,
    to_form_value,
)

DAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(1991, 3, 4), "04-Mar-1991"),
        ("1991-03-04", "04-Mar-1991"),
        ("1985", "1985"),
        ("1985-11", "Nov-1985"),
        (PartialDate(1985, 11), "Nov-1985"),
    ],
)
def test_date_is_written_with_its_month_in_letters_and_held_left_to_right(value: object, text: str) -> None:
    assert str(clinical_date(value)) == f'<bdi dir="ltr">{text}</bdi>'  # type: ignore[arg-type]


def test_missing_date_is_written_as_nothing() -> None:
    assert str(clinical_date(None)) == str(clinical_date("")) == ""


def test_unreadable_date_is_shown_as_typed_and_escaped() -> None:
    assert str(clinical_date("<b>")) == '<bdi dir="ltr">&lt;b&gt;</bdi>'


def test_moment_is_written_in_the_zone_of_the_site() -> None:
    moment = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    assert "05-Mar-2026 01:30" in str(clinical_time(moment, "Africa/Nairobi"))


@pytest.mark.parametrize(("said", "text"), [
    ("2026-11-29T17:14:38+00:00", "29-Nov-2026 20:14"), ("2026-11-29", "29-Nov-2026"), ("Tuesday", "Tuesday"),
    ("T-shirt", "T-shirt"), ("", ""), (None, ""),
])
def test_moment_that_somebody_said_is_written_as_our_own_are(said: str | None, text: str) -> None:
    assert clinical_moment(said, "Africa/Nairobi").striptags() == text


@pytest.mark.parametrize(
    ("born", "text"),
    [
        ("1991-03-04", "35y"),
        ("1991-03-05", "34y"),
        ("2024-03-04", "2y"),
        ("2024-03-05", "23m"),
        ("2026-02-04", "1m"),
        ("2026-02-05", "27d"),
        ("2026-03-04", "0d"),
        ("1985", "40–41y"),
        ("1985-03", "40–41y"),
        ("1985-05", "40y"),
        ("2025", "0–1y"),
        ("", ""),
    ],
)
def test_age_is_exact_as_far_as_the_birth_date_is_known(born: str, text: str) -> None:
    assert age(born, DAY) == text


def test_name_is_written_family_first_in_capitals() -> None:
    person = SimpleNamespace(family_name="Wolde-Mariam", given_names="Hiwot")
    assert person_name(person) == "WOLDE-MARIAM, Hiwot"
    assert person_name({"family_name": "Suharto", "given_names": ""}) == "SUHARTO"


def test_native_name_follows_the_order_of_its_language() -> None:
    georgian = {"native_family_name": "ჭყონია", "native_given_names": "ნინო", "native_language": "ka"}
    chinese = {"native_family_name": "王", "native_given_names": "芳", "native_language": "zh-Hans"}
    assert native_name(georgian) == "ნინო ჭყონია"
    assert native_name(chinese) == "王 芳"
    assert native_name({}) == ""


def test_value_held_left_to_right_is_escaped() -> None:
    assert str(ltr("<2+")) == '<bdi dir="ltr">&lt;2+</bdi>'
    assert str(ltr(0)) == '<bdi dir="ltr">0</bdi>'


def test_form_value_is_what_the_form_would_send_back() -> None:
    kind = Enum("kind", {"A": "a"})
    assert [to_form_value(v) for v in (None, True, False, 0, kind.A)] == ["", "true", "false", "0", "a"]


def test_choices_are_read_from_pairs_and_dicts() -> None:
    assert to_choices([(True, "Yes"), {"value": "no", "text": "No", "hint": "Never"}]) == [
        {"value": "true", "text": "Yes"},
        {"value": "no", "text": "No", "hint": {"text": "Never"}},
    ]


def test_moment_is_written_with_its_time_in_the_sites_zone_nowhere_as_the_day_in_greenwich() -> None:
    found = [f"{path.name}: {line.strip()[:80]}" for path in (ROOT / "templates").rglob("*.html")
             for line in path.read_text().splitlines() if re.search(r"_at \| clinical_date", line)]
    assert found == []
