"""Registers, cohorts and monthly counts of tuberculosis: on a page by period, and as a table for a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _
from flask_login import current_user

from clinic import clock
from clinic.audit import record_read
from clinic.errors import NotFound
from clinic.models import Purpose, TbOutcome
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.permissions import Permission, requires
from clinic.queries.tb_indicator import ROWS, count_indicators, count_undated
from clinic.queries.tb_register import MOST, SIZE, Period, count_outcomes, list_register
from clinic.read_audit import note_shown
from clinic.result_word import label_value
from clinic.rules.age import add_months
from clinic.schemas.field import to_words
from clinic.web.audit import tame
from clinic.web.clinical_format import person_name
from clinic.web.sputum_word import PURPOSE_WORDS
from clinic.web.station_page import Answer
from clinic.web.tb_word import BASIS_WORDS, HISTORY_WORDS, OUTCOME_WORDS, SITE_SHORT, label_regimen, name_drugs

blueprint = Blueprint("tb_register", __name__, url_prefix="/tuberculosis")
P = Permission
USUAL_MONTHS = 3
TITLES: dict[str, LazyString] = {
    "treatment": lazy_gettext("Treatment"), "presumptive": lazy_gettext("Presumptive tuberculosis"),
    "laboratory": lazy_gettext("Laboratory"), "indicators": lazy_gettext("Monthly counts (CDC)"),
}
INDICATOR_WORDS: dict[str, LazyString] = {
    "1a": lazy_gettext("Examined, all ages"), "1b": lazy_gettext("15 years and older"),
    "1c": lazy_gettext("2 to 14 years"), "1d": lazy_gettext("Under 2 years"),
    "2a": lazy_gettext("Film suggests tuberculosis"), "2b": lazy_gettext("Signs or symptoms, film normal"),
    "2c": lazy_gettext("Known HIV, film normal, no signs"), "2d": lazy_gettext("Sputum indicated, total"),
    "2e": lazy_gettext("Sputum submitted"), "3a": lazy_gettext("Smear positive, other mycobacteria"),
    "3b": lazy_gettext("Smear negative, other mycobacteria"), "3c": lazy_gettext("Other mycobacteria, total"),
    "4a": lazy_gettext("Extrapulmonary tuberculosis"), "5": lazy_gettext("Pulmonary tuberculosis"),
}


@dataclass(frozen=True)
class Column:
    """A column of a register: its code in the file, and its heading on the page; empty where it stands in another."""

    code: str
    label: LazyString | str = ""


PERSON = (Column("case", lazy_gettext("Case")), Column("name", lazy_gettext("Person")),
          Column("sex"), Column("born"))
COLUMNS: dict[str, tuple[Column, ...]] = {
    "laboratory": (
        Column("number", lazy_gettext("Specimen")), Column("day", lazy_gettext("Collected")), *PERSON,
        Column("purpose", lazy_gettext("What for")), Column("smear", lazy_gettext("Smear")),
        Column("naat", lazy_gettext("NAAT")), Column("liquid", lazy_gettext("Liquid")),
        Column("solid", lazy_gettext("Solid")), Column("dst", lazy_gettext("Susceptibility"))),
    "presumptive": (
        Column("day", lazy_gettext("Asked on")), *PERSON, Column("taken", lazy_gettext("Specimens")),
        Column("smear", lazy_gettext("Smear")), Column("naat", lazy_gettext("NAAT")),
        Column("culture", lazy_gettext("Culture")), Column("tb_number", lazy_gettext("Tuberculosis case"))),
    "treatment": (
        Column("number", lazy_gettext("Number")), Column("day", lazy_gettext("Registered")), *PERSON,
        Column("diagnosed_on"),
        Column("basis", lazy_gettext("Rests on")), Column("site", lazy_gettext("Where")),
        Column("history", lazy_gettext("Earlier treatment")), Column("began_on", lazy_gettext("First dose")),
        Column("regimen", lazy_gettext("Regimen")), Column("notified_on", lazy_gettext("Notified")),
        Column("notification_number"), Column("outcome", lazy_gettext("Outcome")), Column("outcome_on")),
}


@blueprint.get("")
@requires(P.SEE_TB_REGISTERS)
def index() -> Answer:
    """The treatment register, or the one in the address, of a period."""
    errors: dict[str, list[str]] = {}
    period = _read_period(errors)
    return _show(_read_name("treatment"), period, errors)


def _show(name: str, period: Period, errors: dict[str, list[str]]) -> Answer:
    rows = list_register(current_user, name, period, request.args.get("after"), SIZE + 1) if not errors else []
    page = rows[:SIZE]
    note_shown(row.case_id for row in page)
    given: dict[str, Any] = {"register": name, **_list_given()}
    shown = render_template(
        "tuberculosis/register.html", name=name, columns=COLUMNS[name], lines=[_to_line(name, row) for row in page],
        errors=errors, given=_list_given(), period=period, tabs=_list_tabs(name), title=TITLES[name],
        cohort=_list_cohort(period) if name == "treatment" and not errors else None,
        csv_url=url_for(".export", **given),
        next_url=url_for(".index", **given, after=page[-1].key) if len(rows) > SIZE else None)
    return (shown, 422) if errors else shown


def _read_name(usual: str = "") -> str:
    name = request.args.get("register", usual)
    if name not in COLUMNS:
        raise NotFound(_("There is no such register."))
    return name


@blueprint.get("/export.csv")
@requires(P.SEE_TB_REGISTERS)
def export() -> Answer | Response:
    """A register of a period as a table, all of it or nothing; who takes it out is written down."""
    errors: dict[str, list[str]] = {}
    name = _read_name()
    period = _read_period(errors)
    rows = list_register(current_user, name, period, None, MOST + 1) if not errors else []
    if len(rows) > MOST:
        errors["from"] = [_("There are more than %(n)s rows, which do not go into one file. Choose a shorter period.",
                            n=MOST)]
    if errors:
        return _show(name, period, errors)
    note_shown(row.case_id for row in rows)
    _record_export(name, period, len(rows), [row.case_id for row in rows])
    head = [column.code for column in COLUMNS[name]]
    return _send(name, head, ([_to_line(name, row)[column.code] for column in COLUMNS[name]] for row in rows))


@blueprint.get("/indicators")
@requires(P.SEE_TB_REGISTERS)
def indicators() -> str:
    """CDC's counts by month of examination."""
    errors: dict[str, list[str]] = {}
    period = _read_period(errors, months=12)
    counts = count_indicators(current_user, period.first, period.last) if not errors else {}
    return render_template(
        "tuberculosis/indicators.html", counts=counts, rows=ROWS, words=INDICATOR_WORDS, errors=errors,
        given=_list_given(), period=period, tabs=_list_tabs("indicators"),
        undated=_say_undated(period) if not errors else "",
        csv_url=url_for(".export_indicators", **_list_given()))


@blueprint.get("/indicators.csv")
@requires(P.SEE_TB_REGISTERS)
def export_indicators() -> Response:
    """The same as a table: a line for each row of the report, a column for each month; last, who is in none of them."""
    errors: dict[str, list[str]] = {}
    period = _read_period(errors, months=12)
    if errors:
        raise NotFound(next(iter(errors.values()))[0])
    counts = count_indicators(current_user, period.first, period.last)
    _record_export("indicators", period, len(counts), [])
    undated = _say_undated(period)
    return _send("indicators", ["row", "what", *counts], [
        *([name, str(INDICATOR_WORDS[name]), *(month[name] for month in counts.values())] for name in ROWS),
        *([["", undated, *("" for _month in counts)]] if undated else [])])


def _say_undated(period: Period) -> str:
    """Who is in none of the months, and how many they are; empty when nobody is."""
    count = count_undated(current_user, period.first, period.last)
    return ngettext(
        "Not counted: %(num)s case opened in this period has no day of examination yet.",
        "Not counted: %(num)s cases opened in this period have no day of examination yet.", count) if count else ""


def _to_line(name: str, row: Any) -> dict[str, Any]:
    """A row of a register as plain values by the columns' codes; besides, `case_id` for the link, and whose it is."""
    person = {"case": row.case_number, "name": person_name(row),
              "sex": row.sex.value, "born": row.birth_date, "case_id": row.case_id,
              "applicant_id": row.applicant_id, "key": row.key}
    day = clock.to_day(row.day, current_user.site.time_zone) if isinstance(row.day, datetime) else row.day
    return person | {"day": _plain(day)} | _LINES[name](row)


def _laboratory_line(row: Any) -> dict[str, Any]:
    purpose = str(PURPOSE_WORDS[row.purpose]) if row.purpose is not Purpose.DIAGNOSIS else _("Diagnosis")
    month = f" {row.treatment_month}" if row.treatment_month is not None else ""
    return {
        "number": row.number, "purpose": purpose + month, "smear": _say(row.smear, row.grade),
        "naat": _say(row.naat, row.rifampicin and _("rifampicin %(answer)s", answer=label_value(row.rifampicin))),
        "liquid": _say(row.liquid or row.culture), "solid": _say(row.solid),
        "dst": _say(row.dst) if not row.resisted else _say(
            "resistant", name_drugs(sorted(set(row.resisted.split(","))))),
    }


def _presumptive_line(row: Any) -> dict[str, Any]:
    grown = _("M. tuberculosis complex") if row.culture_positive else _("nontuberculous mycobacteria") if row.ntm else (
        _("%(n)s reported", n=row.cultured) if row.cultured else "")
    return {"taken": row.taken, "culture": grown, "tb_number": row.tb_number or "",
            "smear": _("positive") if row.smear_positive else _say_none(_("negative"), row.smeared),
            "naat": _("detected or trace") if row.naat_positive else _say_none(_("not detected"), row.amplified)}


def _say_none(words: str, count: int) -> str:
    """Nothing was found, and in how many specimens; empty while none is reported."""
    return f"{words} ({count})" if count else ""


def _treatment_line(row: Any) -> dict[str, Any]:
    outcome = str(OUTCOME_WORDS[row.outcome]) if row.outcome else _("Refused") if row.refused_on else _("Not yet")
    return {
        "number": row.number, "basis": str(BASIS_WORDS[row.basis]),
        "site": str(SITE_SHORT[row.site_of_disease]) + (f", {row.organ}" if row.organ else ""),
        "history": str(HISTORY_WORDS[row.history]), "began_on": _plain(row.began_on),
        "regimen": label_regimen(row.regimen) if row.regimen else "", "notified_on": _plain(row.notified_on),
        "notification_number": row.notification_number, "diagnosed_on": _plain(row.diagnosed_on),
        "outcome": outcome, "outcome_on": _plain(row.outcome_on or (None if row.outcome else row.refused_on)),
    }


_LINES = {"laboratory": _laboratory_line, "presumptive": _presumptive_line, "treatment": _treatment_line}


def _list_cohort(period: Period) -> list[dict[str, Any]]:
    """The cohort's outcomes: bacteriologically confirmed, others, and all."""
    rows = count_outcomes(current_user, period)
    names: list[tuple[str, Any]] = [(str(OUTCOME_WORDS[each]), each) for each in TbOutcome]
    names += [(_("Refused"), "refused"), (_("Not yet"), None)]
    lines = []
    for label, outcome in names:
        fitting = [row for row in rows if (row.outcome or ("refused" if row.refused else None)) == outcome]
        found = sum(row.cases for row in fitting if row.found)
        total = sum(row.cases for row in fitting)
        lines.append({"outcome": label, "found": found, "others": total - found, "all": total})
    lines.append({"outcome": _("All"), **{name: sum(line[name] for line in lines)
                                          for name in ("found", "others", "all")}})
    return lines


def _say(value: str | None, more: str | None = None) -> str:
    if not value:
        return ""
    return f"{label_value(value)} ({more})" if more else label_value(value)


def _plain(day: Any) -> str:
    """A day as it is written in files, from whatever the database gives."""
    return "" if day is None else str(day)[:10]


def _list_given() -> dict[str, Any]:
    return {name: value for name in ("from", "to") if (value := request.args.get(name, "").strip()[:40])}


def _read_period(errors: dict[str, list[str]], months: int = USUAL_MONTHS) -> Period:
    """The days in the address; without them the last months until today."""
    today = clock.today(current_user.site.time_zone)
    given = _list_given()
    first, last = add_months(today.replace(day=1), 1 - months), today
    for name, text in given.items():
        try:
            found = parse_partial_date(text)
        except DateUnreadable as problem:
            errors[name] = [to_words(problem.sentence)]
            continue
        first, last = (found.earliest, last) if name == "from" else (first, found.latest)
    if not errors and last < first:
        errors["to"] = [_("The end cannot be before the beginning.")]
    return Period(first, last)


def _list_tabs(chosen: str) -> list[dict[str, Any]]:
    given = _list_given()
    return [{"label": str(label), "active": name == chosen,
             "url": url_for(".indicators", **given) if name == "indicators"
             else url_for(".index", register=name, **given)} for name, label in TITLES.items()]


def _record_export(name: str, period: Period, count: int, case_ids: Sequence[str]) -> None:
    record_read("user", current_user.id, "export-tb-register", "tb-register", name, site_id=current_user.site_id,
                detail={"rows": count, "from": period.first.isoformat(), "to": period.last.isoformat(),
                        "shown": list(case_ids)})


def _send(name: str, head: list[str], rows: Iterable[Sequence[Any]]) -> Response:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    for row in rows:
        writer.writerow([tame(str(cell.value if isinstance(cell, Enum) else cell)) for cell in row])
    day = date.isoformat(clock.today(current_user.site.time_zone))
    # The mark at the beginning tells spreadsheets that names are UTF-8.
    return Response(codecs.BOM_UTF8 + file.getvalue().encode(), content_type="text/csv; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="tuberculosis-{name}-{day}.csv"', "Cache-Control": "no-store"})

