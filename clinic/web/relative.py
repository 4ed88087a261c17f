"""Registering the next of a family: what the family shares is filled in, and the new person joins it."""

from __future__ import annotations

from typing import Any

from flask import flash, url_for
from flask_babel import gettext as _
from flask_login import current_user
from marshmallow import ValidationError

from clinic.models import Applicant, Family, Relation
from clinic.queries.family import get_family, list_cases_of_people
from clinic.schemas.family import MemberIn
from clinic.services.family import find_family, find_parent_relation, join_family, list_members
from clinic.services.related_person import add_related, is_child

# What a family mostly shares; the clerk sees it filled in and corrects it where it differs.
SHARED = ("family_name", "native_family_name", "native_language", "citizenship", "residence", "language",
          "interpreter_language", "phone", "address")


def fill_from_family(family: Family) -> dict[str, Any]:
    """The form's values that the principal applicant's family shares."""
    principal = get_principal(family)
    shared = {name: getattr(principal, name) for name in SHARED}
    issued = principal.documents[-1].issuing_country if principal.documents else None
    return {name: value for name, value in shared.items() if value} | {
        "family": family.id, "document-issuing_country": issued}


def find_family_of_form(typed: dict[str, Any]) -> Family | None:
    """The family that the person being registered belongs to. Raises NotFound beyond the user's site."""
    return get_family(typed["family"], current_user) if typed.get("family") else None


def check_relation(typed: dict[str, Any]) -> Relation:
    """What the new member is to the principal applicant. Raises ValidationError."""
    loaded = MemberIn(only=("relation",)).load({"relation": typed["relation"]} if typed.get("relation") else {})
    relation: Relation = loaded["relation"]
    return relation


def join(family: Family, applicant: Applicant, typed: dict[str, Any]) -> None:
    """The person joins; where it was ticked and the person is a minor, the principal applicant becomes guardian."""
    if find_family(applicant) is not None:
        flash(_("This person is in a group already and was not moved."), "warning")
        return
    relation = check_relation(typed)
    join_family(family, applicant, relation, current_user)
    if "guardian" not in typed or not is_child(applicant):
        return
    principal = get_principal(family)
    if not principal.documents:
        flash(_("No document of the principal applicant is recorded: add it, then record the guardian."), "warning")
        return
    add_related(applicant, {
        "registered_id": principal.id, "name": None, "organisation": None, "is_guardian": True,
        "relation": find_parent_relation(principal, relation) or Relation.LEGAL_GUARDIAN,
        "is_emergency": bool(principal.phone), "phone": None, "document_kind": None, "document_number": None,
    }, current_user)


def get_principal(family: Family) -> Applicant:
    """The principal applicant; of a group that all have left, who came last."""
    members = list_members(family)
    return (members or family.members)[0].applicant


def address_next_case(family: Family, applicant: Applicant) -> str:
    """The form of the new member's case, with the programme and category of the family's newest case."""
    others = [member.applicant_id for member in list_members(family) if member.applicant_id != applicant.id]
    newest = next(iter(list_cases_of_people(others)), None)
    if newest is None:
        return url_for("opening.choose", applicant_id=applicant.id)
    return url_for("opening.choose", applicant_id=applicant.id, programme=newest.programme, category=newest.category)


def list_relation_errors(typed: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with the relation, for the form; empty when nothing is, or no family is joined."""
    if not typed.get("family"):
        return {}
    try:
        check_relation(typed)
    except ValidationError as error:
        return error.messages_dict
    return {}
