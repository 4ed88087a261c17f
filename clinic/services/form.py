"""Answers to forms: drafts that count nothing, completion that establishes facts, amendments that name what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotAllowed, NotNow
from clinic.models import Case, FormResponse, FormStatus, User
from clinic.partial_date import parse_partial_date
from clinic.permissions import Permission, permissions_of
from clinic.questionnaire import (
    CheckedAnswers,
    Questionnaire,
    Subject,
    check_answers,
    get_questionnaire,
    list_circumstance_answers,
)
from clinic.questionnaire.fact import find_case_value
from clinic.questionnaire.item import ItemKind
from clinic.rules.programme import list_programmes
from clinic.services import assessment, workup
from clinic.services.circumstance import write_answers
from clinic.services.completion import is_review_open
from clinic.services.form_contradiction import list_denials, list_unexplained_harm
from clinic.services.form_fact import COMPLETE
from clinic.services.form_template import TEMPLATE, keep_marks, list_rest, mark_rest
from clinic.services.form_version import keep_version, to_plain
from clinic.services.plausibility import find_date_error, get_today

SYSTOLIC, DIASTOLIC = "vital.systolic", "vital.diastolic"  # of every form that asks for them
CONFIRMED = "_confirmed"  # key among the answers under which the confirmed soft limits are kept
AMENDED = "_amended"  # and the questions whose answers any amendment changed


def find_response(case: Case, name: str) -> FormResponse | None:
    """The case's answers to the form called `name`; None when nobody began."""
    return db.session.execute(
        select(FormResponse).where(
            FormResponse.case_id == case.id, FormResponse.form == name,
            FormResponse.status != FormStatus.ENTERED_IN_ERROR,
        ).order_by(FormResponse.id).limit(1)
    ).scalar_one_or_none()


def save_draft(case: Case, name: str, raw: Mapping[str, Any], version: int | None, actor: User) -> FormResponse:
    """Keep what has been answered so far; it counts nothing. Answers this person may not give stay as they were.

    `version` is that of the answers on the page, None for a new form. Raises CaseChanged when somebody saved in
    between, InvalidInput for unreadable answers, NotNow when the form is complete.
    """
    form = get_questionnaire(name)
    row = _find_unchanged(case, name, version)
    if row is not None and row.status in COMPLETE:
        raise NotNow(_("This form is complete: change it by an amendment with its reason."), case=case.id)
    checked = _check(case, form, row, raw, actor, complete=False)
    workflow.mark_touched(case)
    if row is None:
        row = _start(case, form, actor)
    _write(row, form, checked.answers, [])
    db.session.flush()
    record_change("save-draft", "form-response", row.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  detail={"form": name, "answers": len(checked.answers)})
    assessment.refresh(case)
    return row


def list_draft_cautions(case: Case, row: FormResponse, actor: User) -> list[str]:
    """One sentence for each unusual value of a draft among those that `actor` answers: who measured can look again."""
    mine = list_answerable(get_questionnaire(row.form), actor)
    checked = _check(case, get_questionnaire(row.form), row, to_plain(row.answers), actor, complete=False)
    return [caution.text for caution in checked.cautions if caution.field in mine]


def apply_template(case: Case, name: str, raw: Mapping[str, Any], version: int | None, group: str,
                   shown: Collection[str], actor: User) -> FormResponse:
    """Keep a draft in which the group's open questions, as far as `shown` listed them, are “no” or “normal”.

    What was answered since the list was shown stays as answered. Raises as `save_draft` does.
    """
    form = get_questionnaire(name)
    rest = list_rest(case, form, group, raw, get_subject(case), list_answerable(form, actor))
    used = {link_id: answer for link_id, answer in rest.items() if link_id in shown}
    row = save_draft(case, name, {**raw, **used}, version, actor)
    if used:
        mark_rest(row, group, list(used), actor)
        db.session.flush()
    return row


def complete_form(case: Case, name: str, raw: Mapping[str, Any], version: int | None, actor: User,
                  confirmed: Collection[str] = ()) -> FormResponse:
    """Finish the form: everything required is answered; it establishes circumstances and the day of the exam.

    Raises InvalidInput naming what is missing, NeedsConfirmation for unusual values and for a “no” to what the case
    holds as “yes”, NotAllowed when parts of it are
    another's to answer, CaseChanged, NotNow when it is complete already.
    """
    form = get_questionnaire(name)
    _ensure_may_complete(form, actor)
    row = _find_unchanged(case, name, version)
    if row is not None and row.status in COMPLETE:
        raise NotNow(_("This form is complete: change it by an amendment with its reason."), case=case.id)
    checked = _check(case, form, row, raw, actor, complete=True)
    denials = list_denials(case, form, checked.answers, get_subject(case), {})
    denials += list_unexplained_harm(form, checked.answers, {})
    ticked = ensure_confirmed(denials + checked.cautions, confirmed)
    workflow.mark_touched(case)
    if row is None:
        row = _start(case, form, actor)
    _write(row, form, checked.answers, ticked)
    row.status = FormStatus.COMPLETED
    row.completed_at, row.completed_by_id = clock.now(), actor.id
    _establish(case, form, row, actor)
    _finish(case, row, "complete-form", actor, {"confirmed": ticked} if ticked else {})
    return row


def amend_form(case: Case, name: str, raw: Mapping[str, Any], version: int, reason: str, actor: User,
               confirmed: Collection[str] = ()) -> FormResponse:
    """Change a completed form: the audit row names the changed questions, the old answers stay as a version with the
    reason (clinic/services/form_version.py), and what the rules read follows. Where a finding has since asked for a
    review, unchanged answers are confirmed the same way.

    Raises as `complete_form` does, and NotNow when the form is not complete or nothing was changed.
    """
    form = get_questionnaire(name)
    _ensure_may_complete(form, actor)
    row = _find_unchanged(case, name, version)
    if row is None or row.status not in COMPLETE:
        raise NotNow(_("This form is not complete yet: simply go on with it."), case=case.id)
    checked = _check(case, form, row, raw, actor, complete=True)
    denials = list_denials(case, form, checked.answers, get_subject(case), row.answers)
    denials += list_unexplained_harm(form, checked.answers, row.answers)
    ticked = ensure_confirmed(denials + checked.cautions, confirmed)
    before = to_plain(row.answers)
    changed = sorted(key for key in before.keys() | checked.answers.keys()
                     if before.get(key) != checked.answers.get(key))
    if not changed and not is_review_open(case, name):
        raise NotNow(_("Nothing was changed."), case=case.id)
    workflow.mark_touched(case)
    ever = sorted({*row.answers.get(AMENDED, ()), *changed})
    keep_version(row, reason, actor)
    _write(row, form, checked.answers, ticked)
    row.answers = row.answers | {AMENDED: ever}
    row.status = FormStatus.AMENDED
    row.completed_at, row.completed_by_id = clock.now(), actor.id
    _establish(case, form, row, actor)
    _finish(case, row, "amend-form", actor, {"reason": reason, "changed": changed} |
            ({"confirmed": ticked} if ticked else {}))
    return row


def get_subject(case: Case) -> Subject:
    """Whom the form is about, on the day of the exam."""
    born = parse_partial_date(case.applicant.birth_date).estimated_on
    day = case.exam_date or get_today(case)
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    return Subject(case.applicant.sex, max(months, 0), case.programme)


def list_answerable(form: Questionnaire, user: Any) -> set[str]:
    """LinkIds of the questions this person may answer."""
    held = {permission.value for permission in permissions_of(user)}
    return {link_id for link_id, item in form.list_questions().items()
            if item.permission is None or item.permission in held}


def may_complete(form: Questionnaire, user: Any) -> bool:
    """Whether every part of the form is this person's to answer."""
    held = permissions_of(user)
    return Permission.RECORD_HISTORY in held and len(list_answerable(form, user)) == len(form.list_questions())


def _ensure_may_complete(form: Questionnaire, actor: User) -> None:
    if not may_complete(form, actor):
        raise NotAllowed(_("Parts of this form are a physician's to answer: save it, and the physician completes it."),
                         user=actor.id, form=form.name)


def _find_unchanged(case: Case, name: str, version: int | None) -> FormResponse | None:
    """The response as it was when the page was made. Raises CaseChanged when somebody saved in between."""
    workflow.ensure_recording(case)
    row = find_response(case, name)
    if (row.version if row else None) != version:
        raise CaseChanged(
            _("Somebody else saved this form meanwhile. Nothing of yours was saved: look at it again."), case=case.id)
    return row


def _check(case: Case, form: Questionnaire, row: FormResponse | None, raw: Mapping[str, Any], actor: User,
           complete: bool) -> CheckedAnswers:
    mine = list_answerable(form, actor)
    questions = form.list_questions()  # an answer whose question a newer form dropped stays in the stored versions
    kept = {key: value for key, value in (row.answers if row else {}).items() if key in questions and key not in mine}
    given = {key: value for key, value in raw.items() if key in mine or key not in questions}
    checked = check_answers(form, {**kept, **given}, get_subject(case), complete)
    for link_id, item in questions.items():
        if item.kind is ItemKind.DATE and link_id in checked.answers:
            sentence = find_date_error(case, date.fromisoformat(checked.answers[link_id]))
            if sentence:
                checked.errors[link_id] = [sentence]
    if checked.errors:
        raise InvalidInput(_("Please correct what is marked."), fields=checked.errors, case=case.id)
    checked.cautions += _list_pressure_cautions(checked.answers)
    checked.cautions += workup.list_cautions(case, workup.list_texts(checked.answers))
    return checked


def _list_pressure_cautions(answers: Mapping[str, Any]) -> list[Caution]:
    """Each of the two may be usual and the pair still be exchanged: diastolic pressure lies below systolic."""
    high, low = answers.get(SYSTOLIC), answers.get(DIASTOLIC)
    if high is None or low is None or Decimal(low) < Decimal(high):
        return []
    sentence = _("Diastolic blood pressure %(low)s is not below systolic %(high)s.", low=low, high=high)
    return [Caution(f"{DIASTOLIC}={low}>={high}", sentence, DIASTOLIC)]


def _start(case: Case, form: Questionnaire, actor: User) -> FormResponse:
    row = FormResponse(case_id=case.id, case=case, form=form.name, form_version=form.version, answers={},
                       started_at=clock.now(), started_by_id=actor.id, saved_at=clock.now())
    db.session.add(row)
    return row


def _write(row: FormResponse, form: Questionnaire, answers: dict[str, Any], confirmed: list[str]) -> None:
    marks = keep_marks(row.answers, answers)
    row.answers = answers | ({CONFIRMED: confirmed} if confirmed else {}) | ({TEMPLATE: marks} if marks else {})
    row.form_version = form.version
    row.saved_at = clock.now()


def _establish(case: Case, form: Questionnaire, row: FormResponse, actor: User) -> None:
    """Write what the answers establish: circumstances of this programme, and the day of the exam."""
    words = list_programmes()[case.programme].circumstances  # all: pregnancy is no rule's question everywhere
    found = list_circumstance_answers(form, row.answers, get_subject(case))
    exam_date = find_case_value(form, row.answers, "exam_date")
    if exam_date:
        case.exam_date = date.fromisoformat(exam_date)
    write_answers(case, {word: answer for word, answer in found.items() if word in words}, actor)


def _finish(case: Case, row: FormResponse, action: str, actor: User, detail: dict[str, Any]) -> None:
    db.session.flush()
    record_change(action, "form-response", row.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"form": row.form, "form_version": row.form_version, **detail})
    assessment.refresh(case)
