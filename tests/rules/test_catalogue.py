"""What screens read: questions, sentences, sources, labels."""

from __future__ import annotations

from datetime import date

import pytest

from clinic.errors import NotFound
from clinic.rules.catalogue import (
    describe_edition,
    get_exam_label,
    get_programme,
    get_rule,
    is_asked,
    list_categories,
    list_film_findings,
    list_programme_names,
    list_questions,
)

ON = date(2026, 9, 15)


def test_programmes_come_in_the_order_of_the_contract() -> None:
    assert [code for code, _ in list_programme_names()] == ["us", "ca", "au", "nz", "uk"]


def test_questions_are_those_rules_consult_for_the_category_and_age() -> None:
    adult = {q.word for q in list_questions("ca", "PR", ON, date(1990, 1, 1))}
    child = {q.word for q in list_questions("ca", "PR", ON, date(2020, 1, 1))}
    assert "hiv_mother" in child - adult and "designated_6m" not in adult
    assert "designated_6m" in {q.word for q in list_questions("ca", "TR", ON)}
    assert list_questions("ca", "NOPE", ON) == [] and list_questions("ca", "PR", date(1999, 1, 1)) == []


def test_question_carries_the_authority_rule_and_the_rules_that_consult_it() -> None:
    question = next(q for q in list_questions("uk", "ENTRY_CLEARANCE", ON) if q.word == "tb_contact")
    assert question.circumstance.window == "past year" and question.circumstance.source
    assert "uk-child-workup" in question.rules


def test_stay_is_asked_only_where_a_rule_consults_it() -> None:
    assert is_asked("ca", "TR", ON, "stay_months") and not is_asked("ca", "PR", ON, "stay_months")
    assert is_asked("au", "PERM", ON, "au_schedule") and not is_asked("nz", "TEMP", ON, "au_schedule")
    assert is_asked("us", "IV", ON, "tb_incidence", date(2020, 1, 1))
    assert not is_asked("us", "IV", date(2023, 1, 1), "tb_incidence", date(1990, 1, 1))


def test_rule_is_read_as_it_stood_on_the_day() -> None:
    assert "15 years" in get_rule("us", "us-syphilis-age", date(2020, 1, 1)).says
    newest = get_rule("us", "us-syphilis-age")
    assert "44" in newest.says and newest.source and newest.editions[-1] == "us-2025-03"
    with pytest.raises(NotFound):
        get_rule("us", "us-nothing")
    with pytest.raises(NotFound):
        get_programme("fr")


def test_labels_and_findings_are_plain_words() -> None:
    assert get_exam_label("chest-xray") == "Chest X-ray" and get_exam_label("new-exam") == "new-exam"
    assert [c.code for c in list_categories("nz")] == ["RES_GENERAL", "RES_PARTNER_CHILD", "TEMP"]
    assert "FIBROUS_STREAK" in {code for code, _, _ in list_film_findings("uk")} - {
        code for code, _, _ in list_film_findings("us")}
    assert describe_edition(get_programme("us").editions[-1]).startswith("us-2025-03: examinations from 2025-03-11")
