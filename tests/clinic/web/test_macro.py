"""Macros: what they must never get wrong, whatever they are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, render_template_string

from tests.browser.gallery import create_gallery


@pytest.fixture
def gallery_app() -> Iterator[Flask]:
    app = create_gallery()
    with app.test_request_context("/"):
        yield app


def test_banner_escapes_names_and_says_what_is_not_known(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/banner.html' import patient_banner %}"
        "{{ patient_banner(person, {'number': 'N-1', 'state': 'signed'}) }}",
        person={"family_name": "<script>", "given_names": "A&B", "sex": None, "birth_date": ""},
    )
    assert "&lt;SCRIPT&gt;" in html
    assert "<script" not in html.lower()
    assert "A&amp;B" in html
    assert html.count("Not known") == 5  # birth date, sex, passport, the authority's number, programme
    assert "Signed" in html


def test_field_shows_its_own_error_and_keeps_what_was_typed(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/field.html' import text_field %}"
        "{{ text_field('a-1', 'First', '\"<x>', errors) }}{{ text_field('a-2', 'Second', none, errors) }}",
        errors={"a": {1: ["Enter it."]}},
    )
    assert 'value="&#34;&lt;x&gt;"' in html
    assert html.count("Enter it.") == 1
    assert 'aria-describedby="a-1-error"' in html


def test_stored_zero_and_false_are_shown_as_chosen(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/field.html' import number_field, radios_field %}"
        "{{ number_field('n', 'Number', 0) }}{{ radios_field('r', 'Answer', [(true, 'Yes'), (false, 'No')], false) }}"
    )
    assert 'value="0"' in html
    assert 'value="false" checked' in html
    assert 'value="true" checked' not in html


def test_summary_row_without_value_says_so_and_zero_is_a_value(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/summary.html' import summary_list %}"
        "{{ summary_list([{'label': 'A'}, {'label': 'B', 'value': 0}]) }}"
    )
    assert html.count("Not recorded") == 1


def test_task_that_cannot_start_says_what_unlocks_it_and_why_it_is_required(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/task.html' import task_list %}{{ task_list([task]) }}",
        task={"title": "Signature", "state": "Cannot start yet", "unlocks": "Needs consent first.",
              "reasons": {"sentence": "A physician signs.", "source": "42 CFR 34", "edition": "2024"}},
    )  # fmt: skip
    for text in ("Cannot start yet", "Needs consent first.", "A physician signs.", "42 CFR 34"):
        assert text in html
    assert "<a " not in html


def test_post_button_carries_the_token(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/action.html' import post_button %}{{ post_button('Send', '/send') }}"
    )
    assert 'name="csrf_token" value="' in html


def test_character_count_keeps_the_place_its_script_fills(gallery_app: Flask) -> None:
    html = render_template_string(
        "{% from 'macros/field.html' import textarea_field %}{{ textarea_field('t', 'Note', maxlength=20) }}"
    )
    assert "You can enter up to 20 characters" in html
    assert "%{count} characters left" in html
