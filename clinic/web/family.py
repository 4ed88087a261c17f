"""Families and travel groups: founded from a person's page, members added, corrected and left, who is where."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput
from clinic.models import Family, FamilyKind
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import find_people_by_name, find_people_by_number, get_applicant
from clinic.queries.family import get_family, view_members
from clinic.schemas.door import load
from clinic.schemas.family import FamilyIn, MemberIn
from clinic.schemas.reason import ReasonIn
from clinic.services import family as families
from clinic.web.form import read_form, read_version
from clinic.web.relation_word import list_relation_choices
from clinic.web.seek import read_sought, seeks
from clinic.web.station_page import list_names

blueprint = Blueprint("family", __name__)
Page = str | tuple[str, int] | Response
P = Permission
FACTS = ("kind", "name", "authority_number")


@blueprint.get("/applicants/<applicant_id>/family/new")
@requires(P.REGISTER)
def new(applicant_id: str) -> Page:
    """The form of a new group around this person."""
    applicant = get_applicant(applicant_id, current_user)
    known = families.find_family(applicant)
    if known is not None:
        return redirect(url_for(".show", family_id=known.id))
    return render_template("family/edit.html", applicant=applicant, family=None,
                           values={"kind": FamilyKind.FAMILY, "name": applicant.family_name})


@blueprint.post("/applicants/<applicant_id>/family/new")
@requires(P.REGISTER)
def create(applicant_id: str) -> Page:
    """Found the group."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form)
    try:
        data = load(FamilyIn(), {name: typed[name] for name in FACTS if name in typed})
    except InvalidInput as problem:
        return render_template("family/edit.html", applicant=applicant, family=None, values=typed,
                               errors=problem.fields), 422
    family = families.found_family(applicant, data, current_user)
    flash(_("%(number)s is set up. Now add the others.", number=family.number), "success")
    return redirect(url_for(".show", family_id=family.id))


@blueprint.get("/families/<family_id>")
@requires(P.SEE_CASES)
def show(family_id: str) -> Page:
    """Who belongs to it, what each is to the principal applicant, where each is and what comes next."""
    family = get_family(family_id, current_user)
    record_read("user", current_user.id, "read", "family", family.id, site_id=family.site_id)
    return _show(family)


@blueprint.get("/families/<family_id>/edit")
@requires(P.REGISTER)
def edit(family_id: str) -> Page:
    """The group's own facts."""
    family = get_family(family_id, current_user)
    return _show_edit(family, {name: getattr(family, name) for name in FACTS}, family.version)


@blueprint.post("/families/<family_id>/edit")
@requires(P.REGISTER)
def save(family_id: str) -> Page:
    """Correct them."""
    family = get_family(family_id, current_user)
    typed = read_form(request.form)
    version = read_version(typed.get("version")) or 0
    try:
        data = load(FamilyIn(), {name: typed[name] for name in FACTS if name in typed})
        families.change_family(family, data, version, current_user)
    except InvalidInput as problem:
        return _show_edit(family, typed, version, errors=problem.fields), 422
    except CaseChanged as problem:
        return _show_edit(family, typed, family.version, conflict=problem.message), 409
    flash(_("Saved."), "success")
    return redirect(url_for(".show", family_id=family_id))


@blueprint.get("/families/<family_id>/members/new")
@requires(P.REGISTER)
@seeks("q")
def choose(family_id: str) -> Page:
    """Look for somebody who is registered already."""
    return _show_choice(get_family(family_id, current_user), {})


@blueprint.post("/families/<family_id>/members/new")
@requires(P.REGISTER)
def add(family_id: str) -> Page:
    """Somebody registered joins."""
    family = get_family(family_id, current_user)
    typed = read_form(request.form)
    try:
        data = load(MemberIn(), {name: typed[name] for name in ("applicant_id", "relation") if name in typed})
    except InvalidInput as problem:
        return _show_choice(family, typed, errors=problem.fields), 422
    member = families.join_family(family, get_applicant(data["applicant_id"], current_user), data["relation"],
                                  current_user)
    flash(_("%(number)s belongs to the group now.", number=member.applicant.number), "success")
    return redirect(url_for(".show", family_id=family_id))


@blueprint.post("/families/<family_id>/members/<member_id>")
@requires(P.REGISTER)
def relate(family_id: str, member_id: str) -> Page:
    """Correct what a member is to the principal applicant."""
    family = get_family(family_id, current_user)
    typed = read_form(request.form)
    try:
        relation = typed.get(f"{member_id}-relation")
        data = load(MemberIn(only=("relation",)), {"relation": relation} if relation else {})
    except InvalidInput as problem:
        return _refuse_member(family, member_id, typed, problem)
    families.change_relation(family, families.get_member(family, member_id), data["relation"], current_user)
    flash(_("Saved."), "success")
    return redirect(url_for(".show", family_id=family_id))


@blueprint.post("/families/<family_id>/members/<member_id>/leave")
@requires(P.REGISTER)
def leave(family_id: str, member_id: str) -> Page:
    """Somebody leaves, with the reason; a principal applicant hands the place on."""
    family = get_family(family_id, current_user)
    typed = read_form(request.form)
    try:
        reason = load(ReasonIn(), {"reason": typed.get("reason")})
        member = families.get_member(family, member_id)
        families.leave_family(family, member, reason, current_user, typed.get(f"{member_id}-heir"))
    except InvalidInput as problem:
        db.session.rollback()
        return _refuse_member(get_family(family_id, current_user), member_id, typed, problem)
    if member.is_principal and families.list_members(family):
        flash(_("Saved. Look at the relations: they are to the new principal applicant now."), "warning")
    else:
        flash(_("Saved; it stays in the history."), "success")
    return redirect(url_for(".show", family_id=family_id))


def _refuse_member(family: Family, member_id: str, typed: dict[str, Any], problem: InvalidInput) -> tuple[str, int]:
    """The page with the error at the member's own form."""
    errors = {f"{member_id}-{name}": sentences for name, sentences in problem.fields.items()}
    values = typed | {f"{member_id}-reason": typed.get("reason")}
    return _show(family, values, errors=errors, open_member=member_id), 422


def _show(family: Family, values: dict[str, Any] | None = None, **parts: Any) -> str:
    former = families.list_former_members(family)
    return render_template(
        "family/show.html", family=family, members=view_members(family), former=former, values=values or {},
        names=list_names({each for one in former for each in (one.joined_by_id, one.left_by_id)}),
        relations=list_relation_choices(), may_change=has_permission(P.REGISTER), may_open=has_permission(P.OPEN_CASE),
        **parts,
    )


def _show_edit(family: Family, values: dict[str, Any], version: int, **parts: Any) -> str:
    return render_template("family/edit.html", applicant=None, family=family, values=values, version=version, **parts)


def _show_choice(family: Family, values: dict[str, Any], **parts: Any) -> str:
    query = (read_sought("q") or values.get("q") or "").strip()
    found = (find_people_by_number(current_user, query) or find_people_by_name(current_user, query)) if query else []
    present = {member.applicant_id for member in families.list_members(family)}
    principal = next(iter(families.list_members(family)), None)
    return render_template(
        "family/choose.html", family=family, values=values, query=query, relations=list_relation_choices(),
        found=[one for one in found if one.id not in present], principal=principal.applicant if principal else None,
        **parts)
