"""Opening cases for several members of a family at once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.authority_number import list_number_cautions
from clinic.caution import Caution
from clinic.errors import InvalidInput
from clinic.models import Family
from clinic.permissions import Permission, requires
from clinic.queries.family import get_family, list_cases_of_people
from clinic.rules.programme import list_programmes
from clinic.schemas.door import load
from clinic.schemas.family import FamilyCases
from clinic.services.family import list_members
from clinic.services.family_opening import list_open_cases, open_cases
from clinic.services.site import list_offered
from clinic.web.case_form import FACTS, find_category
from clinic.web.form import read_form

blueprint = Blueprint("family_case", __name__, url_prefix="/families/<family_id>/cases")
Page = str | tuple[str, int] | Response
NUMBER_PREFIX = "numbers-"
SHARED = tuple(name for name in FACTS if name != "authority_case_number")


@blueprint.get("/new")
@requires(Permission.OPEN_CASE)
def choose(family_id: str) -> Page:
    """First the programme and category, unless a member's case tells; then what all share and each one's number."""
    family = get_family(family_id, current_user)
    programme, category = request.args.get("programme"), request.args.get("category")
    offered = list_offered(family.site_id)
    if find_category(programme, category) and programme in [one.code for one in offered]:
        return _show(family, {"programme": programme, "category": category})
    newest = next(iter(list_cases_of_people([one.applicant_id for one in list_members(family)])), None)
    return render_template("family/programme.html", family=family, programmes=offered,
                           newest=newest)


@blueprint.post("/new")
@requires(Permission.OPEN_CASE)
def create(family_id: str) -> Page:
    """Open a case for everybody who is ticked, or none."""
    family = get_family(family_id, current_user)
    typed = read_form(request.form, lists=("members", "confirmed"))
    numbers = {name.removeprefix(NUMBER_PREFIX): value for name, value in typed.items()
               if name.startswith(NUMBER_PREFIX)}
    plain = {name: typed[name] for name in (*SHARED, "programme", "members") if name in typed} | {"numbers": numbers}
    if find_category(plain.get("programme"), plain.get("category")) is None:
        return redirect(url_for(".choose", family_id=family_id))
    try:
        data = load(FamilyCases(), plain)
        cautions = _list_cautions(data)
        if any(caution.code not in typed["confirmed"] for caution in cautions):
            return _show(family, typed, warnings=cautions), 422
        opened = open_cases(family, data, current_user)
    except InvalidInput as problem:
        return _show(family, typed, errors=problem.fields), 422
    flash(_("%(n)s cases are open. Each one's circumstances are still to be answered.", n=len(opened))
          if len(opened) > 1 else _("One case is open. Its circumstances are still to be answered."), "success")
    return redirect(url_for("family.show", family_id=family_id))


def _list_cautions(data: dict[str, Any]) -> list[Caution]:
    """Numbers of ticked members that look unusual for the authority."""
    return [caution for member_id in data["members"] for caution in list_number_cautions(
        data["programme"], data["numbers"].get(member_id), NUMBER_PREFIX + member_id)]


def _show(family: Family, values: dict[str, Any], **parts: Any) -> str:
    programme = list_programmes()[values["programme"]]
    category = programme.categories[values["category"]]
    present = list_open_cases(family, programme.code)
    members = list_members(family)
    ticked = values.get("members")
    if ticked is None:
        ticked = [member.id for member in members if member.applicant_id not in present]
    return render_template(
        "family/cases.html", family=family, values=values, programme=programme, category=category, members=members,
        present=present, ticked=ticked, **parts)
