"""The tuberculosis case on its own page: diagnosis, treatment, months, interruptions, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import culture
from clinic.errors import InvalidInput, NotFound
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    DiseaseSite,
    DosePlace,
    DoseState,
    InterruptionDecision,
    PhaseName,
    RequirementState,
    TbCase,
    TbHistory,
    TbOutcome,
    TbPhase,
    TbSideEffect,
)
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.tuberculosis import list_observers, list_other_tb_cases
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.tuberculosis import (
    DosePlaceIn,
    InterruptionIn,
    MonthIn,
    NewDose,
    OutcomeIn,
    PhaseIn,
    RefusalIn,
    SideEffectIn,
    TbCaseIn,
)
from clinic.services import tb_check, tb_given, tb_summary, tb_treatment, tuberculosis
from clinic.services.assessment import assess
from clinic.services.fact import list_counting_results
from clinic.services.plausibility import get_today
from clinic.services.requirement import list_requirements
from clinic.tb_course import Count
from clinic.tb_regimen import compute_dose, find_tablets, list_actions, list_regimens, list_side_effects, list_week_days
from clinic.web import tb_word
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.gate import address_check, is_looking, is_present
from clinic.web.station_page import Answer, forget, list_names, open_case, prefix_errors, show
from clinic.web.tb_next import find_next_steps

blueprint = Blueprint("tuberculosis", __name__, url_prefix="/cases/<case_id>/tuberculosis")
P = Permission
STATION = "treatment"
OTHER = "other"  # the regimen that names no medicines of its own
MORE_DRUGS = 4  # empty rows for medicines that the regimen does not name


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer:
    """How the case stands; without one, what opens it. `effect`: the side effect of which to tell how it goes on."""
    case, effect = open_case(case_id), request.args.get("effect", "")
    tb = tb_summary.find_tb_case(case) if effect else None
    return _show(case, _fill_effect(tb_check.get_side_effect(tb, effect)) if tb is not None else {})


@blueprint.get("/diagnosis")
@requires(P.MANAGE_TUBERCULOSIS)
def diagnosis(case_id: str) -> Answer:
    """The form of the diagnosis."""
    return _show_diagnosis(open_case(case_id), {})


@blueprint.post("/diagnosis")
@requires(P.MANAGE_TUBERCULOSIS)
def diagnose(case_id: str) -> Answer | Response:
    """Open the case, or change what was said."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    plain = {name: typed[name] for name in TbCaseIn().fields if name in typed}
    try:
        new = load(TbCaseIn(), plain)
        tb = tb_summary.find_tb_case(case)
        if tb is None:
            tb = tuberculosis.open_tb_case(case, new, current_user)
            flash(_("Tuberculosis case %(number)s is opened.", number=tb.number), "success")
        else:
            tuberculosis.change_tb_case(tb, new, current_user)
            flash(_("Saved."), "success")
    except InvalidInput as problem:
        return _show_diagnosis(forget(case_id), typed, problem)
    return redirect(url_for(".view", case_id=case_id))


@blueprint.get("/phase")
@requires(P.MANAGE_TUBERCULOSIS)
def phase(case_id: str) -> Answer:
    """The form that begins a phase, with the usual doses for the weight in the address."""
    return _show_phase(open_case(case_id), dict(request.args))


@blueprint.post("/phase")
@requires(P.MANAGE_TUBERCULOSIS)
def start_phase(case_id: str) -> Answer | Response:
    """Begin a phase; the button that suggests doses only shows the form again, filled in."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    if "suggest" in typed:
        return _show_phase(case, typed)
    plain = {name: typed[name] for name in PhaseIn().fields if name in typed and name != "drugs"}
    plain["drugs"] = _read_drugs(typed)
    try:
        tb_treatment.start_phase(tuberculosis.get_tb_case(case), load(PhaseIn(), plain), current_user)
    except InvalidInput as problem:
        return _show_phase(forget(case_id), typed, problem)
    flash(_("The phase is begun."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/phase/<phase_id>/void")
@requires(P.MANAGE_TUBERCULOSIS)
def void_phase(case_id: str, phase_id: str) -> Answer | Response:
    """Take back a phase recorded by mistake."""
    return _with_reason(case_id, f"void-{phase_id}-", lambda tb, reason: tb_treatment.void_phase(
        tb, tb_treatment.get_phase(tb, phase_id), reason, current_user))


@blueprint.post("/today")
@requires(P.RECORD_TREATMENT)
def give_today(case_id: str) -> Answer | Response:
    """Today's dose was given and watched by whoever presses the button."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        place = load(DosePlaceIn(), {"place": typed.get("place") or DosePlace.CLINIC.value})["place"]
        new = NewDose(get_today(case), DoseState.GIVEN, None, place, current_user.id)
        tb_treatment.record_doses(tuberculosis.get_tb_case(case), [new], current_user)
    except InvalidInput as problem:
        problem.fields = {"today": [next(iter(problem.fields.values()))[0]]} if problem.fields else {}
        return _show(forget(case_id), {}, problem)
    flash(_("Today's dose is written down as given and watched by you."), "success")
    return redirect(url_for(".view", case_id=case_id))


@blueprint.post("/months")
@requires(P.RECORD_TREATMENT)
def record_month(case_id: str) -> Answer | Response:
    """The check of a month."""
    return _record(case_id, "month", MonthIn, lambda tb, new: tb_check.record_month(tb, new, current_user))


@blueprint.post("/side-effects")
@requires(P.RECORD_TREATMENT)
def record_side_effect(case_id: str) -> Answer | Response:
    """A side effect, or how an earlier one went on."""
    replaced = request.form.get("replaces_id", "")
    return _record(case_id, "effect", SideEffectIn, lambda tb, new: tb_check.record_side_effect(
        tb, new, current_user, tb_check.get_side_effect(tb, replaced) if replaced else None))


@blueprint.post("/interruptions/<day>")
@requires(P.MANAGE_TUBERCULOSIS)
def decide(case_id: str, day: str) -> Answer | Response:
    """What the physician does about a gap."""
    try:
        from_on = date.fromisoformat(day)
    except ValueError:
        raise NotFound(_("There is no such interruption."), case=case_id) from None
    return _record(case_id, f"gap-{day}", InterruptionIn, lambda tb, new: tb_treatment.decide_interruption(
        tb, from_on, new[0], new[1], new[2], current_user))


@blueprint.post("/outcome")
@requires(P.MANAGE_TUBERCULOSIS)
def end(case_id: str) -> Answer | Response:
    """How the treatment ended."""
    return _record(case_id, "end", OutcomeIn, lambda tb, new: tuberculosis.end_treatment(tb, new, current_user))


@blueprint.post("/outcome/reopen")
@requires(P.MANAGE_TUBERCULOSIS)
def reopen(case_id: str) -> Answer | Response:
    """Take the outcome back."""
    return _with_reason(case_id, "reopen-", lambda tb, reason: tuberculosis.reopen_treatment(tb, reason, current_user))


@blueprint.post("/refusal")
@requires(P.MANAGE_TUBERCULOSIS)
def refuse(case_id: str) -> Answer | Response:
    """The applicant refuses the site's treatment, or what became of it elsewhere."""
    return _record(case_id, "refusal", RefusalIn, lambda tb, new: tuberculosis.record_refusal(tb, new, current_user))


@blueprint.post("/refusal/withdraw")
@requires(P.MANAGE_TUBERCULOSIS)
def withdraw_refusal(case_id: str) -> Answer | Response:
    """The applicant takes it after all."""
    return _with_reason(case_id, "unrefuse-",
                        lambda tb, reason: tuberculosis.withdraw_refusal(tb, reason, current_user))


def address_meeting(case: Case) -> str | None:
    """Where whoever gives today's dose confirms first who is in front of them; None when they have today."""
    return None if is_present(case, STATION) else address_check(case.id, STATION, url_for("tuberculosis.view",
                                                                                          case_id=case.id))


def may_write(case: Case) -> bool:
    """Whether anything may be recorded of a treatment: after the signature too (clinic/services/tuberculosis.py)."""
    return case.state in tuberculosis.FOLLOWED and not is_looking()


def _record(case_id: str, part: str, schema: Any, act: Callable[[TbCase, Any], object]) -> Answer | Response:
    """One of the page's forms: its fields carry the part's name before theirs, so that several stand on one page."""
    case = open_case(case_id)
    typed = read_form(request.form, lists=("confirmed",))
    stem = f"{part}."
    made = schema()
    plain = {name: typed[stem + name] for name in made.fields if stem + name in typed}
    if "confirmed" in made.fields:
        plain["confirmed"] = typed["confirmed"]
    try:
        act(tuberculosis.get_tb_case(case), load(made, plain))
    except InvalidInput as problem:
        if problem.fields:
            problem.fields = {stem + name: each for name, each in problem.fields.items()}
        return _show(forget(case_id), typed | {"part": part}, problem)
    flash(_("Saved."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _with_reason(case_id: str, stem: str, act: Callable[[TbCase, str], object]) -> Answer | Response:
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        act(tuberculosis.get_tb_case(case), load(ReasonIn(), typed))
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, stem, "reason")
        return _show(forget(case_id), {f"{stem}reason": typed.get("reason"), "part": stem}, problem)
    flash(_("Saved."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    tb = tb_summary.find_tb_case(case)
    counting = list_counting_results(case)
    hiv = [row for row in counting if row.test == "hiv"]
    resistance = tb_summary.find_case_resistance(case)
    shared = {"tb": tb, "typed": typed, "ticked": typed.get("confirmed", []), "words": tb_word,
              "may_record": may_write(case) and has_permission(P.RECORD_TREATMENT),
              "may_manage": may_write(case) and has_permission(P.MANAGE_TUBERCULOSIS)}
    if tb is None:
        return show("tuberculosis/none.html", case, problem, **shared, others=list_other_tb_cases(case))
    phases = tb_summary.list_phases(case.id)
    open_phases = [row for row in phases if not row.is_void]
    today = get_today(case)
    doses = {dose.day: dose for dose in tb_treatment.list_doses(tb, today, today)}
    effects, gaps = tb_check.list_side_effects(tb), tb_treatment.list_interruptions(tb)
    total, changes = tb_summary.count_all(case.id), tb_given.list_changes(tb)
    stop = tb_given.find_stop(changes, today) if tb.outcome is None else None
    decision = assess(case)
    people = [tb.registered_by_id, *(row.recorded_by_id for row in phases), *(row.recorded_by_id for row in effects)]
    people += [one.decided.decided_by_id for one in gaps if one.decided]
    lines = tb_check.list_month_lines(tb)
    counts, ends = tb_summary.count_doses(case.id), tb_summary.find_end_cultures(case)
    current, resisted = open_phases[-1] if open_phases else None, tb_summary.list_answers(case, "resistant")
    is_over = current is not None and tb_summary.is_over(current, counts[current.id])
    return show(
        "tuberculosis/view.html", case, problem, **shared, phases=phases, counts=counts, ask_url=address_meeting(case),
        standing=[row for row in tb_check.list_standing(effects, current)
                  if tb.outcome is None and (stop is None or row.id != stop.effect.id)],
        stop=stop, held=total.held + len(tb_given.list_held_days(tb, changes)),
        courses=tb_given.list_courses(tb, changes),
        replaced=next((row for row in effects if row.id == typed.get("replaces_id")), None),
        change_url=None if current is None or is_over else _address_change(case, current, counts[current.id]),
        steps=find_next_steps(case, tb, current, counts[current.id] if current else None, ends),
        total=total, current=current, today_dose=doses.get(today), gaps=gaps,
        effects=effects, lines=lines, ends=ends, names=list_names(people),
        resistance=resistance, resisted=sorted(resisted),
        contradicted=sorted(resisted & tb_summary.list_answers(case, "susceptible")),
        given_resisted=sorted(tb_treatment.list_resisted(tb) & set(current.drugs))
        if current is not None and current.ended_on is None and not tb.refused_on else [],
        is_untested=resistance is None and tb.outcome is None and any(
            row.test == culture.TEST and row.value == "mtb" for row in counting),
        has_hiv_test=bool(hiv), places=list(DosePlace), is_hiv_open=any(
            row.exam == "hiv" and row.state is RequirementState.OPEN for row in list_requirements(case)),
        decisions=list(InterruptionDecision), outcomes=list(TbOutcome), kinds=list(list_side_effects()),
        actions=list(list_actions()), tests=list_tests(), next_month=lines[-1].month if lines else 0,
        reexam=tuberculosis.find_return_day(tb), classes=decision["classes"], status=decision["status"],
        is_due=current is not None and tb.outcome is None and tb.refused_on is None
        and current.is_due(today)
        and (today in doses or not is_over),
        end_day=(tb_summary.find_last_dose(case.id) if is_over else None) or today,
    )


def _fill_effect(row: TbSideEffect) -> dict[str, Any]:
    """The form of a side effect with what is known of an earlier one."""
    known = {name: getattr(row, name) for name in ("kind", "grade", "began_on", "action", "remark")}
    return {"part": "effect", "replaces_id": row.id, **{f"effect.{name}": value for name, value in known.items()}}


def _address_change(case: Case, current: TbPhase, count: Count) -> str:
    """The form that goes on with a phase under other medicines: with those of now, for the doses that are left."""
    return url_for(
        ".phase", case_id=case.id, name=current.name.value, regimen=OTHER, weight_kg=current.weight_kg,
        days_per_week=current.days_per_week, started_on=format_date(_find_first_day(case)),
        planned_doses=max(current.planned_doses - count.given, 1),
        **{f"drugs.{drug}": dose for drug, dose in current.drugs.items()})


def _show_diagnosis(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    tb = tb_summary.find_tb_case(case)
    stands = {name: getattr(tb, name) for name in tuberculosis.FIELDS} if tb else {}
    return show(
        "tuberculosis/diagnosis.html", case, problem, tb=tb, typed=typed or stands,
        ticked=typed.get("confirmed", []), words=tb_word, histories=list(TbHistory), sites=list(DiseaseSite),
        has_hiv_test=any(row.test == "hiv" for row in list_counting_results(case)),
    )


def _show_phase(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    tb = tuberculosis.get_tb_case(case)
    phases = [row for row in tb_summary.list_phases(case.id) if not row.is_void]
    last = phases[-1] if phases else None
    name = typed.get("name") or (PhaseName.CONTINUATION if last else PhaseName.INTENSIVE).value
    regimen = typed.get("regimen") or (last.regimen if last else next(iter(list_regimens())))
    months = tb_check.list_months(tb)
    weight = typed.get("weight_kg") or (months[-1].weight_kg if months else last.weight_kg if last else "")
    plan = list_regimens().get(regimen, {}).get(name)
    kilograms = _read_weight(weight)
    ranges = {drug: found for drug in (plan.drugs if plan else ()) if kilograms is not None
              and (found := compute_dose(drug, kilograms))}
    return show(
        "tuberculosis/phase.html", case, problem, tb=tb, typed=typed, ticked=typed.get("confirmed", []),
        words=tb_word, name=name, regimen=regimen, weight=weight, drugs=plan.drugs if plan else (), ranges=ranges,
        others=_list_others(typed, plan.drugs if plan else ()),
        tablets=find_tablets(kilograms) if kilograms is not None else None, regimens=list(list_regimens()),
        phase_names=list(PhaseName), week_days=list_week_days(), last=last, more=range(MORE_DRUGS),
        is_filled="suggest" in typed or bool(typed.get("started_on")),
        resisted=sorted(tb_treatment.list_resisted(tb)), resistance=tb_summary.find_case_resistance(case),
        observers=list_observers(case.site_id), first_day=_find_first_day(case), counts=tb_summary.count_doses(case.id),
    )


def _find_first_day(case: Case) -> date:
    """The day on which a new phase begins if nothing else is said: today, or tomorrow when today's dose is given."""
    last = tb_summary.find_last_dose(case.id)
    return max(get_today(case), last + timedelta(days=1)) if last else get_today(case)


def _read_drugs(typed: dict[str, Any]) -> dict[str, str]:
    """Milligrams by medicine: those of the regimen, and those written into the empty rows."""
    found = {name.removeprefix("drugs."): dose for name, dose in typed.items() if name.startswith("drugs.")}
    for row in range(MORE_DRUGS):
        if typed.get(f"more-{row}-name"):
            found[typed[f"more-{row}-name"]] = typed.get(f"more-{row}-dose", "")
    return found


def _list_others(typed: dict[str, Any], asked: Collection[str]) -> list[str]:
    """Medicines with a typed dose that the chosen regimen does not name: they stay to be seen, and to be emptied."""
    names = [name.removeprefix("drugs.") for name, dose in typed.items() if name.startswith("drugs.") and dose]
    return [name for name in names if name not in asked]


def _read_weight(text: str) -> Decimal | None:
    try:
        weight = Decimal(str(text).replace(",", "."))
    except InvalidOperation:
        return None
    return weight if weight.is_finite() and 1 <= weight <= 250 else None
