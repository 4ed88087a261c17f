"""Forms as FHIR Questionnaires: what a file may say, what an answer may be, which facts follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel

from clinic.errors import Misconfigured
from clinic.models import Answer, Sex
from clinic.questionnaire import (
    Item,
    Questionnaire,
    Subject,
    build_form_facts,
    check_answers,
    check_forms,
    get_questionnaire,
    list_circumstance_answers,
    list_computed,
    list_questionnaires,
    read_questionnaire,
)
from clinic.questionnaire.item import CANONICAL, ItemKind
from clinic.questionnaire.loader import COMPUTED
from clinic.questionnaire.summary import summarise
from clinic.rules.programme import list_programmes
from clinic.rules.result import parse_results

WOMAN = Subject(Sex.FEMALE, 400)
MAN = Subject(Sex.MALE, 400)
CHILD = Subject(Sex.FEMALE, 20)


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    app = Flask(__name__)
    Babel(app)
    with app.app_context():
        yield


def _form(*items: dict[str, Any], **more: Any) -> str:
    body = {"resourceType": "Questionnaire", "url": f"{CANONICAL}Questionnaire/f", "version": "1", "title": "F",
            "status": "active", "item": list(items)} | more
    return json.dumps(body)


def _item(link_id: str = "a", kind: str = "boolean", **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "text": "A", "type": kind} | more


def _extension(url: str, **value: Any) -> dict[str, Any]:
    return {"url": url, **value}


def _read(*items: dict[str, Any]) -> Questionnaire:
    return read_questionnaire(_form(*items), "f")


@pytest.mark.parametrize(("text", "fault"), [
    ("{", "not JSON"),
    (_form(_item(kind="slider")), "unknown type"),
    (_form(_item(), _item()), "used twice"),
    (_form(_item(text="")), "text is missing"),
    (_form(_item("A B")), "linkId"),
    (_form(_item(kind="choice")), "answerOption"),
    (_form(_item(enableWhen=[{"question": "z", "operator": "=", "answerBoolean": True}])), "unknown z"),
    (_form(_item(enableWhen=[{"question": "a", "operator": "~", "answerBoolean": True}])), "unknown operator"),
    (_form(_item(extension=[_extension("http://example.org/x", valueCode="y")])), "unknown extension"),
    (_form(_item(extension=[_extension(CANONICAL + "StructureDefinition/applies-to", valueCode="men")])), "subject"),
    (_form(_item(code=[{"system": CANONICAL + "CodeSystem/fact", "code": "weight"}])), "unreadable fact"),
    (_form(_item(extension=[_extension(COMPUTED, valueString="age a")])), "unknown calculation"),
    (_form(_item(extension=[_extension(COMPUTED, valueString="bmi x")])), "unknown x"),
    (_form(_item(), version=""), "version is missing"),
    (_form(_item(), url="http://example.org/f"), "url must be"),
])
def test_wrong_file_is_refused_with_its_fault(text: str, fault: str) -> None:
    with pytest.raises(Misconfigured, match=fault):
        read_questionnaire(text, "f")


def test_all_forms_are_sound() -> None:
    assert check_forms() == []
    assert {"us-medical-exam", "uk-tb-interview", "medical-exam"} <= set(list_questionnaires())


NUMBER = _item("a", "decimal", extension=[
    _extension("http://hl7.org/fhir/StructureDefinition/minValue", valueDecimal=20),
    _extension("http://hl7.org/fhir/StructureDefinition/maxValue", valueDecimal=250),
    _extension("http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces", valueInteger=1),
    _extension(CANONICAL + "StructureDefinition/soft-maximum", valueDecimal=205),
])


@pytest.mark.parametrize(("raw", "kept"), [("170", "170"), ("170,50", None), ("170,5", "170.5"), ("170.0", "170.0")])
def test_digits_stay_as_written(raw: str, kept: str | None) -> None:
    checked = check_answers(_read(NUMBER), {"a": raw}, WOMAN, complete=True)
    assert checked.answers.get("a") == kept
    assert bool(checked.errors) is (kept is None)


@pytest.mark.parametrize("raw", ["19.9", "250.1", "-170", "1e2", "tall", "170 cm"])
def test_number_outside_its_hard_limits_is_refused(raw: str) -> None:
    assert "a" in check_answers(_read(NUMBER), {"a": raw}, WOMAN, complete=False).errors


def test_number_outside_its_soft_limits_is_a_caution_of_that_value() -> None:
    assert check_answers(_read(NUMBER), {"a": "205"}, WOMAN, complete=True).cautions == []
    checked = check_answers(_read(NUMBER), {"a": "205.1"}, WOMAN, complete=True)
    assert (checked.errors, [caution.code for caution in checked.cautions]) == ({}, ["a=205.1"])


@pytest.mark.parametrize(("kind", "raw", "stored"), [
    ("boolean", "yes", True), ("boolean", "false", False), ("boolean", True, True), ("integer", "12", "12"),
    ("date", "04-Mar-2026", "2026-03-04"), ("string", " O'Neill ", "O'Neill"), ("text", "a\nb", "a\nb"),
])
def test_answer_is_stored_in_its_kind(kind: str, raw: Any, stored: Any) -> None:
    assert check_answers(_read(_item("a", kind)), {"a": raw}, WOMAN, complete=True).answers == {"a": stored}


@pytest.mark.parametrize(("kind", "raw"), [
    ("boolean", "perhaps"), ("integer", "1.5"), ("date", "2026-02-30"), ("date", "2026-02"), ("string", "x" * 301),
])
def test_answer_of_another_kind_is_refused(kind: str, raw: str) -> None:
    assert "a" in check_answers(_read(_item("a", kind)), {"a": raw}, WOMAN, complete=True).errors


def test_question_that_is_not_on_the_form_is_refused() -> None:
    assert "b" in check_answers(_read(_item()), {"b": "yes"}, WOMAN, complete=False).errors


def test_required_answer_is_missed_only_at_completion() -> None:
    form = _read(_item(required=True))
    assert check_answers(form, {}, WOMAN, complete=False).errors == {}
    assert "a" in check_answers(form, {}, WOMAN, complete=True).errors


ASKS_MORE = (
    _item("a", required=True),
    _item("b", "string", required=True, enableWhen=[{"question": "a", "operator": "=", "answerBoolean": True}]),
)


def test_yes_needs_its_remark_and_no_drops_it() -> None:
    form = _read(*ASKS_MORE)
    assert "b" in check_answers(form, {"a": "yes"}, WOMAN, complete=True).errors
    assert check_answers(form, {"a": "no", "b": "asthma"}, WOMAN, complete=True).answers == {"a": False}
    assert check_answers(form, {"a": "yes", "b": "asthma"}, WOMAN, complete=True).errors == {}


def test_missing_remarks_name_the_question_they_belong_to() -> None:
    form = get_questionnaire("us-medical-exam")
    given = {"exam.skin": "abnormal", "exam.heart": "abnormal"}
    errors = check_answers(form, given, WOMAN, complete=True).errors
    sentences = [errors["exam.skin.detail"][0], errors["exam.heart.detail"][0]]
    assert sentences[0].startswith("Skin – ") and sentences[1].startswith("Heart – ")


@pytest.mark.parametrize(("answers", "item", "words"), [
    ({"vital.height": "170", "vital.weight": "62,5"}, "vital.bmi", "21.6"),
    ({"vital.height": "170"}, "vital.bmi", ""), ({"vital.height": "0", "vital.weight": "60"}, "vital.bmi", ""),
    ({"disorder-1.criteria": "1"}, "disorder-1.severity", "Fewer than two criteria: no use disorder by DSM-5"),
    ({"disorder-1.criteria": "3"}, "disorder-1.severity", "Mild"),
    ({"disorder-1.criteria": "4"}, "disorder-1.severity", "Moderate"),
    ({"disorder-1.criteria": "6"}, "disorder-1.severity", "Severe"),
    ({"disorder-1.last": "2025-03-11"}, "disorder-1.free", "11"),
    ({"disorder-1.last": "10-Mar-2025"}, "disorder-1.free", "12"),
    ({"disorder-1.last": "2025-03-10"}, "disorder-1.review", "10-Mar-2026"),
    ({"disorder-1.last": "soon"}, "disorder-1.review", ""),
    ({"reproductive.pregnant.lmp": "2026-01-01"}, "reproductive.pregnant.due", "08-Oct-2026"),
    ({"reproductive.pregnant.lmp": "2026-01-01", "visit.exam-date": "2026-03-05"}, "reproductive.pregnant.by-lmp", "9"),
])
def test_computed_words_follow_the_answers(answers: dict[str, str], item: str, words: str) -> None:
    assert list_computed(get_questionnaire("us-medical-exam"), answers, date(2026, 3, 10))[item] == words


def test_question_of_one_programme_is_asked_there_alone() -> None:
    form = get_questionnaire("medical-exam")
    item = form.list_questions()["history.contact-5y"]
    assert Subject(Sex.FEMALE, 400, "ca").is_asked(item)
    assert not Subject(Sex.FEMALE, 400, "nz").is_asked(item)


def test_what_is_asked_only_after_a_yes_is_no_after_a_no() -> None:
    form = get_questionnaire("uk-tb-interview")
    found = list_circumstance_answers(form, {"tuberculosis.pregnant": False}, WOMAN)
    assert found["pregnant_declines_cxr"] is Answer.NO
    assert "pregnant_declines_cxr" not in list_circumstance_answers(form, {}, WOMAN)


def test_unreadable_answer_to_a_question_not_asked_is_no_error() -> None:
    form = _read(_item("a"), _item("b", "integer", enableWhen=[
        {"question": "a", "operator": "=", "answerBoolean": True}]))
    assert check_answers(form, {"a": "no", "b": "many"}, WOMAN, complete=True).errors == {}


def test_question_of_women_is_not_asked_of_men() -> None:
    form = get_questionnaire("us-medical-exam")
    given = {"reproductive.pregnant": "yes", "reproductive.pregnant.weeks": "12"}
    assert check_answers(form, given, WOMAN, complete=False).answers == {
        "reproductive.pregnant": True, "reproductive.pregnant.weeks": "12"}
    assert check_answers(form, given, MAN, complete=False).answers == {}
    assert list_circumstance_answers(form, {}, MAN)["pregnant"] is Answer.NO
    assert "pregnant" not in list_circumstance_answers(form, {}, WOMAN)


def test_head_is_measured_under_24_months_only() -> None:
    form = get_questionnaire("us-medical-exam")
    assert check_answers(form, {"vital.head": "45"}, CHILD, complete=False).answers == {"vital.head": "45"}
    assert check_answers(form, {"vital.head": "45"}, WOMAN, complete=False).answers == {}


def _answer_of(item: Item) -> Any:
    """Some answer that opens everything beneath the question."""
    return {ItemKind.BOOLEAN: True, ItemKind.INTEGER: item.minimum or "1", ItemKind.DECIMAL: item.minimum or "1",
            ItemKind.DATE: "2026-03-04"}.get(item.kind, item.options[-1][0] if item.options else "seen")


@pytest.mark.parametrize(("name", "programme"), [
    ("us-medical-exam", "us"), ("uk-tb-interview", "uk"), ("medical-exam", "ca"), ("medical-exam", "nz")])
@pytest.mark.parametrize("kind", [None, 0, 1, 2])
def test_facts_of_every_form_are_facts_the_rules_accept(name: str, programme: str, kind: int | None) -> None:
    form = get_questionnaire(name)
    answers = {link_id: item.options[min(kind, len(item.options) - 1)][0] if kind is not None and item.options
               else _answer_of(item) for link_id, item in form.list_questions().items()}
    assert parse_results(build_form_facts(form, answers), programme, date(1990, 1, 1)) is not None


def test_circumstances_of_every_form_are_words_of_its_programme() -> None:
    for name, programmes in (("us-medical-exam", ["us"]), ("uk-tb-interview", ["uk"]),
                             ("medical-exam", ["ca", "au", "nz"])):
        form = get_questionnaire(name)
        answers = {link_id: True for link_id, item in form.list_questions().items() if item.kind is ItemKind.BOOLEAN}
        known = {word for programme in programmes for word in list_programmes()[programme].circumstances}
        assert set(list_circumstance_answers(form, answers, WOMAN)) <= known


def test_physicians_findings_become_the_facts_of_the_contract() -> None:
    form = get_questionnaire("us-medical-exam")
    answers = {
        "finding.syphilis": True, "finding.syphilis.stage": "infectious", "finding.syphilis.treated": False,
        "disorder-1": True, "disorder-1.kind": "alcohol", "disorder-1.behaviour": "past",
        "disorder-1.last": "2026-01-02", "disorder-1.recur": False, "disorder-2": False,
        "finding.others": "Gout\n\nAsthma", "finding.tuberculosis": False,
    }
    assert build_form_facts(form, answers) == {
        "syphilis": {"stage": "infectious", "treated": False},
        "disorders": [{"kind": "alcohol", "scheduled_substance": False, "harmful_behaviour": "past",
                       "last_event": "2026-01-02", "likely_to_recur": False}],
        "other_conditions": ["Gout", "Asthma"],
    }


def test_diagnosis_denied_is_no_fact() -> None:
    form = get_questionnaire("us-medical-exam")
    answers = {"finding.tuberculosis": True, "finding.tuberculosis.clinical": False,
               "finding.tuberculosis.status": "none", "finding.tuberculosis.refused": False,
               "finding.tuberculosis.waiver": False}
    facts = build_form_facts(form, answers)
    assert set(facts) == {"tb_treatment"}
    assert facts["tb_treatment"]["status"] == "none"


def test_summary_tells_what_was_found_and_gathers_the_rest() -> None:
    form = get_questionnaire("us-medical-exam")
    answers = {"general.hypertension": True, "general.hypertension.detail": "since 2019", "general.heart": False,
               "exam.skin": "normal", "exam.lungs": "abnormal", "exam.lungs.detail": "wheeze", "vital.weight": "70.5"}
    sections = {section.link_id: section for section in summarise(form, answers)}
    assert [(line.value, line.notable) for line in sections["general"].lines] == [("Yes: since 2019", True)]
    assert sections["general"].denied == ["Heart failure, coronary disease or arrhythmia"]
    assert (sections["exam"].normal, sections["exam"].lines[0].value) == (["Skin"], "Abnormal: wheeze")
    assert (sections["vital"].lines[0].value, sections["vital"].lines[0].unit) == ("70.5", "kg")
    assert sections["plan"].is_empty


def test_what_hangs_on_an_answer_left_out_is_left_out_too() -> None:
    after = [{"question": "a", "operator": "=", "answerBoolean": True}]
    later = [{"question": "b", "operator": "=", "answerBoolean": True}]
    form = read_questionnaire(_form(_item("a"), _item("b", enableWhen=after), _item("c", enableWhen=later)), "f")
    raw = {"a": False, "b": True, "c": True}  # b and c were answered before a became no
    assert check_answers(form, raw, WOMAN, complete=True).answers == {"a": False}


def test_blanks_alone_are_no_answer() -> None:
    form = read_questionnaire(_form(_item("a", "text", required=True)), "f")
    checked = check_answers(form, {"a": " \u00a0\n"}, WOMAN, complete=True)
    assert checked.answers == {}
    assert list(checked.errors) == ["a"]


@pytest.mark.parametrize("sign", ["\0", "\x1b", "\ud800", "\uffff"])
def test_text_with_a_character_that_is_no_letter_is_refused(sign: str) -> None:
    form = read_questionnaire(_form(_item("a", "text")), "f")
    assert "a" in check_answers(form, {"a": f"seen{sign}twice"}, WOMAN, complete=False).errors
    assert check_answers(form, {"a": "seen\r\n\ttwice"}, WOMAN, complete=False).errors == {}
