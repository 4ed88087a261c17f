"""A filled form in short: what was found first, all that is normal in one line; for reading and for signing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from clinic.questionnaire.answer import is_enabled
from clinic.questionnaire.item import Item, ItemKind, Questionnaire


@dataclass(frozen=True)
class Line:
    """One answer worth a line; `unit` behind numbers, `kind` tells how to write the value."""

    link_id: str
    label: str
    value: str
    unit: str | None = None
    kind: ItemKind = ItemKind.STRING
    notable: bool = False


@dataclass
class Section:
    """One group of the form: its lines, the questions answered "no", and the systems found normal."""

    link_id: str
    title: str
    lines: list[Line] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    normal: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the group is answered."""
        return not (self.lines or self.denied or self.normal)


def summarise(form: Questionnaire, answers: Mapping[str, Any], computed: Mapping[str, str] | None = None,
              ) -> list[Section]:
    """The groups of the form in order, in short; `computed` (linkId to words) is shown among them."""
    sections = []
    for group in form.items:
        section = Section(group.link_id, group.text)
        for item in group.items or (group,):
            _add(section, item, answers, computed or {})
        sections.append(section)
    return sections


def _add(section: Section, item: Item, answers: Mapping[str, Any], computed: Mapping[str, str]) -> None:
    if computed.get(item.link_id) and is_enabled(item, answers):
        section.lines.append(Line(item.link_id, item.text, computed[item.link_id], item.unit))
    answer = answers.get(item.link_id)
    detail = answers.get(f"{item.link_id}.detail")
    if answer is False:
        section.denied.append(item.text)
    elif answer == "normal" and item.kind is ItemKind.CHOICE:
        section.normal.append(item.text)
    elif answer is not None:
        value = say_answer(item, answer)
        section.lines.append(Line(
            item.link_id, item.text, f"{value}: {detail}" if detail else value, item.unit, item.kind,
            notable=answer is True or answer == "abnormal"))
    for inner in item.items:
        if inner.link_id != f"{item.link_id}.detail":
            _add(section, inner, answers, computed)


def say_answer(item: Item, answer: Any) -> str:
    """An answer in words: yes or no, the option's text, or what was written."""
    if item.kind is ItemKind.BOOLEAN:
        return _("Yes") if answer else _("No")
    return dict(item.options).get(answer, str(answer))
