"""Changing what is known about a case: what the change would do is shown before it is saved."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from clinic import workflow
from clinic.audit import record_case_read
from clinic.authority_number import list_number_cautions
from clinic.caution import Caution
from clinic.errors import CaseChanged
from clinic.models import Answer, Case
from clinic.permissions import Permission, requires
from clinic.queries.case import get_case
from clinic.rules.programme import list_programmes
from clinic.schemas.case import CaseFacts, check_category
from clinic.services.assessment import Preview
from clinic.services.circumstance import change_case, ensure_unchanged, preview_change, to_facts
from clinic.services.derivation import derive_circumstances
from clinic.web.case import list_flags
from clinic.web.case_form import digest_facts, list_groups, list_place_rows, read_case_form, values_of
from clinic.web.form import read_version
from clinic.web.veil import veil_circumstances

blueprint = Blueprint("circumstance", __name__, url_prefix="/cases/<case_id>/circumstances")
Page = str | tuple[str, int] | Response


@blueprint.get("")
@requires(Permission.OPEN_CASE)
def edit(case_id: str) -> Page:
    """The form, as the case stands."""
    case = get_case(case_id, current_user)
    workflow.ensure_recording(case)
    record_case_read(case, "read-circumstances")
    return _show(case, values_of(case), case.version)


@blueprint.post("")
@requires(Permission.OPEN_CASE)
def save(case_id: str) -> Page:
    """Show what the change would do; save it once that was seen, or at once when it changes nothing about the exam."""
    case = get_case(case_id, current_user)
    workflow.ensure_recording(case)
    typed, plain = read_case_form()
    for word in list_hidden(case):
        plain["circumstances"].pop(word, None)
    version = read_version(typed.get("version")) or 0
    try:
        data: dict[str, Any] = CaseFacts().load(plain)
        check_category(case.programme, data)
    except ValidationError as error:
        return _show(case, typed, version, errors=error.messages_dict), 422
    warnings = _list_number_cautions(case, data)
    preview, changed = preview_change(case, data), list_changed_answers(case, data)
    digest = digest_facts(data)
    try:
        ensure_unchanged(case, version)
    except CaseChanged as error:
        return _show(case, typed, case.version, preview=preview, changed=changed, digest=digest, warnings=warnings,
                     conflict=error.message), 409
    if any(warning.code not in typed["confirmed"] for warning in warnings):
        return _show(case, typed, version, warnings=warnings), 422
    if preview.changes_anything and typed.get("seen") != digest:
        return _show(case, typed, version, preview=preview, changed=changed, digest=digest, warnings=warnings)
    change_case(case, data, version, current_user)
    flash(_("Saved."), "success")
    return redirect(url_for("case.show", case_id=case.id))


def _list_number_cautions(case: Case, data: dict[str, Any]) -> list[Caution]:
    """An unusual number is confirmed when it is written, not each time something else of the case changes."""
    number = data["authority_case_number"]
    return list_number_cautions(case.programme, number) if number != case.authority_case_number else []


def list_hidden(case: Case) -> set[str]:
    """What somebody has answered that the reader may neither see nor change (clinic/web/veil.py)."""
    shown = veil_circumstances(case.circumstances)
    return {row.word for row in case.circumstances if row not in shown and row.answer is not Answer.UNKNOWN}


def list_changed_answers(case: Case, data: dict[str, Any]) -> list[tuple[str, Answer, Answer]]:
    """Word, stored and new answer of each circumstance that `data` would answer otherwise than the case does."""
    stored = {row.word: row.answer for row in case.circumstances}
    return [(word, stored.get(word, Answer.UNKNOWN), answer) for word, answer in sorted(data["circumstances"].items())
            if answer is not stored.get(word, Answer.UNKNOWN)]


def _show(
    case: Case, values: dict[str, Any], version: int, preview: Preview | None = None, digest: str = "", **parts: Any
) -> str:
    programme = list_programmes()[case.programme]
    category = programme.categories.get(values.get("category") or "") or programme.categories[case.category]
    derived = derive_circumstances(case.programme, case.applicant, to_facts(case))
    return render_template(
        "case/circumstance.html", case=case, values=values, version=version, programme=programme, category=category,
        places=list_place_rows(values),
        groups=list_groups(programme.code, category.code, values, case.applicant, derived, list_hidden(case)),
        preview=preview, digest=digest, flags=list_flags(case), **parts,
    )
