"""The field in the header: any number, a scanned passport or a name, straight to the record if there is one."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.audit import record_read
from clinic.identifier import classify_identifier
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import (
    FOUND_MOST,
    find_cases_by_number,
    find_people_by_name,
    find_people_by_number,
    follow_merges,
)
from clinic.queries.family import find_families_by_number
from clinic.queries.specimen import find_case_of_order, find_specimen
from clinic.web.seek import read_sought, seeks

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
@requires(Permission.SEE_CASES)
@seeks("q")
def find() -> str | Response:
    """One hit opens; several are listed; none says what can be searched for."""
    errors: dict[str, list[str]] = {}
    typed = read_sought("q", errors)
    scanned = _find_scanned(typed) if typed else None
    if scanned is not None:
        return scanned
    cases = find_cases_by_number(current_user, typed) if typed else []
    people = find_people_by_number(current_user, typed) if typed else []
    if typed and not cases and not people:
        people = find_people_by_name(current_user, typed)
    hits, (people, because) = people, follow_merges(people)
    families = find_families_by_number(current_user, typed) if typed else []
    record_read("user", current_user.id, "search", "applicant", "", site_id=current_user.site_id,
                detail={"kind": _kind_of(typed), "found": len(cases) + len(people)})
    if len(families) == 1 and not cases:
        return redirect(url_for("family.show", family_id=families[0].id))
    if len(cases) == 1 and not people:
        return redirect(url_for("case.show", case_id=cases[0].id))
    if len(people) == 1 and not cases:  # a merged record's own page leads on and says why
        return redirect(url_for("applicant.show", applicant_id=hits[0].id if len(hits) == 1 else people[0].id))
    return render_template(
        "search/index.html", search_query=typed, spent=errors.get("q"), cases=cases, people=people, because=because,
        is_cut=len(hits) >= FOUND_MOST, may_register=has_permission(Permission.REGISTER),
    )


def _find_scanned(typed: str) -> Response | None:
    """The page of the specimen, order or referral whose label was scanned."""
    specimen = find_specimen(current_user, typed)
    case_id = specimen.case_id if specimen is not None else find_case_of_order(current_user, typed)
    if case_id is None:
        return None
    record_read("user", current_user.id, "search", "specimen" if specimen else "lab-order",
                specimen.id if specimen else "", case_id=case_id, site_id=current_user.site_id,
                detail={"kind": "label", "found": 1})
    if specimen is not None:
        return redirect(url_for("specimen.view", case_id=case_id, specimen_id=specimen.id))
    return redirect(url_for("lab_order.view", case_id=case_id))


def _kind_of(typed: str) -> str:
    """What was searched for, for the audit; never the text itself, which may be a name."""
    candidates = classify_identifier(typed)
    return candidates[0].kind.value if candidates else "name"

