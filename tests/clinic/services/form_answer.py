"""Answers with which a form is complete, for tests: nothing found."""

from __future__ import annotations

from typing import Any

from clinic.questionnaire import Subject, get_questionnaire, is_enabled
from clinic.questionnaire.item import ItemKind

VITALS = {"vital.height": "165", "vital.weight": "62,5"}


def build_answers(name: str, subject: Subject, exam_date: str, **changed: Any) -> dict[str, Any]:
    """Every required question answered "no", "normal", or with the first choice; `changed` replaces some.

    In `changed` a double underscore stands for a dot and a single one for a dash.
    """
    given = {link_id.replace("__", ".").replace("_", "-"): value for link_id, value in changed.items()}
    answers: dict[str, Any] = {**VITALS, **given}
    for link_id, item in get_questionnaire(name).list_questions().items():
        if link_id in answers or not item.required or not subject.is_asked(item) or not is_enabled(item, answers):
            continue
        if item.kind is ItemKind.BOOLEAN:
            answers[link_id] = False
        elif item.kind is ItemKind.DATE:
            answers[link_id] = exam_date
        elif item.kind is ItemKind.CHOICE:
            answers[link_id] = item.options[0][0]
        else:
            answers[link_id] = "seen"
    known = get_questionnaire(name).list_questions()
    return {link_id: value for link_id, value in answers.items() if link_id in known}
