"""Answers to every form that is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from clinic.models import Sex
from clinic.questionnaire import (
    Subject,
    build_form_facts,
    check_answers,
    get_questionnaire,
    list_circumstance_answers,
    list_computed,
    list_questionnaires,
)
from clinic.questionnaire.item import Item, ItemKind
from clinic.questionnaire.summary import summarise
from tests.fuzz.harness import Door, Finding
from tests.fuzz.hostile import PLAIN, draw_text, mutate_text
from tests.fuzz.world import World

TODAY = date(2026, 11, 20)


class AnswerDoor(Door):
    """A form mostly filled in well; what is taken is taken again unchanged, and everything can be made of it."""

    name, count = "answers", 240
    least = frozenset({"refused", "complete"})

    @contextmanager
    def opened(self) -> Iterator[None]:
        app = World(self.folder).app
        with app.test_request_context("/"):
            yield

    def draw(self, chance: Random, number: int) -> Any:
        forms = list_questionnaires()
        name = list(forms)[number % len(forms)]
        answers: dict[str, Any] = {}
        for link_id, item in forms[name].list_questions().items():
            if item.required or chance.random() < 0.6:
                answers[link_id] = _answer(chance, item)
        for _ in range(chance.choice((0, 0, 1, 2, 5))):
            link_id = chance.choice([*answers, draw_text(chance)])
            answers[link_id] = chance.choice(
                (draw_text(chance), mutate_text(chance, str(answers.get(link_id, ""))), chance.choice(PLAIN))
            )
        return {"form": [name], "months": [chance.choice((0, 23, 180, 400, 1300))], "answers": answers}

    def ask(self, given: Any) -> str:
        if not given.get("form") or not given.get("months"):
            return "nothing"
        form = get_questionnaire(given["form"][0])
        subject = Subject(Sex.FEMALE, given["months"][0], form.name.split("-")[0])
        checked = check_answers(form, given.get("answers", {}), subject, complete=True)
        again = check_answers(form, checked.answers, subject, complete=False)
        if again.answers != checked.answers or again.errors:
            lost = {name: answer for name, answer in checked.answers.items() if again.answers.get(name) != answer}
            raise Finding(f"{form.name}: what was taken is not taken again: {lost} {again.errors}")
        known = form.list_questions()
        for link_id, answer in checked.answers.items():
            if link_id not in known or (known[link_id].kind is ItemKind.BOOLEAN) != isinstance(answer, bool):
                raise Finding(f"{form.name} {link_id}: {answer!r} was taken")
            if known[link_id].kind in (ItemKind.INTEGER, ItemKind.DECIMAL) and not Decimal(answer).is_finite():
                raise Finding(f"{form.name} {link_id}: {answer!r} is no number")
            if "\0" in str(answer) or any("\ud800" <= sign <= "\udfff" for sign in str(answer)):
                raise Finding(f"{form.name} {link_id}: a text that no database stores was taken")
        build_form_facts(form, checked.answers)
        list_circumstance_answers(form, checked.answers, subject)
        summarise(form, checked.answers, list_computed(form, checked.answers, TODAY))
        list_computed(form, {name: str(value) for name, value in given.get("answers", {}).items()}, TODAY)
        return "refused" if checked.errors else "complete" if checked.answers else "taken"


def _answer(chance: Random, item: Item) -> Any:
    if item.kind is ItemKind.BOOLEAN:
        return chance.choice((True, False, "yes", "no"))
    if item.kind is ItemKind.CHOICE:
        return chance.choice(item.options)[0]
    if item.kind is ItemKind.DATE:
        return chance.choice(("2026-11-01", "20-Nov-2026", "2027-05-01"))
    if item.kind in (ItemKind.INTEGER, ItemKind.DECIMAL):
        return str(item.soft_minimum or item.minimum or 7)
    return "seen"
