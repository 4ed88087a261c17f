"""Opening a case: programme and category, then its facts and the circumstances the authority asks about."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from clinic import clock
from clinic.authority_number import list_number_cautions
from clinic.models import Applicant
from clinic.permissions import Permission, requires
from clinic.queries.applicant import get_applicant, list_cases_of
from clinic.rules.programme import list_programmes
from clinic.schemas.case import NewCase
from clinic.services.derivation import derive_circumstances
from clinic.services.opening import open_case
from clinic.services.site import list_offered
from clinic.web.case_form import find_category, list_groups, list_place_rows, read_case_form
from clinic.workflow import OPEN

blueprint = Blueprint("opening", __name__, url_prefix="/applicants/<applicant_id>/cases")
Page = str | tuple[str, int] | Response


@blueprint.get("/new")
@requires(Permission.OPEN_CASE)
def choose(applicant_id: str) -> Page:
    """First the programme and category; with both in the address, the form."""
    applicant = get_applicant(applicant_id, current_user)
    programme, category = request.args.get("programme"), request.args.get("category")
    offered = list_offered(applicant.site_id)
    if find_category(programme, category) and programme in [one.code for one in offered]:
        return _show(applicant, {"programme": programme, "category": category})
    open_ones = [case for case in list_cases_of(applicant) if case.state in OPEN]
    return render_template("case/choose.html", applicant=applicant, programmes=offered,
                           open_ones=open_ones)


@blueprint.post("/new")
@requires(Permission.OPEN_CASE)
def create(applicant_id: str) -> Page:
    """Open the case and show what it requires, or the form again with what is to be corrected."""
    applicant = get_applicant(applicant_id, current_user)
    typed, plain = read_case_form()
    plain["programme"] = typed.get("programme", "")
    if find_category(plain["programme"], plain.get("category")) is None:
        return redirect(url_for(".choose", applicant_id=applicant.id))
    try:
        data = NewCase().load(plain)
    except ValidationError as error:
        return _show(applicant, typed, errors=error.messages_dict), 422
    warnings = list_number_cautions(plain["programme"], data["authority_case_number"])
    if any(warning.code not in typed["confirmed"] for warning in warnings):
        return _show(applicant, typed, warnings=warnings), 422
    opened = open_case(applicant, data, current_user)
    flash(_("Case %(number)s is open. Below is what it requires, and why.", number=opened.case.number), "success")
    return redirect(url_for("case.show", case_id=opened.case.id))


def _show(applicant: Applicant, values: dict[str, Any], **parts: Any) -> str:
    programme = list_programmes()[values["programme"]]
    category = programme.categories[values["category"]]
    today = clock.today(applicant.site.time_zone).isoformat()
    nowhere_else: dict[str, Any] = {"application_date": None, "exam_date": today, "lived_in": []}
    derived = derive_circumstances(programme.code, applicant, nowhere_else)
    return render_template(
        "case/new.html", applicant=applicant, values=values, programme=programme, category=category,
        places=list_place_rows(values),
        groups=list_groups(programme.code, category.code, values, applicant, derived), **parts,
    )
