"""Filling in a form of a case: one dense page, drafts kept as one goes, completion, amendment with a reason."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import CaseChanged, InvalidInput, NotFound
from clinic.models import FormResponse
from clinic.permissions import Permission, has_permission, requires
from clinic.questionnaire import Questionnaire, get_questionnaire
from clinic.read_audit import shows_nobody
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import form as forms
from clinic.services.completion import FORM_EXAMS
from clinic.services.form_contradiction import merge_answers
from clinic.services.form_version import get_version
from clinic.services.kept_input import drop_kept_input, find_kept_input, keep_input
from clinic.web.form import read_version
from clinic.web.form_page import list_shown, show_filling, show_reading
from clinic.web.gate import find_gate
from clinic.web.station_page import Answer, forget, is_recording, open_case

blueprint = Blueprint("exam_form", __name__, url_prefix="/cases/<case_id>/forms")
P = Permission
CONTROLS = ("csrf_token", "version", "action", "confirmed", "reason", "page", "shown")


@blueprint.get("/<name>")
@requires(P.SEE_CASES)
def view(case_id: str, name: str) -> Answer | Response:
    """The form to fill in, or once complete the answers in short; first of all what its reader had typed last."""
    case, form = open_case(case_id), _get_form(case_id, name)
    row = forms.find_response(case, name)
    complete = row is not None and row.status in forms.COMPLETE
    kept = find_kept_input(case, name, current_user)
    writing = is_recording(case) and _may_write() and (not complete or "amend" in request.args or kept is not None)
    if writing and complete and not forms.may_complete(form, current_user):
        writing = False
    gate = find_gate(case) if writing else None
    if gate is not None:
        return gate
    if writing:
        return show_filling(case, form, row, row.answers if row else {}, kept=kept, group=request.args.get("rest"))
    number = read_version(request.args.get("version"))
    if row is not None and number is not None:
        return show_reading(case, form, row, get_version(row, number))
    return show_reading(case, form, row)


@blueprint.post("/<name>")
@requires(P.RECORD_HISTORY, P.RECORD_EXAM)
def save(case_id: str, name: str) -> Answer | Response:
    """Keep a draft, answer the rest of a group once its list was confirmed, complete the form, or amend it."""
    case, form = open_case(case_id), _get_form(case_id, name)
    version, raw = _read_page()
    action, _colon, group = request.form.get("action", "save").partition(":")
    here = url_for(".view", case_id=case_id, name=name)
    try:
        if action == "discard":
            drop_kept_input(case, name, current_user)
            return redirect(here)
        if action == "complete":
            forms.complete_form(case, name, raw, version, current_user, request.form.getlist("confirmed"))
            flash(_("The form is complete."), "success")
            here = url_for("case.show", case_id=case_id)
        elif action == "amend":
            reason = load(ReasonIn(), {"reason": request.form.get("reason")})
            forms.amend_form(case, name, raw, version or 0, reason, current_user, request.form.getlist("confirmed"))
            flash(_("The form was amended."), "success")
        elif action == "confirm":
            forms.apply_template(case, name, raw, version, group, request.form.getlist("shown"), current_user)
            here = url_for(".view", case_id=case_id, name=name, _anchor=f"group-{group}")
        else:
            row = forms.save_draft(case, name, raw, version, current_user)
            if action == "rest":
                here = url_for(".view", case_id=case_id, name=name, rest=group, _anchor=f"rest-{group}")
            else:
                flash(_("Saved as a draft: it counts once it is completed."), "success")
                unusual = forms.list_draft_cautions(case, row, current_user)
                if unusual:
                    flash(" ".join([_("Check again:"), *unusual]), "warning")
    except InvalidInput as problem:
        case = forget(case_id)
        return show_filling(case, form, forms.find_response(case, name), raw, problem)
    except CaseChanged as problem:
        return _show_both(case_id, form, raw, action, problem)
    drop_kept_input(case, name, current_user)
    return redirect(here)


@blueprint.post("/<name>/draft")
@requires(P.RECORD_HISTORY, P.RECORD_EXAM)
@shows_nobody("it answers with a line of status; the draft it saves is a change")
def autosave(case_id: str, name: str) -> Response:
    """The same as saving a draft, answered by a line of status; the page asks for it while one writes."""
    case, form = open_case(case_id), _get_form(case_id, name)
    version, raw = _read_page()
    try:
        row: FormResponse | None = forms.save_draft(case, name, raw, version, current_user)
        drop_kept_input(case, name, current_user)
        sentence, status = None, 200
    except InvalidInput:
        keep_input(case, form, raw, version, current_user)  # one unreadable field must not cost the others
        row, status = None, 200
        sentence = _("Kept for you, not saved yet: something cannot be read. It is marked when you save.")
    except CaseChanged:
        row, status = None, 422
        sentence = _("Somebody else saved this form meanwhile. Save, and yours and theirs are shown together.")
    computed = list_shown(case, form, raw) if row else {}
    answer = make_response(
        render_template("form/autosaved.html", row=row, sentence=sentence, computed=computed), status)
    answer.headers["X-Draft"] = "saved" if row else "kept" if status == 200 else "refused"
    return answer


def _read_page() -> tuple[int | None, dict[str, Any]]:
    """Of the posted page: the version of the answers it showed, and what was typed."""
    return read_version(request.form.get("version")), {
        key: value for key, value in request.form.items() if key not in CONTROLS}


def _get_form(case_id: str, name: str) -> Questionnaire:
    """The form, if it serves an examination. Raises NotFound."""
    if not any(name in served.values() for served in FORM_EXAMS.values()):
        raise NotFound(_("There is no such form."), form=name, case=case_id)
    return get_questionnaire(name)


def _may_write() -> bool:
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
    page = show_filling(case, form, row, merged, InvalidInput(sentence, {"_schema": [sentence], **differing}))
    return (page[0] if isinstance(page, tuple) else page), 409
