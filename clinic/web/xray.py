"""The chest X-ray: the radiologist's reading by the findings of Form DS-3030."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput
from clinic.film_word import READ_VIEW_WORDS
from clinic.models import Answer as Known
from clinic.models import Case, Film, FilmState, XrayReading
from clinic.partial_date import format_clinically
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.door import load
from clinic.schemas.imaging import XrayReadingIn
from clinic.schemas.reason import ReasonIn
from clinic.services import film as films
from clinic.services import radiology
from clinic.services.assessment import list_requirements
from clinic.services.plausibility import get_today
from clinic.web.film_view import label_film, list_rows, list_views
from clinic.web.form import read_form
from clinic.web.gate import address_check, is_present
from clinic.web.station_page import (
    Answer,
    forget,
    is_recording,
    list_names,
    open_case,
    prefix_errors,
    show,
    to_requirement_reasons,
)
from clinic.xray_finding import (
    RESULT_PROGRAMMES,
    FindingCategory,
    XrayResult,
    list_all_findings,
    list_findings,
    list_numbered,
)

blueprint = Blueprint("xray", __name__, url_prefix="/cases/<case_id>/xray")
P = Permission
FIELDS = ("taken_on", "view", "deferred", "remark", "result", "film_id")
LISTS = ("findings", "numbered", "confirmed")
VIEWERS = (P.UPLOAD_FILM, P.READ_XRAY, P.RECORD_EXAM)  # who may see a film
SHOWN = (FilmState.ACCEPTED, FilmState.PRIOR)
# As the United Kingdom's system words them (ca-au-nz-uk-addendum.md 2.1).
RESULT_WORDS = {XrayResult.NORMAL: _l("Chest X-ray normal"), XrayResult.NON_TB: _l("Non-TB abnormality"),
                XrayResult.TB: _l("Old or active TB")}


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The readings of a case, and the form for one."""
    case = open_case(case_id)
    correcting = request.args.get("correct")
    row = radiology.get_reading(case, correcting) if correcting else None
    return _show(case, _values_of(row) if row else {}, row=row)


@blueprint.post("")
@requires(P.READ_XRAY)
def record(case_id: str) -> Answer | Response:
    """Record a reading: final, the radiologist signs it alone."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=LISTS)
    try:
        radiology.record_reading(case, load(XrayReadingIn(), _to_plain(typed)), current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    flash(_("The reading is recorded."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/<reading_id>/correct")
@requires(P.READ_XRAY)
def correct(case_id: str, reading_id: str) -> Answer | Response:
    """Replace a reading by its next revision."""
    case = open_case(case_id)
    row = radiology.get_reading(case, reading_id)
    typed = read_form(request.form, lists=LISTS)
    try:
        reason = load(ReasonIn(), typed)
        radiology.correct_reading(row, load(XrayReadingIn(), _to_plain(typed)), reason, current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        return _show(case, typed, problem, radiology.get_reading(case, reading_id))
    flash(_("The reading is corrected; the earlier one stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/<reading_id>/withdraw")
@requires(P.READ_XRAY)
def withdraw(case_id: str, reading_id: str) -> Answer | Response:
    """Take a reading back, for example of another person's film."""
    case = open_case(case_id)
    row = radiology.get_reading(case, reading_id)
    typed = read_form(request.form)
    try:
        radiology.withdraw_reading(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        case = forget(case_id)
        row = radiology.get_reading(case, reading_id)
        problem.fields = prefix_errors(problem, "withdraw-", "reason")
        return _show(case, _values_of(row) | {"withdraw-reason": typed.get("reason")}, problem, row)
    flash(_("Withdrawn; it stays to be seen."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _to_plain(typed: dict[str, Any]) -> dict[str, Any]:
    plain = {name: typed[name] for name in FIELDS if name in typed}
    return plain | {name: typed[name] for name in LISTS}


def _values_of(row: XrayReading) -> dict[str, Any]:
    mapped = radiology.to_common(row.case.programme, (), row.numbered or ())
    return {"taken_on": row.taken_on, "view": row.view, "deferred": row.deferred, "remark": row.remark,
            "findings": [code for code in row.findings if code not in mapped], "numbered": list(row.numbered or ()),
            "result": row.result, "film_id": row.film_id or ""}


def _suggest(film_list: list[Film]) -> dict[str, Any]:
    """A new reading is of the newest film that may be read: its day and view, both views when both were taken."""
    readable = [film for film in film_list if film.state is FilmState.ACCEPTED]
    if not readable:
        return {}
    main = next((film for film in readable if film.view in ("pa", "ap")), readable[0])
    has_lateral = any(film.view == "lateral" and film.taken_on == main.taken_on for film in readable)
    view = f"{main.view}-lateral" if has_lateral else main.view
    return {"film_id": main.id, "taken_on": main.taken_on and format_clinically(main.taken_on),
            "view": view if main.view in ("pa", "ap") else None}


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None,
          row: XrayReading | None = None) -> Answer:
    readings = radiology.list_readings(case)
    known = films.list_films(case)
    may_see = any(has_permission(permission) for permission in VIEWERS)
    uploads = is_recording(case) and has_permission(P.UPLOAD_FILM)
    if not typed:
        typed = _suggest(known)
    groups = {category: [f for f in list_findings(case.programme).values() if f.category is category]
              for category in FindingCategory}
    names = list_names([*(reading.entered_by_id for reading in readings), *(film.received_by_id for film in known)])
    because = next((r.reasons for r in list_requirements(case) if r.exam in ("chest-xray", "tb-child-workup")), [])
    return show(
        "xray/view.html", case, problem, typed=typed, row=row, readings=readings, groups=groups,
        labels={code: finding.label for code, finding in list_all_findings().items()},
        names=names, film_rows=list_rows(known, names), may_see=may_see,
        views=list_views(film for film in known if film.state in SHOWN) if may_see else [],
        readable=[(film.id, label_film(film)) for film in known if film.state is FilmState.ACCEPTED],
        quarantined=[film for film in known if film.state is FilmState.QUARANTINED],
        may_upload=uploads and is_present(case, "xray"), may_ask=uploads,
        ask_url=address_check(case.id, "xray", url_for(".view", case_id=case.id)),
        numbered=list_numbered(case.programme), asks_result=case.programme in RESULT_PROGRAMMES,
        result_words=RESULT_WORDS, view_words=READ_VIEW_WORDS, ticked=typed.get("confirmed", []),
        writing=is_recording(case) and has_permission(P.READ_XRAY)
        and (row is not None or problem is not None or not any(r.counts and not r.deferred for r in readings)
             or "new" in request.args),
        may_read=is_recording(case) and has_permission(P.READ_XRAY),
        lateral_age=radiology.find_lateral_age(case), lacks_lateral=radiology.needs_lateral(case, get_today(case))
        and not any(film.view == "lateral" for film in known if film.state is FilmState.ACCEPTED),
        must_ask=radiology.needs_pregnancy_answer(case), pregnant=radiology.find_pregnancy(case) is Known.YES,
        reasons=to_requirement_reasons(because),
    )
