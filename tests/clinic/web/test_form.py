"""What a posted form becomes."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from clinic.errors import InvalidInput, PageUnreadable
from clinic.partial_date import parse_partial_date
from clinic.web.field_error import find_error, list_errors
from clinic.web.form import date_parts, read_form, read_version


def test_form_becomes_a_plain_dict_without_token_and_empty_fields() -> None:
    form = MultiDict([("csrf_token", "x"), ("family_name", "  Chkonia "), ("given_names", " "), ("symptom", "cough")])
    assert read_form(form, lists=["symptom", "none"]) == {"family_name": "Chkonia", "symptom": ["cough"], "none": []}


def test_decimal_comma_becomes_a_point_only_where_asked() -> None:
    form = MultiDict([("weight", "58,5"), ("note", "58,5")])
    assert read_form(form, decimals=["weight"]) == {"weight": "58.5", "note": "58,5"}


@pytest.mark.parametrize(
    ("day", "month", "year", "text"),
    [
        ("4", "3", "1991", "1991-03-04"),
        ("", "3", "1991", "1991-03"),
        ("", "", "1991", "1991"),
        ("4", "mar", "1991", "1991-03-04"),
    ],
)
def test_date_boxes_are_joined_so_that_day_and_month_cannot_be_swapped(
    day: str, month: str, year: str, text: str
) -> None:
    form = MultiDict([("born-day", day), ("born-month", month), ("born-year", year)])
    assert str(parse_partial_date(read_form(form)["born"])) == text


@pytest.mark.parametrize(
    ("day", "month", "year"), [("4", "", "1991"), ("4", "3", ""), ("31", "2", "1991"), ("x", "3", "91")]
)
def test_impossible_date_boxes_are_refused_and_shown_again_as_typed(day: str, month: str, year: str) -> None:
    text = read_form(MultiDict([("born-day", day), ("born-month", month), ("born-year", year)]))["born"]
    with pytest.raises(InvalidInput):
        parse_partial_date(text)
    shown = date_parts(text)
    assert [part.lstrip("0") for part in shown.values()] == [day, month, year]


def test_empty_date_boxes_are_left_out() -> None:
    assert read_form(MultiDict([("born-day", ""), ("born-month", ""), ("born-year", "")])) == {}


def test_date_is_split_into_boxes_again() -> None:
    assert date_parts("1991-03") == {"day": "", "month": "3", "year": "1991"}
    assert date_parts(None) == {"day": "", "month": "", "year": ""}


def test_errors_are_named_by_their_path() -> None:
    errors = {
        "name": ["Enter the name."],
        "documents": {0: {"number": ["Enter the number."]}},
        "_schema": ["Too many."],
    }
    assert list_errors(errors) == [
        ("name", "Enter the name."),
        ("documents-0-number", "Enter the number."),
        ("", "Too many."),
    ]
    assert find_error(errors, "documents-0-number") == "Enter the number."
    assert find_error(errors, "documents") is None
    assert find_error(None, "name") is None


def test_version_is_read_as_a_page_carries_it() -> None:
    assert [read_version(text) for text in (None, "", "0", "17")] == [None, None, 0, 17]


@pytest.mark.parametrize("text", ["²", "٣", "-1", "1.0", "x", "1" * 10, "9" * 5000, "9223372036854775808", " 1"])
def test_version_that_no_page_carries_is_refused_and_not_taken_for_none(text: str) -> None:
    with pytest.raises(PageUnreadable, match="nothing was saved"):
        read_version(text)


@pytest.mark.parametrize("typed", [
    ("", "11", ""), ("", "11", "26"), ("", "", "26"), ("5", "", ""), ("5", "11", ""), ("", "Mar", ""),
    ("", "Mar", "85"), ("5", "", "2026"), ("31", "11", "2026"), ("x", "y", "z"),
])
def test_what_is_no_day_stands_in_its_own_boxes_again(typed: tuple[str, str, str]) -> None:
    boxes = dict(zip(("on-day", "on-month", "on-year"), typed, strict=True))
    assert tuple(date_parts(read_form(MultiDict(boxes))["on"]).values()) == typed
