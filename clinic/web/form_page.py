"""The two pages of a form: filling it in, and reading what was answered with its earlier versions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_login import current_user

from clinic.caution import NeedsConfirmation
from clinic.errors import InvalidInput
from clinic.models import Case, FormResponse, FormVersion, KeptInput
from clinic.permissions import Permission, has_permission, permissions_of
from clinic.questionnaire import Item, Questionnaire, list_computed
from clinic.questionnaire.summary import summarise
from clinic.services import form as forms
from clinic.services.completion import is_review_open
from clinic.services.form_contradiction import merge_answers
from clinic.services.form_template import NORMAL, TEMPLATE, find_template, list_rest
from clinic.services.form_version import list_versions
from clinic.services.plausibility import get_today
from clinic.web.kept_page import sign_page
from clinic.web.station_page import Answer, list_names, show
from clinic.web.veil import veil_answers


def show_reading(case: Case, form: Questionnaire, row: FormResponse | None, old: FormVersion | None = None) -> Answer:
    """The answers in short: those that count, or those of a version that an amendment replaced."""
    versions = list_versions(row) if row else []
    answers = old.answers if old else row.answers if row else {}
    marks = answers.get(TEMPLATE) or {}
    people = [row.started_by_id, row.completed_by_id] if row else []
    people += [person for version in versions for person in (version.completed_by_id, version.replaced_by_id)]
    may_write = has_permission(Permission.RECORD_HISTORY) or has_permission(Permission.RECORD_EXAM)
    return show(
        "form/view.html", case, form=form, row=row, old=old, versions=versions, marks=marks,
        sections=summarise(form, veil_answers(answers), _list_computed(case, form, answers)),
        names=list_names([*people, *(mark["by"] for mark in marks.values())]),
        review_open=row is not None and row.status in forms.COMPLETE and is_review_open(case, form.name),
        may_amend=old is None and may_write and forms.may_complete(form, current_user))


def show_filling(case: Case, form: Questionnaire, row: FormResponse | None, answers: dict[str, Any],
                 problem: InvalidInput | None = None, kept: KeptInput | None = None,
                 group: str | None = None) -> Answer:
    """The form to fill in with `answers`, or with what its reader had typed when their session ended (`kept`).

    `group` is the one whose open questions a button offered to answer: its list is shown for confirmation.
    """
    mine, subject = forms.list_answerable(form, current_user), forms.get_subject(case)
    differing: dict[str, list[str]] = {}
    if kept is not None:
        answers, differing = _merge_kept(form, row, kept, mine)
    rest = list_rest(case, form, group, answers, subject, mine) if group else {}
    ticked = request.form.getlist("confirmed") if isinstance(problem, NeedsConfirmation) else []
    page = show(
        "form/edit.html", case, problem or (InvalidInput("", differing) if differing else None), form=form, row=row,
        answers=answers, subject=subject, mine=mine,
        sections={s.link_id: s for s in summarise(form, row.answers if row else {})},
        may_complete=forms.may_complete(form, current_user), ticked=ticked, can_rest=say_template,
        amending=row is not None and row.status in forms.COMPLETE, computed=_list_computed(case, form, answers),
        known={c.word: c.answer.value for c in case.circumstances},
        derived={c.word: c.derived_from for c in case.circumstances if c.derived_from}, kept=kept,
        page=sign_page(case.id, form.name),
        rest_group=group if rest else None, answered_group=None if rest else group,
        rest=[(link_id, form.list_questions()[link_id].text) for link_id in rest])
    return page if problem or isinstance(page, str) else page[0]


def say_template(group: Item) -> str | None:
    """The words of the button that answers what is left of a group, where such a button makes sense."""
    template = find_template(group)
    return None if template is None else _("All others: normal") if template == NORMAL else _("All others: no")


def list_shown(case: Case, form: Questionnaire, answers: dict[str, Any]) -> dict[str, str]:
    """What the form computes from `answers`, as far as it stands on this person's page."""
    held, subject = permissions_of(current_user), forms.get_subject(case)

    def walk(items: tuple[Item, ...]) -> Iterator[str]:
        for item in items:  # what is not asked takes everything beneath it off the page
            if subject.is_asked(item) and (item.permission is None or item.permission in held):
                yield item.link_id
                yield from walk(item.items)

    shown = set(walk(form.items))
    return {link_id: words for link_id, words in _list_computed(case, form, answers).items() if link_id in shown}


def _list_computed(case: Case, form: Questionnaire, answers: dict[str, Any]) -> dict[str, str]:
    return list_computed(form, answers, case.exam_date or get_today(case))


def _merge_kept(form: Questionnaire, row: FormResponse | None, kept: KeptInput,
                mine: set[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What was typed; where somebody else has saved since, together with theirs and a sentence where the two differ."""
    stored = row.answers if row else {}
    if kept.version == (row.version if row else None):
        return {key: value for key, value in stored.items() if key not in mine} | kept.answers, {}
    return merge_answers(form, stored, kept.answers, mine)
