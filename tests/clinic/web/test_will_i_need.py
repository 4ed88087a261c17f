"""The public page: the answer by the rules, with reason and source, and nothing kept of who asked."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from clinic.audit import audit_engine, audit_read
from clinic.db import read_unit
from clinic.models import AuditChange
from clinic.rules import list_circumstances

ADULT = {"programme": "us", "category": "IV", "age": "30", "country": "KEN"}


def test_nothing_asked_yet_shows_the_programmes(app: Flask) -> None:
    page = app.test_client().get("/will-i-need")
    assert page.status_code == 200 and "United Kingdom" in page.get_data(as_text=True)


def test_answer_names_reason_and_source(app: Flask) -> None:
    text = app.test_client().get("/will-i-need", query_string=ADULT).get_data(as_text=True)
    assert "You need these examinations" in text and "Chest X-ray" in text
    assert "us-2025-03" in text and "TB-flowchart-low" in text  # the source itself, not only its tag


def test_unanswered_question_is_not_taken_as_no(app: Flask) -> None:
    client = app.test_client()
    assert "It also depends on" in client.get("/will-i-need", query_string=ADULT).get_data(as_text=True)
    answered = {**ADULT, **dict.fromkeys(("tb_symptoms", "hiv_known", "tb_history", "tb_contact", "on_tb_treatment",
                                          "extrapulmonary_tb", "pregnant"), "no")}
    with_symptoms = {**answered, "tb_symptoms": "yes"}
    assert "Three sputum specimens" not in client.get("/will-i-need", query_string=answered).get_data(as_text=True)
    assert "Three sputum specimens" in client.get("/will-i-need", query_string=with_symptoms).get_data(as_text=True)


def test_listed_country_is_derived_and_not_asked(app: Flask) -> None:
    words = [item.word for item in list_circumstances("uk", "ENTRY_CLEARANCE")]
    uk = {"programme": "uk", "category": "ENTRY_CLEARANCE", "age": "30", "stay_months": "12",
          **dict.fromkeys(words, "no")}
    client = app.test_client()
    listed = client.get("/will-i-need", query_string={**uk, "country": "KEN"}).get_data(as_text=True)
    assert 'name="listed_presence"' not in listed
    assert "Chest X-ray" in listed
    free = client.get("/will-i-need", query_string={**uk, "country": "FRA"}).get_data(as_text=True)
    assert "No health examination is asked of you" in free


def test_open_questions_show_what_an_all_no_would_mean(app: Flask) -> None:
    uk = {"programme": "uk", "category": "ENTRY_CLEARANCE", "age": "30", "stay_months": "12", "country": "KEN"}
    text = app.test_client().get("/will-i-need", query_string=uk).get_data(as_text=True)
    assert "If every open answer is no" in text and "Chest X-ray" in text


def test_nonsense_gets_a_sentence_and_never_a_failure(app: Flask) -> None:
    client = app.test_client()
    for change in ({"age": "200"}, {"age": "31/02/1990"}, {"age": "<b>"}, {"country": "Atlantis"}, {"age": "1/2/1990"},
                   {"programme": "xx"}, {"category": "nope"}, {"stay_months": "1e9"}, {"age": "-4"},
                   {"age": "9" * 5000}):
        page = client.get("/will-i-need", query_string=ADULT | change)
        assert page.status_code == 200, change
        assert "<b>" not in page.get_data(as_text=True)


def test_nothing_is_stored(app: Flask) -> None:
    app.test_client().get("/will-i-need", query_string=ADULT)
    with read_unit() as session:
        assert session.execute(select(func.count()).select_from(AuditChange)).scalar_one() == 0
    with audit_engine().connect() as connection:
        assert connection.execute(select(func.count()).select_from(audit_read)).scalar_one() == 0
