"""What a laboratory hands over as a file: a table with a preview, a printed report for its order; its column map."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from clinic.config import get_settings
from clinic.db import db, read_unit, write_unit
from clinic.documents.pdf_look import LARGEST as LARGEST_PDF
from clinic.documents.pdf_look import look_at_pdf
from clinic.errors import AlreadyDone, InvalidInput
from clinic.file_store import open_store
from clinic.identifier import list_order_numbers
from clinic.lab_report import ReportedDocument, ReportedPerson, ReportedValue
from clinic.lab_table import DAY_FORM, DAY_FORMS, FIELDS, Table, read_table
from clinic.models import Case, Laboratory, LabOrder
from clinic.permissions import Permission, has_permission, requires
from clinic.read_audit import shows_nobody
from clinic.services.code_mapping import list_test_targets, read_dictionary
from clinic.services.lab_document import keep_document
from clinic.services.lab_upload import take_table
from clinic.services.partner_laboratory import change_column_map, get_laboratory, list_laboratories
from clinic.unit import manages_units
from clinic.web.form import read_form
from clinic.web.reported_word import say_status

blueprint = Blueprint("laboratory_upload", __name__, url_prefix="/laboratory/files")
Page = str | tuple[str, int] | Response
P = Permission
PREVIEWED = 20  # rows
LARGEST_REQUEST = 51 * 1024 * 1024  # more than a report may have: one that is too large is told at its field


@blueprint.url_value_preprocessor
def _allow_reports(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let a signed-in sender send more than a form, before anything reads the form: its token is read before a view."""
    if endpoint == f"{blueprint.name}.report" and "_user_id" in session:
        request.max_content_length = LARGEST_REQUEST


@blueprint.get("")
@requires(P.ENTER_RESULT)
@shows_nobody("forms alone")
def index() -> str:
    """The laboratories whose files can be sent up."""
    return render_template("reported/files.html", rows=list_laboratories(current_user.site_id))


@blueprint.get("/<laboratory_id>")
@requires(P.ENTER_RESULT)
@shows_nobody("forms alone")
def show(laboratory_id: str) -> str:
    """The forms for one laboratory's files."""
    return _render(laboratory_id)


@blueprint.post("/<laboratory_id>/columns")
@requires(P.MAP_RESULTS)
@shows_nobody("headings of a table alone")
def columns(laboratory_id: str) -> Page:
    """Say which heading holds what."""
    typed = read_form(request.form)
    form = str(typed.get(DAY_FORM, ""))
    change_column_map(get_laboratory(current_user, laboratory_id),
                      {field: str(typed.get(field, ""))[:80] for field in FIELDS}
                      | ({DAY_FORM: form} if form in DAY_FORMS else {}))
    flash(_("The column map is saved."), "success")
    return redirect(url_for(".show", laboratory_id=laboratory_id), 303)


@blueprint.post("/<laboratory_id>/table")
@requires(P.ENTER_RESULT)
def table(laboratory_id: str) -> Page:
    """Look at a table; take it when it was looked at and nothing is wrong with it."""
    laboratory = get_laboratory(current_user, laboratory_id)
    content = _read_content()
    if content is None:
        return _render(laboratory_id, {"table": [_("Choose the file.")]}), 422
    found = read_table(content, laboratory.column_map or {}, laboratory.charset)
    if found.faults or request.form.get("act") != "take":
        return _render(laboratory_id, None, found, content), (422 if found.faults else 200)
    try:
        _row, taken = take_table(laboratory, content, current_user)
    except AlreadyDone as problem:
        return _render(laboratory_id, {"table": [problem.message]}), 409
    flash(ngettext("%(num)s result is worked on in a moment.", "%(num)s results are worked on in a moment.",
                   len(taken.reports)), "success")
    return redirect(url_for("reported.index"), 303)


@blueprint.post("/<laboratory_id>/report")
@requires(P.ENTER_RESULT)
@manages_units
def report(laboratory_id: str) -> Page:
    """Attach a printed report to its order, once it was opened in a process of its own."""
    number = request.form.get("report_order", "").strip().upper()
    sent = request.files.get("report")
    content = sent.read(LARGEST_PDF + 1) if sent else b""
    if sent:
        sent.close()  # a large one lies in a file of its own
    with read_unit():
        get_laboratory(current_user, laboratory_id)
        errors: dict[str, Any] = {} if content else {"report": [_("Choose the file.")]}
        if _find_order(number) is None:
            errors["report_order"] = [_("Type or scan the number of an order of this site.")]
    if not errors:
        try:
            look_at_pdf(content, get_settings(current_app))
        except InvalidInput as problem:
            errors = {"report": [problem.message]}
    if errors:
        with read_unit():
            return _render(laboratory_id, errors, typed={"report_order": number}), 422
    open_store(get_settings(current_app)).write(content)
    with write_unit():
        laboratory, order = get_laboratory(current_user, laboratory_id), _find_order(number)
        number = order.number if order else number
        kept = keep_document(laboratory, ReportedPerson(), ReportedDocument(number, "", "", _("Report"), content),
                             order=order, actor=current_user).id
    flash(_("The report is attached to order %(number)s.", number=number), "success")
    return redirect(url_for("reported.document", document_id=kept), 303)  # it shows whose it is now


def _read_content() -> bytes | None:
    """The file, or what the preview carried back."""
    if carried := request.form.get("content"):
        try:
            return base64.b64decode(carried, validate=True)
        except ValueError:
            return None
    sent = request.files.get("table")
    return (sent.read() or None) if sent else None


def _find_order(number: str) -> LabOrder | None:
    """The order of the site whose number was typed, or scanned off the bars of a letter."""
    return db.session.execute(select(LabOrder).join(LabOrder.case).where(
        LabOrder.number.in_(list_order_numbers(number)),
        Case.site_id == current_user.site_id)).unique().scalar_one_or_none()


def _list_meanings(laboratory: Laboratory, values: Sequence[ReportedValue]) -> dict[str, str]:
    """What each code of a table means here, in words; those that mean nothing yet are left out."""
    words, dictionary = dict(list_test_targets()), read_dictionary(laboratory.id)
    found = {value.code: dictionary.find_test(value) for value in values}
    said = {code: words.get("/".join(filter(None, (one.test, one.part)))) for code, one in found.items() if one}
    return {code: word for code, word in said.items() if word}


def _render(
    laboratory_id: str, errors: dict[str, Any] | None = None, found: Table | None = None, content: bytes = b"",
    typed: dict[str, Any] | None = None,
) -> str:  # fmt: skip
    laboratory = get_laboratory(current_user, laboratory_id)
    rows = [(one.person, panel, panel.values[0]) for one in (found.reports if found else ())[:PREVIEWED]
            for panel in one.panels]
    return render_template(
        "reported/file.html", laboratory=laboratory, errors=errors, found=found, rows=rows, shown=PREVIEWED,
        content=base64.b64encode(content).decode() if found and not found.faults else "", fields=FIELDS,
        meanings=_list_meanings(laboratory, [value for _person, _panel, value in rows]),
        day_forms=DAY_FORMS, say_status=say_status, may_map=has_permission(P.MAP_RESULTS), typed=typed or {})
