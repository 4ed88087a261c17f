"""The calendar of doses: a month on one page, a letter a day, watched by whom, why missed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import CaseChanged, InvalidInput
from clinic.models import Case, DosePlace, DoseState, TbDose
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.tuberculosis import list_observers
from clinic.schemas.door import load
from clinic.schemas.tuberculosis import DosePlaceIn, NewDose
from clinic.services import tb_given, tb_summary, tb_treatment, tuberculosis
from clinic.services.plausibility import get_today
from clinic.services.tb_given import MedicineChange
from clinic.web import tb_word
from clinic.web.form import read_form, read_shown_day
from clinic.web.station_page import Answer, forget, list_names, open_case, show
from clinic.web.tuberculosis import address_meeting, may_write

blueprint = Blueprint("tb_dose", __name__, url_prefix="/cases/<case_id>/tuberculosis/doses")
P = Permission
STATES = {letter: state for state, letter in tb_word.LETTERS.items()}


@dataclass(frozen=True)
class Day:
    """One day of the calendar; `is_open` when its dose may be written down, `stop` why it is held back by itself."""

    on: date
    dose: TbDose | None
    is_open: bool
    stop: MedicineChange | None = None


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """The month in the address, else this one."""
    return _show(open_case(case_id), _read_month(request.args.get("month", "")), {})


@blueprint.post("")
@requires(P.RECORD_TREATMENT)
def record(case_id: str) -> Answer | Response:
    """Every day whose letter differs from what the page had shown: all of them, or none."""
    case = open_case(case_id)
    typed = read_form(request.form)
    month = _read_month(typed.get("month", ""))
    try:
        doses = _read_doses(typed)
        _ensure_met(case, doses)
        count = tb_treatment.record_doses(tuberculosis.get_tb_case(case), doses, current_user)
    except CaseChanged as problem:
        return _show(forget(case_id), month, {}, InvalidInput(problem.message))
    except InvalidInput as problem:
        return _show(forget(case_id), month, typed, problem)
    flash(ngettext("%(num)s day is written down.", "%(num)s days are written down.", count), "success")
    return redirect(url_for(".view", case_id=case_id, month=typed.get("month", "")))


def _read_doses(typed: dict[str, Any]) -> list[NewDose]:
    """The days of the form. Raises InvalidInput for a letter that means nothing."""
    wrong: dict[str, list[str]] = {}
    found = []
    place = load(DosePlaceIn(), {"place": typed.get("place") or None})["place"]
    for name in typed:
        if not name.startswith("was-"):
            continue
        day = read_shown_day(name.removeprefix("was-"))
        shown = STATES.get(typed[name])
        letter = typed.get(f"day-{day.isoformat()}", "").upper()
        if letter and letter not in STATES:
            wrong[f"day-{day.isoformat()}"] = [_("Type %(letters)s, or nothing.", letters=" / ".join(STATES))]
            continue
        found.append(NewDose(day, STATES.get(letter), shown, place,
                             typed.get("observer_id"), typed.get("reason", "")))
    if wrong:
        raise InvalidInput(_("Please correct what is marked."), fields=wrong)
    return found


def _ensure_met(case: Case, doses: list[NewDose]) -> None:
    """Raise InvalidInput when one watched today's dose, and has not confirmed today who took it."""
    own = [new for new in doses if new.day == get_today(case) and new.state is DoseState.GIVEN
           and new.shown is not new.state and new.observer_id == current_user.id]
    if own and address_meeting(case):
        raise InvalidInput(_("Please correct what is marked."), fields={f"day-{own[0].day.isoformat()}": [
            _("Confirm first who is in front of you, by the button above the calendar.")]})


def _show(case: Case, month: date | None, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    tb = tuberculosis.get_tb_case(case)
    today = get_today(case)
    first = (month or today).replace(day=1)
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    doses = {dose.day: dose for dose in tb_treatment.list_doses(tb, first, last)}
    phases = [row for row in tb_summary.list_phases(case.id) if not row.is_void]
    changes = tb_given.list_changes(tb)
    held = tb_given.list_held_days(tb, changes)
    writing = (may_write(case) and has_permission(P.RECORD_TREATMENT) and tb.outcome is None
               and tb.refused_on is None)
    days = [first + timedelta(days=n) for n in range(last.day)]
    weeks: list[list[Day | None]] = [[None] * first.weekday()]
    for day in days:
        if len(weeks[-1]) == 7:
            weeks.append([])
        is_open = writing and day <= today and any(row.covers(day) for row in phases) and (
            day in doses or tb_given.find_stop(changes, day) is None)
        weeks[-1].append(Day(day, doses.get(day), is_open, held.get(day)))
    weeks[-1] += [None] * (7 - len(weeks[-1]))
    told = [day for week in weeks for day in week if day is not None and (day.dose or day.stop)]
    people = {who for dose in doses.values() for who in (dose.recorded_by_id, dose.observer_id) if who}
    people |= {day.stop.effect.recorded_by_id for day in told if day.stop}
    return show(
        "tuberculosis/doses.html", case, problem, tb=tb, typed=typed, weeks=weeks, words=tb_word, writing=writing,
        first=first, before=(first - timedelta(days=1)).strftime("%Y-%m"),
        after=(last + timedelta(days=1)).strftime("%Y-%m") if last < today else None, month=first.strftime("%Y-%m"),
        observers=list_observers(case.site_id), places=list(DosePlace), letters=tb_word.LETTERS,
        counts=tb_summary.count_all(case.id), states=list(DoseState), told=told, names=list_names(people),
        stop=tb_given.find_stop(changes, today) if tb.outcome is None else None,
        may_manage=may_write(case) and has_permission(P.MANAGE_TUBERCULOSIS),
        ask_url=address_meeting(case) if writing and today in days and not {today} & {*doses, *held} else None,
        has_open_days=any(day is not None and day.is_open for week in weeks for day in week),
    )


def _read_month(text: str) -> date | None:
    """The first day of a month written as 2026-03; None when it is none."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
