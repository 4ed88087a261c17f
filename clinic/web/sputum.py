"""Sputum: specimens as they are taken, smear, NAAT and culture as the laboratory reports them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.laboratory_test import list_tests
from clinic.models import Case, SpecimenKind
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, SpecimenIn
from clinic.schemas.reason import ReasonIn
from clinic.services import laboratory, specimen
from clinic.services.plausibility import get_today
from clinic.web.form import read_form
from clinic.web.gate import address_check, is_present
from clinic.web.laboratory import Problems
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, prefix_errors, show

blueprint = Blueprint("sputum", __name__, url_prefix="/cases/<case_id>/sputum")
P = Permission
SPECIMEN_FIELDS: tuple[str, ...] = ("kind", "collected_on", "replaces_id", "confirmed")
TESTS = ("sputum-smear", "sputum-naat", "sputum-culture")


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The specimens of a case with their results."""
    return _show(open_case(case_id), {})


@blueprint.post("/specimens")
@requires(P.RECORD_SPUTUM)
def take(case_id: str) -> Answer | Response:
    """Record a specimen and give it its number."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    try:
        plain = {name: typed[name] for name in SPECIMEN_FIELDS if name in typed}
        made = specimen.take_specimen(case, load(SpecimenIn(), plain), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "take"}, problem)
    flash(_("Specimen %(number)s is recorded: label the pot with this number.", number=made.number), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/results")
@requires(P.ENTER_RESULT)
def enter(case_id: str) -> Answer | Response:
    """Record every result of the table that was filled in: all of them, or none."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    problems = Problems()
    count = 0
    try:
        for each in specimen.list_specimens(case):
            for test in TESTS:
                value = typed.get(f"{each.id}.{test}.value")
                if not value:
                    continue
                count += 1
                _enter_one(case, each.id, test, value, typed, problems)
        if not count:
            problems.errors["results"] = [_("Enter at least one result.")]
        problems.raise_any()
    except InvalidInput as problem:
        return _show(forget(case_id), typed | {"step": "results"}, problem)
    flash(_("Saved. Another person must confirm before it counts."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/specimens/<specimen_id>/withdraw")
@requires(P.RECORD_SPUTUM)
def withdraw(case_id: str, specimen_id: str) -> Answer | Response:
    """Take back a specimen that was recorded by mistake."""
    case = open_case(case_id)
    row = specimen.get_specimen(case, specimen_id)
    typed = read_form(request.form)
    try:
        specimen.withdraw_specimen(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, f"withdraw-{specimen_id}-", "reason")
        return _show(forget(case_id), {}, problem)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _enter_one(case: Case, specimen_id: str, test: str, value: str, typed: dict[str, Any], problems: Problems) -> None:
    """One cell of the table; what is wrong with it is kept under the names of its two fields."""
    name = f"{specimen_id}.{test}"
    plain = {"test": test, "value": value, "specimen_id": specimen_id, "confirmed": typed["confirmed"]}
    if typed.get(f"{name}.reported_on"):
        plain["reported_on"] = typed[f"{name}.reported_on"]
    try:
        laboratory.enter_result(case, load(LabResultIn(), plain), current_user)
    except InvalidInput as problem:
        own = Problems()
        own.add(problem, test, "")
        problems.cautions += [caution for caution in own.cautions if caution not in problems.cautions]
        for found, sentences in own.errors.items():
            problems.errors[f"{name}.{'reported_on' if found == 'reported_on' else 'value'}"] = sentences


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    rows = specimen.list_specimens(case)
    people = [each.recorded_by_id for each in rows]
    people += [who for each in rows for row in each.results for who in (row.entered_by_id, row.confirmed_by_id) if who]
    cells = [(each, test) for each in rows for test in TESTS]
    sent_back = {f"{each.id}.{test}": row for each, test in cells
                 if (row := laboratory.find_sent_back(case, test, each.id))}
    takes = is_recording(case) and has_permission(P.RECORD_SPUTUM)
    return show(
        "sputum/view.html", case, problem, rows=rows, typed=typed, names=list_names(people), tests=list_tests(),
        columns=TESTS, find=specimen.find_current_result, ticked=typed.get("confirmed", []),
        replaceable=[each for each in rows if specimen.needs_replacement(each, rows)],
        numbers={each.id: each.number for each in rows}, kinds=(SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE),
        may_take=takes and is_present(case, "sputum"), may_ask=takes,
        ask_url=address_check(case.id, "sputum", url_for(".view", case_id=case.id)),
        sent_back=sent_back, waiting=len(laboratory.list_waiting(case)),
        may_confirm=is_recording(case) and has_permission(P.CONFIRM_RESULT),
        may_enter=is_recording(case) and has_permission(P.ENTER_RESULT),
        proven=any(row.is_current and row.test == "sputum-naat" and row.value == "detected"
                   for each in rows for row in each.results),
        grew=any(row.is_current and row.value == "mtb" for each in rows for row in each.results),
        days={each.id: (get_today(case) - each.collected_on).days for each in rows},
    )
