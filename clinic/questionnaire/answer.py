"""Checks the answers to a form: kinds, limits, what is required, what is not asked at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from marshmallow import ValidationError

from clinic.caution import Caution
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.questionnaire.item import Condition, Item, ItemKind, Questionnaire
from clinic.questionnaire.subject import Subject
from clinic.questionnaire.unit import say_unit
from clinic.schemas.digits import read_digits

LONGEST_STRING = 300
LONGEST_TEXT = 4000
LINE_SIGNS = "\n\r\t"  # the only control characters that a text of several lines may hold
YES_NO = {"true": True, "yes": True, "false": False, "no": False}


@dataclass
class CheckedAnswers:
    """`answers` by linkId: booleans, and texts (codes, ISO dates, digits as written); faults; unusual values."""

    answers: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    cautions: list[Caution] = field(default_factory=list)


def check_answers(
    form: Questionnaire, raw: Mapping[str, Any], subject: Subject, complete: bool, only: Collection[str] | None = None
) -> CheckedAnswers:
    """Check `raw` (linkId to text or boolean) against `form`.

    `complete` also demands what is required. `only` names the questions to judge for errors (those this person may
    answer); the others are taken as they are. Answers to questions that are not asked are dropped (R4, enableWhen).
    """
    checked = CheckedAnswers()
    known = form.list_questions()
    for link_id in raw.keys() - known.keys():
        checked.errors[link_id] = [_("This question is not on the form.")]
    parsed: dict[str, Any] = {}
    for link_id, item in known.items():
        if link_id not in raw or raw[link_id] in (None, ""):
            continue
        try:
            answer = parse_answer(item, raw[link_id])
            if answer != "":  # blanks alone are no answer
                parsed[link_id] = answer
        except ValidationError as error:
            checked.errors[link_id] = list(error.messages)
    parsed = _leave_out_unasked(form, parsed, subject)
    for item in form.items:
        _collect(item, parsed, subject, complete, checked)
    if only is not None:
        checked.errors = {name: found for name, found in checked.errors.items() if name in only}
        checked.cautions = [caution for caution in checked.cautions if caution.field in only]
    return checked


def _leave_out_unasked(form: Questionnaire, parsed: dict[str, Any], subject: Subject) -> dict[str, Any]:
    """The answers to what is asked: one that is left out asks for nothing, so what hangs on it goes too."""
    while True:
        asked = {link_id for item in form.items for link_id in _list_asked(item, parsed, subject)}
        kept = {link_id: answer for link_id, answer in parsed.items() if link_id in asked}
        if len(kept) == len(parsed):
            return kept
        parsed = kept


def _list_asked(item: Item, parsed: Mapping[str, Any], subject: Subject) -> Iterator[str]:
    if subject.is_asked(item) and is_enabled(item, parsed):
        yield item.link_id
        for inner in item.items:
            yield from _list_asked(inner, parsed, subject)


def _collect(item: Item, parsed: Mapping[str, Any], subject: Subject, complete: bool, checked: CheckedAnswers,
             outer: Item | None = None) -> None:
    if not subject.is_asked(item) or not is_enabled(item, parsed):
        for inner in item.walk():
            checked.errors.pop(inner.link_id, None)
        return
    if item.is_question:
        if item.link_id in parsed:
            checked.answers[item.link_id] = parsed[item.link_id]
            checked.cautions += list_soft_cautions(item, parsed[item.link_id])
        elif complete and item.required and item.link_id not in checked.errors:
            checked.errors[item.link_id] = [_ask_for(item, outer)]
    for inner in item.items:
        _collect(inner, parsed, subject, complete, checked, item)


def parse_answer(item: Item, raw: Any) -> Any:
    """The stored form of one answer. Raises marshmallow's ValidationError with one sentence."""
    if item.kind is ItemKind.BOOLEAN:
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() not in YES_NO:
            raise ValidationError(_("Answer yes or no."))
        return YES_NO[str(raw).lower()]
    text = unicodedata.normalize("NFC", str(raw)).strip()
    if item.kind is ItemKind.CHOICE:
        if text not in dict(item.options):
            raise ValidationError(_("Choose one of the answers."))
        return text
    if item.kind in (ItemKind.INTEGER, ItemKind.DECIMAL):
        decimals = 0 if item.kind is ItemKind.INTEGER else item.decimals if item.decimals is not None else 6
        return read_digits(text, item.minimum, item.maximum, decimals)
    if item.kind is ItemKind.DATE:
        return _parse_date(text)
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") and sign not in LINE_SIGNS for sign in text):
        raise ValidationError(_("There is a character here that is no letter; type it again."))
    longest = item.longest or (LONGEST_STRING if item.kind is ItemKind.STRING else LONGEST_TEXT)
    if len(text) > longest:
        raise ValidationError(_("At most %(n)s characters.", n=longest))
    return text


def is_enabled(item: Item, answers: Mapping[str, Any]) -> bool:
    """Whether the item is asked, given the answers so far (R4, Questionnaire.item.enableWhen)."""
    if not item.conditions:
        return True
    met = [_is_met(condition, answers.get(condition.question)) for condition in item.conditions]
    return all(met) if item.needs_all else any(met)


def list_soft_cautions(item: Item, answer: Any) -> list[Caution]:
    """One caution when a number lies outside its soft limits."""
    if item.kind not in (ItemKind.INTEGER, ItemKind.DECIMAL):
        return []
    number, unit = Decimal(answer), say_unit(item.unit)
    low, high = item.soft_minimum, item.soft_maximum
    if (low is not None and number < Decimal(low)) or (high is not None and number > Decimal(high)):
        return [Caution(f"{item.link_id}={answer}",
                        _("%(what)s %(value)s %(unit)s is unusual.", what=item.text, value=answer, unit=unit),
                        item.link_id)]
    return []


def _parse_date(text: str) -> str:
    try:
        partial = parse_partial_date(text)
    except DateUnreadable as error:
        raise ValidationError(_(error.sentence.text, **error.sentence.values)) from None
    if not partial.is_full:
        raise ValidationError(_("Give day, month and year."))
    return partial.earliest.isoformat()


def _ask_for(item: Item, outer: Item | None) -> str:
    """The sentence names the question; for one beneath another both, because several read alike (“What was found”)."""
    question = item.text if outer is None or not outer.is_question else _(
        "%(outer)s – %(inner)s", outer=outer.text, inner=item.text)
    if item.kind is ItemKind.BOOLEAN:
        return _("%(question)s: answer yes or no.", question=question)
    if item.kind is ItemKind.CHOICE:
        return _("%(question)s: choose one.", question=question)
    return _("%(question)s: this is needed.", question=question)


def _is_met(condition: Condition, answer: Any) -> bool:
    if condition.operator == "exists":
        return (answer is not None) is (condition.answer is True)
    if answer is None:
        return False
    if condition.operator in ("=", "!="):
        return (answer == condition.answer) is (condition.operator == "=")
    left, right = Decimal(answer), Decimal(str(condition.answer))
    return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[condition.operator]
