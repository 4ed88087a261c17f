"""What the answers of a form establish: facts of the decision, circumstances, the day of the exam.

An item says so by a code of the system `fact`: `results.<path>` (figures number the entries of a list),
`circumstance.<word>`, `case.exam_date`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clinic.models import Answer
from clinic.questionnaire.answer import is_enabled
from clinic.questionnaire.item import Item, ItemKind, Questionnaire
from clinic.questionnaire.subject import Subject

# What the decision needs beside the answer that was given (decide-contract.md, "results").
DEFAULTS: dict[str, dict[str, Any]] = {
    "tb_treatment": {"dot_under_panel_physician": False, "dot_refused": False, "ended": None,
                     "end_cultures_negative_reported": None},
    "disorders": {"scheduled_substance": False, "harmful_behaviour": "none", "last_event": None,
                  "likely_to_recur": False},
}
# A group counts only once this part of it is answered, and not with "no".
ESSENTIAL = {"tb_treatment": "status", "disorders": "kind", "hansens": "form", "tb_diagnosis": "clinical",
             "tb_waiver": "granted"}


def build_form_facts(form: Questionnaire, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `results` that the answers establish, shaped as the decision contract says."""
    results: dict[str, Any] = {}
    for link_id, item in form.list_questions().items():
        for code in item.facts:
            if code.startswith("results.") and link_id in answers:
                _put(results, code.split(".")[1:], _to_fact(item, answers[link_id]))
    return {name: value for name, value in ((n, _complete(n, v)) for n, v in results.items()) if value is not None}


def list_circumstance_answers(
    form: Questionnaire, answers: Mapping[str, Any], subject: Subject
) -> dict[str, Answer]:
    """Word of a circumstance to what the form established.

    A question for women is "no" for a man, and what is asked only after a "yes" is "no" once that was a "no".
    """
    found: dict[str, Answer] = {}
    for item in form.walk():
        for code in item.facts:
            kind, _dot, word = code.partition(".")
            if kind != "circumstance":
                continue
            if item.link_id in answers:
                found[word] = Answer.YES if answers[item.link_id] is True else Answer.NO
            elif (item.applies_to == "female" and not subject.is_asked(item)) or _is_ruled_out(item, answers):
                found[word] = Answer.NO
    return found


def find_case_value(form: Questionnaire, answers: Mapping[str, Any], name: str) -> Any:
    """The answer that belongs to a column of the case, `case.<name>`; None when the form has none."""
    for link_id, item in form.list_questions().items():
        if f"case.{name}" in item.facts and link_id in answers:
            return answers[link_id]
    return None


def _is_ruled_out(item: Item, answers: Mapping[str, Any]) -> bool:
    return bool(item.conditions) and all(answers.get(condition.question) is False for condition in item.conditions
                                         ) and not is_enabled(item, answers)


def _to_fact(item: Item, answer: Any) -> Any:
    if item.kind is ItemKind.INTEGER:
        return int(answer)
    if item.kind is ItemKind.TEXT:
        return [line.strip() for line in str(answer).splitlines() if line.strip()]
    return answer


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        into = into.setdefault(name, {})
    into[path[-1]] = value


def _complete(name: str, value: Any) -> Any:
    """Fill up what was not asked, make a list of numbered entries; None when the essential part is missing."""
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        entries = [_complete(name, {**value[key]}) for key in sorted(value, key=int)]
        return [entry for entry in entries if entry is not None] or None
    essential = ESSENTIAL.get(name)
    if essential is not None and not value.get(essential):
        return None
    return {**DEFAULTS[name], **value} if name in DEFAULTS else value
