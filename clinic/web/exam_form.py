"""Filling in a form of a case: one dense page, drafts kept as one goes, completion, amendment with a reason."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.caution import NeedsConfirmation
from clinic.errors import CaseChanged, InvalidInput, NotFound
from clinic.models import Case, FormResponse
from clinic.permissions import Permission, requires
from clinic.questionnaire import Item, Questionnaire, get_questionnaire, is_enabled
from clinic.questionnaire.item import ItemKind
from clinic.questionnaire.summary import summarise
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import form as forms
from clinic.services.completion import FORM_EXAMS
from clinic.services.form_contradiction import list_words, merge_answers
from clinic.web.gate import find_gate
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, show

blueprint = Blueprint("exam_form", __name__, url_prefix="/cases/<case_id>/forms")
P = Permission
CONTROLS = ("csrf_token", "version", "action", "confirmed", "reason")


@blueprint.get("/<name>")
@requires(P.SEE_CASES)
def view(case_id: str, name: str) -> Answer | Response:
    """The form to fill in, or once complete the answers in short."""
    case, form = open_case(case_id), _get_form(case_id, name)
    row = forms.find_response(case, name)
    complete = row is not None and row.status in forms.COMPLETE
    writing = is_recording(case) and _may_write() and (not complete or "amend" in request.args)
    gate = find_gate(case) if writing else None
    return gate or _show(case, form, row, writing, row.answers if row else {})


@blueprint.post("/<name>")
@requires(P.RECORD_HISTORY, P.RECORD_EXAM)
def save(case_id: str, name: str) -> Answer | Response:
    """Keep a draft, mark the rest of a group as normal, complete the form, or amend it."""
    case, form = open_case(case_id), _get_form(case_id, name)
    row = forms.find_response(case, name)
    version = int(request.form["version"]) if request.form.get("version", "").isdigit() else None
    raw = {key: value for key, value in request.form.items() if key not in CONTROLS}
    action = request.form.get("action", "save")
    try:
        if action == "complete":
            forms.complete_form(case, name, raw, version, current_user, request.form.getlist("confirmed"))
            flash(_("The form is complete."), "success")
            return redirect(url_for("case.show", case_id=case_id))
        if action == "amend":
            _amend(case, name, raw, version)
            return redirect(url_for(".view", case_id=case_id, name=name))
        if action.startswith("rest:"):
            raw |= _list_rest(case, form, action.removeprefix("rest:"), raw)
        forms.save_draft(case, name, raw, version, current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        row = forms.find_response(case, name)
        return _show(case, form, row, True, raw, problem)
    except CaseChanged as problem:
        return _show_both(case_id, form, raw, action, problem)
    anchor = f"group-{action.removeprefix('rest:')}" if action.startswith("rest:") else None
    if anchor is None:
        flash(_("Saved as a draft: it counts once it is completed."), "success")
    return redirect(url_for(".view", case_id=case_id, name=name, _anchor=anchor))


@blueprint.post("/<name>/draft")
@requires(P.RECORD_HISTORY, P.RECORD_EXAM)
def autosave(case_id: str, name: str) -> Response:
    """The same as saving a draft, answered by a line of status; the page asks for it while one writes."""
    case = open_case(case_id)
    _get_form(case_id, name)
    version = int(request.form["version"]) if request.form.get("version", "").isdigit() else None
    raw = {key: value for key, value in request.form.items() if key not in CONTROLS}
    try:
        row: FormResponse | None = forms.save_draft(case, name, raw, version, current_user)
        sentence, status = None, 200
    except (InvalidInput, CaseChanged) as problem:
        row, status = None, 422
        sentence = problem.message if isinstance(problem, CaseChanged) else _(
            "Not saved yet: something cannot be read. It is marked when you save.")
    return make_response(render_template("form/autosaved.html", row=row, sentence=sentence), status)


def _amend(case: Case, name: str, raw: dict[str, Any], version: int | None) -> None:
    reason = load(ReasonIn(), {"reason": request.form.get("reason")})
    forms.amend_form(case, name, raw, version or 0, reason, current_user, request.form.getlist("confirmed"))
    flash(_("The form was amended."), "success")


def _get_form(case_id: str, name: str) -> Questionnaire:
    """The form, if it serves an examination. Raises NotFound."""
    if not any(name in served.values() for served in FORM_EXAMS.values()):
        raise NotFound(_("There is no such form."), form=name, case=case_id)
    return get_questionnaire(name)


def _may_write() -> bool:
    from clinic.permissions import has_permission

    return has_permission(P.RECORD_HISTORY) or has_permission(P.RECORD_EXAM)


def _show_both(case_id: str, form: Questionnaire, raw: dict[str, Any], action: str, problem: CaseChanged) -> Answer:
    """The form with both people's answers, status 409: a long form is not typed twice. Raises CaseChanged when the
    form was completed, or withdrawn, meanwhile."""
    case = forget(case_id)
    row = forms.find_response(case, form.name)
    if row is None or (row.status in forms.COMPLETE) != (action == "amend"):
        raise problem
    merged, differing = merge_answers(form, row.answers, raw, forms.list_answerable(form, current_user))
    sentence = _("Somebody else saved this form meanwhile; theirs and yours stand together below. Nothing of yours is "
                 "saved yet: compare, then save again.")
    page = _show(case, form, row, True, merged, InvalidInput(sentence, {"_schema": [sentence], **differing}))
    return (page[0] if isinstance(page, tuple) else page), 409


def _list_rest(case: Case, form: Questionnaire, group_id: str, raw: dict[str, Any]) -> dict[str, str]:
    """What is not answered yet in a group, as "no" or "normal"; only what is asked, only what one may answer, and
    never "no" to what the case holds as "yes"."""
    subject, mine = forms.get_subject(case), forms.list_answerable(form, current_user)
    held = {row.word for row in case.circumstances if row.answer.value == "yes"}
    group = next((item for item in form.items if item.link_id == group_id), None)
    rest: dict[str, str] = {}
    for item in group.items if group else ():
        if item.link_id in raw or item.link_id not in mine or not subject.is_asked(item):
            continue
        if not is_enabled(item, {**raw, **rest}) or held & set(list_words(item)):
            continue
        if item.kind is ItemKind.BOOLEAN:
            rest[item.link_id] = "false"
        elif "normal" in dict(item.options):
            rest[item.link_id] = "normal"
    return rest


def _can_rest(group: Item) -> str | None:
    """The words of the button that answers what is left of a group, where such a button makes sense."""
    kinds = [item for item in group.items if item.required]
    if len(kinds) < 3:
        return None
    if all(item.kind is ItemKind.BOOLEAN or "normal" not in dict(item.options) for item in kinds):
        return _("All others: no") if sum(item.kind is ItemKind.BOOLEAN for item in kinds) > 2 else None
    return _("All others: normal")


def _show(case: Case, form: Questionnaire, row: FormResponse | None, writing: bool, answers: dict[str, Any],
          problem: InvalidInput | None = None) -> Answer:
    if not writing:
        staff = [row.started_by_id, row.completed_by_id] if row else []
        return show("form/view.html", case, form=form, row=row, sections=summarise(form, answers),
                    names=list_names(staff), may_amend=_may_write() and forms.may_complete(form, current_user))
    ticked = request.form.getlist("confirmed") if isinstance(problem, NeedsConfirmation) else []
    return show("form/edit.html", case, problem, form=form, row=row, answers=answers, subject=forms.get_subject(case),
                mine=forms.list_answerable(form, current_user), sections={s.link_id: s for s in summarise(
                    form, row.answers if row else {})},
                may_complete=forms.may_complete(form, current_user), ticked=ticked, can_rest=_can_rest,
                amending=row is not None and row.status in forms.COMPLETE,
                known={c.word: c.answer.value for c in case.circumstances})
