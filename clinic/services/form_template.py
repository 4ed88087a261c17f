"""“All others: normal”: what one button would answer, and the record of who confirmed it.

The button proposes; nothing is recorded until a person confirms the list. What is answered already, what is not theirs
to answer, and a “no” to what the case holds as “yes” are never among it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from clinic import clock
from clinic.audit import record_change
from clinic.models import Answer, Case, FormResponse, User
from clinic.questionnaire import Item, Questionnaire, Subject, is_enabled
from clinic.questionnaire.item import ItemKind
from clinic.services.form_contradiction import list_words

TEMPLATE = "_template"  # key among the answers: {group: {"by": user id, "at": time, "items": [linkId, …]}}
FEWEST = 3  # a button for fewer questions saves nothing
NORMAL, NO = "normal", "false"


def find_template(group: Item) -> str | None:
    """The answer that the group's button proposes: `normal` or `false`; None where such a button makes no sense."""
    asked = [item for item in group.items if item.required]
    if sum(NORMAL in dict(item.options) for item in asked) >= FEWEST:
        return NORMAL
    return NO if sum(item.kind is ItemKind.BOOLEAN for item in asked) >= FEWEST else None


def list_rest(case: Case, form: Questionnaire, group_id: str, answers: Mapping[str, Any], subject: Subject,
              mine: Collection[str]) -> dict[str, str]:
    """LinkId to the answer that the group's button proposes; `answers` are those on the page."""
    held = {row.word for row in case.circumstances if row.answer is Answer.YES}
    group = next((item for item in form.items if item.link_id == group_id), None)
    if group is None or find_template(group) is None:
        return {}
    rest: dict[str, str] = {}
    for item in group.items:
        if answers.get(item.link_id) not in (None, "") or item.link_id not in mine or not subject.is_asked(item):
            continue
        if not is_enabled(item, {**answers, **rest}) or held & set(list_words(item)):
            continue
        if item.kind is ItemKind.BOOLEAN:
            rest[item.link_id] = NO
        elif NORMAL in dict(item.options):
            rest[item.link_id] = NORMAL
    return rest


def mark_rest(row: FormResponse, group_id: str, used: Collection[str], actor: User) -> None:
    """Note on the answers, and in the audit, that `used` (linkIds) were answered by the group's button, and by whom."""
    marks = row.answers.get(TEMPLATE) or {}
    before = marks.get(group_id, {}).get("items", [])
    mark = {"by": actor.id, "at": clock.now().isoformat(), "items": sorted({*before, *used})}
    row.answers = {**row.answers, TEMPLATE: {**marks, group_id: mark}}
    record_change("use-template", "form-response", row.id, case_id=row.case_id, site_id=row.case.site_id,
                  actor_id=actor.id, detail={"form": row.form, "group": group_id, "items": sorted(used)})


def keep_marks(before: Mapping[str, Any] | None, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The marks that still hold for `answers`: an item that a person has answered otherwise leaves its mark."""
    marks: dict[str, Any] = {}
    for group, mark in ((before or {}).get(TEMPLATE) or {}).items():
        items = [link_id for link_id in mark["items"] if answers.get(link_id) in (NORMAL, False)]
        if items:
            marks[group] = {**mark, "items": items}
    return marks
