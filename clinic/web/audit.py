"""Who opened what and why, and what was changed: for administrators and quality, on a page, as CSV and as FHIR."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user

from clinic import clock
from clinic.audit import record_read
from clinic.errors import NotFound
from clinic.models import Applicant, Case
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.permissions import Permission, has_permission, requires
from clinic.ports import ports
from clinic.queries.applicant import find_cases_by_number, find_people_by_number, get_record
from clinic.queries.audit_trail import (
    PAGE_SIZE,
    AuditEntry,
    AuditFilter,
    find_cases,
    list_people,
    list_trail,
)
from clinic.queries.emergency import get_opening
from clinic.queries.unusual_reading import LEAST, TIMES, list_unusual
from clinic.schemas.field import to_words
from clinic.seal.table import CHANGE, READ
from clinic.web.audit_detail import describe_in_words
from clinic.web.audit_word import ACCOUNT, describe_action, describe_detail, describe_subject
from clinic.web.case_list import find_day_start
from clinic.web.seek import read_sought, seeks
from clinic.web.staff_name import list_names

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
P = Permission
USUAL_DAYS = 30  # without a day in the filter
LONGEST = 1000  # characters of a value; what was searched for is sealed
EXPORTED_MOST = 5000  # rows of one file; the file's last row says where the next begins
GIVEN = ("stream", "case", "applicant", "person", "from", "to", "emergency")
STREAM_WORDS: dict[str, LazyString] = {
    "read": lazy_gettext("Who looked"), "change": lazy_gettext("What was changed"),
}


@blueprint.get("")
@requires(P.SEE_AUDIT)
@seeks("applicant")
def index() -> str:
    """One page of rows, the newest first, narrowed by what stands in the address."""
    errors: dict[str, list[str]] = {}
    wanted = _read_filter(errors)
    rows = list_trail(current_user, wanted, request.args.get("after"), PAGE_SIZE + 1) if not errors else []
    page, given = rows[:PAGE_SIZE], _list_given()
    shown = given | ({"applicant": read_sought("applicant")} if "applicant" in given else {})
    _record_look("see-audit", wanted, len(page))
    return render_template(
        "audit/index.html", rows=_to_lines(page), given=shown, errors=errors, people=list_people(current_user),
        tabs=_list_tabs(wanted), stream=wanted.stream.name, days=USUAL_DAYS,
        is_narrowed=bool(set(given) - {"stream"}), is_usual=wanted.happened_from is not None and "from" not in given,
        next_url=url_for(".index", **given, after=page[-1].id) if len(rows) > PAGE_SIZE else None,
        csv_url=url_for(".export_csv", **given), fhir_url=url_for(".export_fhir", **given),
    )


@blueprint.get("/unusual")
@requires(P.SEE_AUDIT)
def unusual() -> str:
    """Who opened far more people's cases on a day of the last month than they use to."""
    today = clock.today(current_user.site.time_zone)
    days = [today - timedelta(days=back) for back in range(USUAL_DAYS)]
    found = list_unusual([(day, find_day_start(day), find_day_start(day + timedelta(days=1))) for day in days],
                         [person_id for person_id, _name in list_people(current_user)])
    record_read("user", current_user.id, "see-audit", "audit-unusual", "", site_id=current_user.site_id,
                detail={"rows": len(found)})
    names = list_names(one.person_id for one in found)
    return render_template("audit/unusual.html", rows=found, names=names, tabs=_list_tabs(None), days=USUAL_DAYS,
                           least=LEAST, times=TIMES)


@blueprint.get("/export.csv")
@requires(P.SEE_AUDIT)
def export_csv() -> Response:
    """The rows that fit the filter, as a table for a spreadsheet."""
    rows = _export()
    names = list_names(row.actor_id for row in rows)
    cases = find_cases(current_user, {row.case_id for row in rows if row.case_id})
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["when_utc", "who", "who_id", "kind", "action", "subject", "subject_id", "case", "screen", "why",
                     "detail", "id"])
    for row in rows:
        case = cases.get(row.case_id or "")
        line = [row.happened_at.isoformat(timespec="seconds"), names.get(row.actor_id, ""), row.actor_id,
                row.actor_kind, row.action, row.subject_kind, row.subject_id, case.number if case else "",
                row.detail.get("screen", ""), row.detail.get("purpose", ""), describe_detail(row), row.id]
        writer.writerow([tame(str(cell)) for cell in line])
    return _send(file.getvalue(), "text/csv; charset=utf-8", "csv")


@blueprint.get("/export.json")
@requires(P.SEE_AUDIT)
def export_fhir() -> Response:
    """The same as a FHIR R4 Bundle of AuditEvents."""
    return _send(ports.export_audit(_export()), "application/fhir+json", "json")


def _export() -> list[AuditEntry]:
    errors: dict[str, list[str]] = {}
    wanted = _read_filter(errors)
    if errors:
        raise NotFound(next(iter(errors.values()))[0])
    rows = list_trail(current_user, wanted, request.args.get("after"), EXPORTED_MOST)
    _record_look("export-audit", wanted, len(rows))
    return rows


def _record_look(action: str, wanted: AuditFilter, count: int) -> None:
    """Looking at the audit is itself written down."""
    subject = wanted.applicant.id if wanted.applicant else wanted.person_id or ""
    record_read("user", current_user.id, action, f"audit-{wanted.stream.name}", subject,
                case_id=wanted.case.id if wanted.case else None, site_id=current_user.site_id, detail={"rows": count})


def _list_given() -> dict[str, Any]:
    return {name: value for name in GIVEN if (value := request.args.get(name, "").strip()[:LONGEST])}


def _read_filter(errors: dict[str, list[str]]) -> AuditFilter:
    given = _list_given()
    first, last = _read_day("from", given, errors), _read_day("to", given, errors)
    begin = find_day_start(first.earliest) if first else None
    is_narrow = bool(set(given) & {"case", "applicant", "emergency"})
    people = {person_id for person_id, _name in list_people(current_user)}
    emergency = given.get("emergency", "")
    return AuditFilter(
        stream=CHANGE if given.get("stream") == CHANGE.name else READ,
        case=_find_case(given, errors), applicant=_find_applicant(given, errors),
        person_id=given.get("person") if given.get("person") in people else None,
        happened_from=begin or (None if is_narrow or last else clock.now() - timedelta(days=USUAL_DAYS)),
        happened_before=find_day_start(last.latest + timedelta(days=1)) if last else None,
        emergency_id=get_opening(emergency, current_user).id if emergency not in ("", "yes") else None,
        is_emergency=emergency == "yes",
    )


def _read_day(name: str, given: dict[str, Any], errors: dict[str, list[str]]) -> Any:
    try:
        return parse_partial_date(given[name]) if name in given else None
    except DateUnreadable as problem:
        errors[name] = [to_words(problem.sentence)]
        return None


def _find_case(given: dict[str, Any], errors: dict[str, list[str]]) -> Case | None:
    if "case" not in given:
        return None
    found = find_cases_by_number(current_user, given["case"])
    if len(found) != 1:
        errors["case"] = [_("There is no such case at your site. Write its whole number.")]
        return None
    return found[0]


def _find_applicant(given: dict[str, Any], errors: dict[str, list[str]]) -> Applicant | None:
    if "applicant" not in given:
        return None
    sought = read_sought("applicant", errors)
    if "applicant" in errors:
        return None
    found = find_people_by_number(current_user, sought)
    if len(found) != 1:
        errors["applicant"] = [_("There is no such person at your site. Write the applicant's or passport's number.")]
        return None
    return get_record(found[0].id, current_user)


def _list_tabs(wanted: AuditFilter | None) -> list[dict[str, Any]]:
    """The streams, and the unusual days, which are shown where nothing is `wanted` of a stream."""
    given = _list_given()
    tabs = [{"label": str(label), "url": url_for(".index", **given | {"stream": name}),
             "active": wanted is not None and wanted.stream.name == name} for name, label in STREAM_WORDS.items()]
    return [*tabs, {"label": _("Unusually many"), "url": url_for(".unusual"), "active": wanted is None}]


def _to_lines(rows: list[AuditEntry]) -> list[dict[str, Any]]:
    names = list_names([*(row.actor_id for row in rows),
                        *(row.subject_id for row in rows if row.subject_kind == ACCOUNT)])
    cases = find_cases(current_user, {row.case_id for row in rows if row.case_id})
    may_see = has_permission(P.SEE_CASES)
    return [{
        "row": row, "who": names.get(row.actor_id, row.actor_id), "case": cases.get(row.case_id or ""),
        "is_elsewhere": bool(row.case_id) and row.case_id not in cases, "may_see": may_see,
        "what": describe_action(row), "about": describe_subject(row, names), "detail": describe_in_words(row),
        "is_emergency": row.detail.get("purpose") == "BTG",
    } for row in rows]


def tame(cell: str) -> str:
    """A cell that a spreadsheet takes for text (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _send(body: str | bytes, content_type: str, ending: str) -> Response:
    day = clock.today(current_user.site.time_zone).isoformat()
    return Response(body, content_type=content_type, headers={
        "Content-Disposition": f'attachment; filename="audit-{day}.{ending}"', "Cache-Control": "no-store"})
