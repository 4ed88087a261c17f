"""How a person is reached: the contacts of today, one added or replaced, and those of before."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput
from clinic.models import Applicant, ContactKind
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import get_applicant
from clinic.schemas.contact import NewContact
from clinic.schemas.door import load
from clinic.services.contact import add_contact, end_contact, get_contact, replace_contact
from clinic.web.form import read_form
from clinic.web.station_page import list_names

blueprint = Blueprint("contact", __name__, url_prefix="/applicants/<applicant_id>/contacts")
Page = str | tuple[str, int] | Response
P = Permission


@blueprint.get("")
@requires(P.SEE_CASES)
def view(applicant_id: str) -> Page:
    """The contacts and their history."""
    applicant = get_applicant(applicant_id, current_user)
    record_read("user", current_user.id, "read-contacts", "applicant", applicant.id, site_id=applicant.site_id)
    return _show(applicant, {})


@blueprint.post("")
@requires(P.REGISTER)
def add(applicant_id: str) -> Page:
    """One more; a new address takes the place of the former."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form)
    kind = typed.get("kind", "")
    try:
        add_contact(applicant, load(NewContact(), _to_plain(typed, kind, kind)), current_user)
    except InvalidInput as problem:
        return _refuse(applicant_id, typed, kind, problem)
    except AlreadyDone as known:
        flash(known.message, "warning")
        return redirect(url_for(".view", applicant_id=applicant_id))
    flash(_("Saved."), "success")
    return redirect(url_for(".view", applicant_id=applicant_id))


@blueprint.post("/<contact_id>")
@requires(P.REGISTER)
def change(applicant_id: str, contact_id: str) -> Page:
    """Replace one by what is newer, or end it."""
    applicant = get_applicant(applicant_id, current_user)
    old = get_contact(applicant, contact_id)
    typed = read_form(request.form)
    if "end" in typed:
        end_contact(applicant, old, current_user)
        flash(_("Ended; it stays in the history."), "success")
        return redirect(url_for(".view", applicant_id=applicant_id))
    try:
        data = load(NewContact(), _to_plain(typed, contact_id, old.kind.value))
        replace_contact(applicant, old, data, current_user)
    except InvalidInput as problem:
        return _refuse(applicant_id, typed, contact_id, problem)
    flash(_("Saved."), "success")
    return redirect(url_for(".view", applicant_id=applicant_id))


def _to_plain(typed: dict[str, Any], place: str, kind: str) -> dict[str, Any]:
    """What the schema takes; several forms stand on the page, so each one's fields begin with its `place`."""
    return {"kind": kind, "value": typed.get(f"{place}-value", ""), "note": typed.get(f"{place}-note")}


def _refuse(applicant_id: str, typed: dict[str, Any], place: str, problem: InvalidInput) -> tuple[str, int]:
    """The page with the error at the form that was sent."""
    errors = {f"{place}-{name}": sentences for name, sentences in problem.fields.items()}
    db.session.rollback()
    return _show(get_applicant(applicant_id, current_user), typed, errors=errors, open_place=place), 422


def _show(applicant: Applicant, values: dict[str, Any], **parts: Any) -> str:
    former = sorted((one for one in applicant.contacts if one.ended_at is not None),
                    key=lambda one: str(one.ended_at), reverse=True)
    people = {each for one in applicant.contacts for each in (one.recorded_by_id, one.ended_by_id)}
    return render_template(
        "applicant/contact.html", applicant=applicant, values=values, kinds=list(ContactKind), former=former,
        names=list_names(people), may_change=has_permission(P.REGISTER), **parts)
