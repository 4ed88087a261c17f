"""Where a form disagrees: with what the case holds, or with what somebody else wrote on the same form meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _

from clinic.caution import Caution
from clinic.models import Answer, Case
from clinic.questionnaire import Questionnaire, Subject, list_circumstance_answers
from clinic.questionnaire.item import Item
from clinic.questionnaire.summary import say_answer

PREFIX = "circumstance."
HARM = ("nervous.self-harm", "nervous.harm", "history.harm")  # what the history asks of harm to oneself or others
DISORDER = "disorder-1"  # the first disorder that the physician records, or none


def list_denials(case: Case, form: Questionnaire, answers: Mapping[str, Any], subject: Subject,
                 before: Mapping[str, Any]) -> list[Caution]:
    """One caution for each circumstance that the case holds as “yes” and these answers would turn into “no”.

    A history told at reception and denied in the consulting room decides the class: a person says which is right.
    `before` are the answers an amendment replaces: what the form itself had established needs no second tick.
    """
    held = {row.word for row in case.circumstances if row.answer is Answer.YES}
    own = list_circumstance_answers(form, before, subject)
    denied = {word for word, answer in list_circumstance_answers(form, answers, subject).items()
              if answer is Answer.NO and word in held and own.get(word) is not Answer.YES}
    return [
        Caution(f"denied-{word}", _("The case says yes, this form says no: %(question)s. Confirm that no is right; it "
                                    "can change what is required and the class.", question=item.text), item.link_id)
        for item in form.walk() for word in list_words(item) if word in denied
    ]


def list_unexplained_harm(form: Questionnaire, answers: Mapping[str, Any], before: Mapping[str, Any]) -> list[Caution]:
    """A caution where the history tells of harm and the physician records no disorder; `before` as in `list_denials`.

    Harm related to a disorder decides between Class A and B, harm without any disorder gives no class
    (us.md 2.6, after 42 CFR 34): which of the two it was is the physician's to say.
    """
    def is_open(given: Mapping[str, Any]) -> bool:
        return given.get(DISORDER) is False and any(given.get(link_id) is True for link_id in HARM)

    if not is_open(answers) or is_open(before):
        return []
    told = "; ".join(item.text for link_id, item in form.list_questions().items()
                     if link_id in HARM and answers.get(link_id) is True)
    return [Caution("harm-without-disorder", _(
        "The history says yes: %(question)s. No disorder is recorded here: confirm that none lies behind it; with one "
        "it can change the class.", question=told), DISORDER)]


def list_words(item: Item) -> list[str]:
    """The circumstances that a question establishes."""
    return [code.removeprefix(PREFIX) for code in item.facts if code.startswith(PREFIX)]


def merge_answers(form: Questionnaire, stored: Mapping[str, Any], typed: Mapping[str, str],
                  mine: Collection[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What was typed, completed by what somebody else stored meanwhile; and a sentence where the two differ.

    Nothing typed is lost: where both answered, what was typed stays and the other answer is named.
    """
    merged: dict[str, Any] = dict(stored)
    differing: dict[str, list[str]] = {}
    questions = form.list_questions()
    for link_id, text in typed.items():
        if link_id not in questions or link_id not in mine or not text.strip():
            continue
        if link_id in stored and _to_text(stored[link_id]) != text.strip():
            differing[link_id] = [_("Somebody else answered “%(answer)s” here meanwhile; yours is shown.",
                                    answer=say_answer(questions[link_id], stored[link_id]))]
        merged[link_id] = text
    return merged, differing


def _to_text(answer: Any) -> str:
    return {True: "true", False: "false"}[answer] if isinstance(answer, bool) else str(answer)
