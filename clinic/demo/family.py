"""Families of the demo: the mother with everybody else, cases opened together, guardians and an interpreter."""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Any

from clinic.demo.people import Role, SyntheticFamily, SyntheticMember
from clinic.models import Applicant, Family, InterpreterMode, Relation, User
from clinic.services.family import find_parent_relation, found_family, join_family
from clinic.services.family_opening import open_cases
from clinic.services.interpreter import record_interpreter
from clinic.services.registration import register_applicant
from clinic.services.related_person import add_related, is_child

SPOKEN_BY_STAFF = ("en", "sw")
# What a member is to the mother, and what she is to them.
_RELATIONS = {Role.FATHER: Relation.SPOUSE, Role.CHILD: Relation.CHILD, Role.GRANDPARENT: Relation.PARENT_IN_LAW}
_TO_THEM = {Relation.SPOUSE: Relation.SPOUSE, Relation.PARENT_IN_LAW: Relation.RELATIVE}
INTERPRETERS = ("Hanna Tesfaye", "Farid Noori", "Line 4417")


def add_family(rng: Random, made: SyntheticFamily, people: list[dict[str, Any]], programme: str, category: str,
               today: date, actor: User) -> Family:
    """Register a synthetic family (`people` as NewApplicant gives them, in its order) and open everybody's case.

    The mother is the principal applicant; she answers for the children, and is called for the others.
    """
    order = sorted(zip(made.members, people, strict=True), key=lambda pair: pair[0].role is not Role.MOTHER)
    registered = [(member, register_applicant(data | _pick_interpreter(data), actor)) for member, data in order]
    principal = registered[0][1]
    family = found_family(principal, {
        "kind": "family", "name": principal.family_name, "authority_number": f"FAM-{rng.randrange(10**6):06}"}, actor)
    for member, applicant in registered[1:]:
        _join(family, principal, member, applicant, actor)
    opened = open_cases(family, {
        "programme": programme, "category": category, "members": [one.id for one in family.members], "numbers": {},
        "stay_months": None, "au_schedule": None, "application_date": today, "exam_date": None,
        "destination_address": None, "residences": [], "circumstances": {},
    }, actor)
    for each in opened:
        if each.case.applicant.interpreter_language:
            record_interpreter(each.case, {
                "language": each.case.applicant.interpreter_language, "name": rng.choice(INTERPRETERS),
                "organisation": "Demo Interpreters", "mode": rng.choice(list(InterpreterMode)), "is_relative": False,
            }, actor)
    return family


def _join(family: Family, principal: Applicant, member: SyntheticMember, applicant: Applicant, actor: User) -> None:
    relation = _RELATIONS[member.role]
    join_family(family, applicant, relation, actor)
    add_related(applicant, {
        "registered_id": principal.id, "name": None, "organisation": None, "is_guardian": is_child(applicant),
        "is_emergency": True, "phone": None, "document_kind": None, "document_number": None,
        "relation": find_parent_relation(principal, relation) or _TO_THEM[relation]}, actor)


def _pick_interpreter(data: dict[str, Any]) -> dict[str, Any]:
    return {"interpreter_language": None if data["language"] in SPOKEN_BY_STAFF else data["language"]}
