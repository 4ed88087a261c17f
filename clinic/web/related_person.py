"""Guardians and emergency contacts of an applicant: recorded from somebody registered or by name, ended, explained."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.audit import record_read
from clinic.consent_text import get_guardian_rule
from clinic.db import db
from clinic.errors import InvalidInput
from clinic.models import Applicant, DocumentKind, RelatedPerson
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import find_people_by_name, find_people_by_number, get_applicant
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.related_person import NewRelatedPerson
from clinic.services import related_person as related
from clinic.services.family import find_family, find_parent_relation, list_members
from clinic.web.case_word import DOCUMENT_WORDS
from clinic.web.form import read_form
from clinic.web.relation_word import list_guardian_relations
from clinic.web.seek import read_sought, seeks
from clinic.web.station_page import list_names

blueprint = Blueprint("related", __name__, url_prefix="/applicants/<applicant_id>/people")
Page = str | tuple[str, int] | Response
P = Permission
FIELDS = ("registered_id", "name", "organisation", "relation", "phone", "document_kind", "document_number")


@blueprint.get("")
@requires(P.SEE_CASES)
def view(applicant_id: str) -> Page:
    """Who answers for the applicant, who is called, and who did before."""
    applicant = get_applicant(applicant_id, current_user)
    record_read("user", current_user.id, "read-people", "applicant", applicant.id, site_id=applicant.site_id)
    return _show(applicant)


@blueprint.get("/new")
@requires(P.REGISTER)
@seeks("q")
def new(applicant_id: str) -> Page:
    """The form: of somebody registered whom the address names, or empty with whom the family proposes."""
    applicant = get_applicant(applicant_id, current_user)
    values: dict[str, Any] = {"roles": [request.args.get("role", "guardian" if related.is_child(applicant) else
                                                         "emergency")]}
    if "from" in request.args:
        values |= _fill_from(applicant, get_applicant(request.args["from"], current_user))
    return _show_form(applicant, values)


@blueprint.post("/new")
@requires(P.REGISTER)
def create(applicant_id: str) -> Page:
    """Write the person down."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form, lists=("roles",))
    try:
        related.add_related(applicant, load(NewRelatedPerson(), _to_plain(typed)), current_user)
    except InvalidInput as problem:
        return _refuse(applicant_id, typed, problem)
    flash(_("Saved."), "success")
    return _go_back(applicant_id)


@blueprint.get("/<related_id>")
@requires(P.REGISTER)
def edit(applicant_id: str, related_id: str) -> Page:
    """The form of one who is recorded; a change writes a new row and ends this one."""
    applicant = get_applicant(applicant_id, current_user)
    row = related.get_related(applicant, related_id)
    values = {name: getattr(row, name) for name in FIELDS} | {"roles": _list_roles(row)}
    return _show_form(applicant, values, row=row)


@blueprint.post("/<related_id>")
@requires(P.REGISTER)
def save(applicant_id: str, related_id: str) -> Page:
    """Replace what was recorded."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form, lists=("roles",))
    row = related.get_related(applicant, related_id)
    try:
        related.replace_related(applicant, row, load(NewRelatedPerson(), _to_plain(typed)), current_user)
    except InvalidInput as problem:
        return _refuse(applicant_id, typed, problem, related_id)
    flash(_("Saved."), "success")
    return _go_back(applicant_id)


@blueprint.post("/<related_id>/end")
@requires(P.REGISTER)
def end(applicant_id: str, related_id: str) -> Page:
    """The person has the role no more."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form)
    try:
        reason = load(ReasonIn(), {"reason": typed.get("reason")})
        related.end_related(applicant, related.get_related(applicant, related_id), reason, current_user)
    except InvalidInput as problem:
        name = f"{related_id}-reason"
        wrong = {name: problem.fields.get("reason", [problem.message])}
        return _show(applicant, wrong, {name: typed.get("reason", "")}), 422
    flash(_("Ended; it stays in the history."), "success")
    return redirect(url_for(".view", applicant_id=applicant_id))


@blueprint.post("/absence")
@requires(P.REGISTER)
def absence(applicant_id: str) -> Page:
    """Write down why a minor has no guardian."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form)
    try:
        related.record_absence(applicant, load(ReasonIn(), {"reason": typed.get("reason")}), current_user)
    except InvalidInput as problem:
        return _show(applicant, {"absence-reason": problem.fields.get("reason", [problem.message])}, typed), 422
    flash(_("Saved: whoever signs for this minor is named on the consent itself."), "success")
    return _go_back(applicant_id)


def _to_plain(typed: dict[str, Any]) -> dict[str, Any]:
    roles = typed["roles"]
    plain = {name: typed[name] for name in FIELDS if name in typed}
    if not plain.get("document_number"):
        plain.pop("document_kind", None)  # a choice that stands there by itself says nothing without its number
    return plain | {"is_guardian": "guardian" in roles, "is_emergency": "emergency" in roles}


def _list_roles(row: RelatedPerson) -> list[str]:
    return [name for name, held in (("guardian", row.is_guardian), ("emergency", row.is_emergency)) if held]


def _fill_from(applicant: Applicant, person: Applicant) -> dict[str, Any]:
    """Of somebody registered: who it is, what the family says they are to each other, how they are reached."""
    relation = None
    family = find_family(applicant)
    members = {member.applicant_id: member for member in list_members(family)} if family else {}
    if person.id in members and applicant.id in members and members[person.id].is_principal:
        relation = find_parent_relation(person, members[applicant.id].relation)
    return {"registered_id": person.id, "relation": relation, "phone": person.phone}


def _list_proposals(applicant: Applicant) -> list[Applicant]:
    """Adults of the applicant's own family."""
    family = find_family(applicant)
    people = [member.applicant for member in list_members(family)] if family else []
    return [one for one in people if one.id != applicant.id and not related.is_child(one)]


def _go_back(applicant_id: str) -> Response:
    """To the consent that waits for the guardian, when the reader came from there; else to the list."""
    case_id = request.args.get("case")
    return redirect(url_for("consent.view", case_id=case_id) if case_id else
                    url_for(".view", applicant_id=applicant_id))


def _refuse(
    applicant_id: str, typed: dict[str, Any], problem: InvalidInput, related_id: str | None = None
) -> tuple[str, int]:
    db.session.rollback()
    applicant = get_applicant(applicant_id, current_user)
    row = related.get_related(applicant, related_id) if related_id else None
    return _show_form(applicant, typed, row=row, errors=problem.fields), 422


def _show(applicant: Applicant, errors: dict[str, Any] | None = None, values: dict[str, Any] | None = None) -> str:
    rows = related.list_related(applicant)
    reason = related.find_absence(applicant)
    people = {each for row in rows for each in (row.recorded_by_id, row.ended_by_id)}
    return render_template(
        "applicant/people.html", applicant=applicant, present=[row for row in rows if row.ended_at is None],
        former=[row for row in rows if row.ended_at is not None], absence=reason, errors=errors, values=values or {},
        names=list_names(people | ({reason.recorded_by_id} if reason else set())), is_child=related.is_child(applicant),
        lacks_guardian=related.lacks_guardian(applicant), rule=get_guardian_rule(clock.today(applicant.site.time_zone)),
        may_change=has_permission(P.REGISTER),
    )


def _show_form(applicant: Applicant, values: dict[str, Any], row: RelatedPerson | None = None, **parts: Any) -> str:
    query = read_sought("q")
    found = (find_people_by_number(current_user, query) or find_people_by_name(current_user, query)) if query else []
    chosen = values.get("registered_id")
    return render_template(
        "applicant/person_around.html", applicant=applicant, values=values, row=row, query=query,
        found=[one for one in found if one.id != applicant.id],
        proposals=[] if chosen else _list_proposals(applicant),
        registered=get_applicant(chosen, current_user) if chosen else None,
        relations=list_guardian_relations(), is_child=related.is_child(applicant),
        document_kinds=[(kind, str(DOCUMENT_WORDS[kind])) for kind in DocumentKind], **parts,
    )
