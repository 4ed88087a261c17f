"""People: registering one from a passport, likely doubles on save, the person's page, corrections, documents."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.db import db
from clinic.errors import CaseChanged
from clinic.models import Applicant, DocumentKind, Family, Sex
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import get_applicant, get_record, list_applicants, list_cases_of
from clinic.queries.family import get_family
from clinic.queries.merge import get_survivor
from clinic.schemas.registration import ChangedApplicant, NewApplicant, NewDocument
from clinic.services.double import LikelyDouble, find_likely_doubles
from clinic.services.draft import discard_draft, find_draft, keep_draft, list_drafts
from clinic.services.registration import (
    CONTACT_FIELDS,
    PERSON_FIELDS,
    add_document,
    register_applicant,
    update_applicant,
)
from clinic.unit import reads_only
from clinic.web.form import read_form, read_version
from clinic.web.merge_card import build_merge_card
from clinic.web.passport import ReadZone, list_zone_warnings, read_zone, to_fields
from clinic.web.relation_word import list_relation_choices
from clinic.web.relative import (
    address_next_case,
    fill_from_family,
    find_family_of_form,
    get_principal,
    join,
    list_relation_errors,
)
from clinic.web.word import sex_word

blueprint = Blueprint("applicant", __name__, url_prefix="/applicants")
Page = str | tuple[str, int] | Response
P = Permission
SHORTEST_REASON = 5  # letters: "twin" alone says too little, "her twin" does


@blueprint.get("")
@requires(P.REGISTER, P.SEE_CASES)
def index() -> Page:
    """Everybody registered at the site, by name."""
    after = request.args.get("after")  # a key: no name stands in an address
    people, more = list_applicants(current_user, after)
    next_url = url_for(".index", after=people[-1].id) if more else None
    return render_template("applicant/index.html", people=people, may_register=has_permission(P.REGISTER),
                           next_url=next_url, is_first=not after)


@blueprint.get("/new")
@requires(P.REGISTER)
def new() -> Page:
    """The empty form; a draft taken up again; or, from a family's page, with what the family shares."""
    draft = find_draft(current_user, request.args.get("draft"))
    if draft is not None:
        return _show_new(draft.typed | {"draft": draft.id}, zone=read_zone(draft.typed.get("mrz", "")), resumed=draft)
    drafts = list_drafts(current_user)
    if "family" in request.args:
        return _show_new(fill_from_family(get_family(request.args["family"], current_user)), drafts=drafts)
    return _show_new({}, drafts=drafts)


@blueprint.post("/new/drafts/<draft_id>/discard")
@requires(P.REGISTER)
def discard(draft_id: str) -> Page:
    """Throw away what was typed and not saved."""
    discard_draft(current_user, draft_id)
    flash(_("Thrown away."), "success")
    return redirect(url_for(".new"))


@blueprint.post("/new/zone")
@requires(P.REGISTER)
@reads_only
def fill_from_zone() -> Page:
    """The form filled from the two lines; whatever else was typed stays."""
    typed = read_form(request.form, lists=("confirmed", "seen"))
    zone = read_zone(typed.get("mrz", ""))
    if zone is None or zone.mrz is None:
        text = zone.error if zone else _("Scan or paste the lines at the foot of the passport's photo page.")
        return _show_new(typed, errors={"mrz": [text]}), 422
    return _show_new(typed | to_fields(zone.mrz), zone=zone)


@blueprint.post("/new")
@requires(P.REGISTER)
def create() -> Page:
    """Register, unless something is to be corrected or compared first."""
    typed = read_form(request.form, lists=("confirmed", "seen"))
    zone = read_zone(typed.get("mrz", ""))
    if zone is not None and zone.mrz is not None and not typed.get("family_name"):
        return _show_new(typed | to_fields(zone.mrz), zone=zone)  # saved before it was read: show it first
    try:
        data, warnings = _load_person(typed, zone)
    except ValidationError as error:
        return _refuse_new(typed, errors=error.messages_dict, zone=zone)
    family = find_family_of_form(typed)
    if "use" in typed:
        return _use_registered(typed, data, family)
    if any(warning["code"] not in typed["confirmed"] for warning in warnings):
        return _refuse_new(typed, zone=zone, warnings=warnings)
    doubles = find_likely_doubles(current_user.site_id, data)
    if doubles:
        errors = _judge_doubles(doubles, typed)
        if errors is not None:
            return _refuse_new(typed, errors=errors, zone=zone, warnings=warnings, doubles=doubles)
    applicant = register_applicant(data, current_user, doubles, typed.get("double_reason", ""))
    flash(_("Registered as %(number)s.", number=applicant.number), "success")
    return _go_on(applicant, typed, family)


@blueprint.get("/<applicant_id>")
@requires(P.SEE_CASES)
def show(applicant_id: str) -> Page:
    """The person, the documents, the cases; a merged record leads to the one that stands for it."""
    applicant = get_record(applicant_id, current_user)
    if applicant.merged_into_id is not None:
        return redirect(url_for(".show", applicant_id=get_survivor(applicant).id, merged=applicant.id))
    record_read("user", current_user.id, "read", "applicant", applicant.id, site_id=applicant.site_id)
    return render_template(
        "applicant/show.html", applicant=applicant, cases=list_cases_of(applicant),
        may_change=has_permission(P.REGISTER), may_open=has_permission(P.OPEN_CASE),
        merging=build_merge_card(applicant),
    )


@blueprint.get("/<applicant_id>/edit")
@requires(P.REGISTER)
def edit(applicant_id: str) -> Page:
    """The person's details, to be corrected."""
    applicant = get_applicant(applicant_id, current_user)
    return _show_edit(applicant, {name: getattr(applicant, name) for name in PERSON_FIELDS}, applicant.version)


@blueprint.post("/<applicant_id>/edit")
@requires(P.REGISTER)
def save(applicant_id: str) -> Page:
    """Correct the person; what was typed is never lost, not even when somebody else saved first."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form)
    version = read_version(typed.get("version")) or 0
    try:
        data = ChangedApplicant().load(typed)
    except ValidationError as error:
        return _show_edit(applicant, typed, version, errors=error.messages_dict), 422
    try:
        changed = update_applicant(applicant, data, version, current_user)
    except CaseChanged as error:
        return _show_edit(applicant, typed, applicant.version, conflict=error.message), 409
    flash(_("Saved.") if changed else _("Nothing was different."), "success")
    return redirect(url_for(".show", applicant_id=applicant.id))


@blueprint.get("/<applicant_id>/documents/new")
@requires(P.REGISTER)
def new_document(applicant_id: str) -> Page:
    """The form of one more document."""
    return _show_document(get_applicant(applicant_id, current_user), {})


@blueprint.post("/<applicant_id>/documents/new")
@requires(P.REGISTER)
def create_document(applicant_id: str) -> Page:
    """Add a document, read from its lines or typed."""
    applicant = get_applicant(applicant_id, current_user)
    typed = read_form(request.form, lists=("confirmed",))
    zone = read_zone(typed.get("mrz", ""))
    if zone is not None and zone.mrz is not None and ("read" in typed or "document-number" not in typed):
        return _show_document(applicant, typed | to_fields(zone.mrz), zone=zone)
    person = {name: getattr(applicant, name) for name in PERSON_FIELDS}
    try:
        if zone is not None and zone.error:
            raise ValidationError({"mrz": [zone.error]})
        data = NewDocument().load(_document_part(typed, zone))
    except ValidationError as error:
        messages = error.messages_dict
        errors = messages if "mrz" in messages else {"document": messages}
        return _show_document(applicant, typed, errors=errors, zone=zone), 422
    warnings = list_zone_warnings(zone.mrz, person) if zone and zone.mrz else []
    if any(warning["code"] not in typed["confirmed"] for warning in warnings):
        return _show_document(applicant, typed, zone=zone, warnings=warnings), 422
    add_document(applicant, data, current_user)
    flash(_("Document added."), "success")
    return redirect(url_for(".show", applicant_id=applicant.id))


def _load_person(typed: dict[str, Any], zone: ReadZone | None) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The person as the schema gives it, and what differs from the zone. Raises ValidationError."""
    plain = {name: typed[name] for name in (*PERSON_FIELDS, *CONTACT_FIELDS) if name in typed}
    document = _document_part(typed, zone)
    if set(document) - {"kind"}:
        plain["document"] = document
    messages: dict[str, Any] = {"mrz": [zone.error]} if zone and zone.error else {}
    messages |= list_relation_errors(typed)
    try:
        data: dict[str, Any] = NewApplicant().load(plain)
    except ValidationError as error:
        raise ValidationError(messages | error.messages_dict) from None
    if messages:
        raise ValidationError(messages)
    warnings = list_zone_warnings(zone.mrz, data) if zone and zone.mrz else []
    if warnings and data["document"]:
        data["document"]["mrz_mismatches"] = "\n".join(warning["text"] for warning in warnings)
    return data, warnings


def _document_part(typed: dict[str, Any], zone: ReadZone | None) -> dict[str, Any]:
    prefix = "document-"
    part = {name.removeprefix(prefix): value for name, value in typed.items() if name.startswith(prefix)}
    if zone and zone.mrz:
        part["mrz"] = zone.mrz.text
    return part


def _judge_doubles(doubles: list[LikelyDouble], typed: dict[str, Any]) -> dict[str, Any] | None:
    """None when the clerk has seen all of them and said why it is another person; otherwise what to correct."""
    if not {double.applicant.id for double in doubles} <= set(typed["seen"]):
        return {}
    if len(typed.get("double_reason", "")) < SHORTEST_REASON:
        return {"double_reason": [_("Write in a few words how you know that this is another person.")]}
    return None


def _use_registered(typed: dict[str, Any], data: dict[str, Any], family: Family | None) -> Page:
    applicant = get_applicant(typed["use"], current_user)
    known = len(applicant.documents)
    if data.get("document"):
        add_document(applicant, data["document"], current_user)
    added = len(applicant.documents) > known
    flash(_("This person was registered before; the document was added.") if added
          else _("This person was registered before; nothing new was saved."), "success")
    return _go_on(applicant, {name: value for name, value in typed.items() if name != "open_case"}, family)


def _go_on(applicant: Applicant, typed: dict[str, Any], family: Family | None) -> Response:
    """After the person is there: into the family, if it is one's, and to the page of the next step."""
    discard_draft(current_user, typed.get("draft"))
    if family is not None:
        join(family, applicant, typed)
    if "open_case" in typed:
        return redirect(address_next_case(family, applicant) if family
                        else url_for("opening.choose", applicant_id=applicant.id))
    return redirect(url_for("family.show", family_id=family.id) if family
                    else url_for(".show", applicant_id=applicant.id))


def _refuse_new(typed: dict[str, Any], **parts: Any) -> tuple[str, int]:
    """The form again with what is to be corrected; what was typed is kept, whatever the reader does next."""
    db.session.rollback()
    kept = {name: value for name, value in typed.items() if name not in ("draft", "open_case", "read", "use")}
    draft = keep_draft(current_user, kept, typed.get("draft"))
    db.session.commit()  # the answer is a refusal, which keeps nothing by itself
    return _show_new(typed | {"draft": draft.id}, **parts), 422


def _choices() -> dict[str, Any]:
    kinds = {
        DocumentKind.PASSPORT: _("Passport"), DocumentKind.IDENTITY_CARD: _("Identity card"),
        DocumentKind.REFUGEE_DOCUMENT: _("Refugee travel document"), DocumentKind.OTHER: _("Other document"),
    }
    return {
        "document_kinds": list(kinds.items()),
        "sexes": [(sex, sex_word(sex)) for sex in (Sex.FEMALE, Sex.MALE, Sex.OTHER, Sex.UNKNOWN)],
    }


def _show_new(values: dict[str, Any], **parts: Any) -> str:
    family = find_family_of_form(values)
    return render_template(
        "applicant/new.html", values=values, family=family, principal=get_principal(family) if family else None,
        relations=list_relation_choices(), may_merge=has_permission(P.MERGE_RECORDS), **_choices(), **parts)


def _show_edit(applicant: Applicant, values: dict[str, Any], version: int, **parts: Any) -> str:
    return render_template("applicant/edit.html", applicant=applicant, values=values, version=version, **_choices(),
                           **parts)


def _show_document(applicant: Applicant, values: dict[str, Any], **parts: Any) -> str:
    return render_template("applicant/document.html", applicant=applicant, values=values, **_choices(), **parts)
