"""Cases of several members of a family opened at once: one programme and category, each with its own number."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic.errors import InvalidInput
from clinic.models import Case, Family, FamilyMember, User
from clinic.queries.family import list_cases_of_people
from clinic.services.family import list_members
from clinic.services.opening import Opened, open_case
from clinic.workflow import OPEN


def list_open_cases(family: Family, programme: str) -> dict[str, Case]:
    """By applicant: the open case that a member has for this programme already."""
    ids = [member.applicant_id for member in list_members(family)]
    return {case.applicant_id: case for case in list_cases_of_people(ids)
            if case.programme == programme and case.state in OPEN}


def open_cases(family: Family, data: dict[str, Any], actor: User) -> list[Opened]:
    """Open one case for each ticked member; `data` as FamilyCases gives it.

    What only the person can answer stays unknown. Raises InvalidInput when somebody left, or has such a case already:
    nothing is opened then.
    """
    members = {member.id: member for member in list_members(family)}
    present = list_open_cases(family, data["programme"])
    chosen: list[FamilyMember] = []
    for member_id in data["members"]:
        member = members.get(member_id)
        if member is None or member.applicant_id in present:
            raise InvalidInput(_("Please correct what is marked."), fields={
                "members": [_("Somebody left the family or has an open case of this programme by now. Look again.")],
            }, family=family.id)
        chosen.append(member)
    shared = {name: value for name, value in data.items() if name not in ("members", "numbers")}
    return [open_case(member.applicant, shared | {"authority_case_number": data["numbers"].get(member.id)}, actor)
            for member in chosen]
