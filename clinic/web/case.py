"""The page of a case, its home: who, what is required and why, what unlocks it, what has happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import workflow
from clinic.audit import record_case_read
from clinic.models import Case, CaseState, ConsentState, Requirement, RequirementState
from clinic.permissions import Permission, has_permission, requires
from clinic.progress import describe_requirement, label_exam, split_unknowns
from clinic.queries.authority_access import summarise_case
from clinic.queries.case import get_case
from clinic.queries.case_detail import (
    find_conclusion,
    list_history,
    list_looks,
)
from clinic.queries.merge import list_merges_of_case
from clinic.queries.namesake import find_namesakes
from clinic.queries.signed_exam import list_deliveries_of, list_exams
from clinic.queries.standing import Standing, load_standings
from clinic.rules import decide
from clinic.rules.programme import list_programmes
from clinic.scope import current_emergency
from clinic.services.amendment import list_open_requests, may_ask
from clinic.services.assessment import list_requirements
from clinic.services.circumstance import ensure_unchanged
from clinic.services.completion import list_open_vaccine_lines
from clinic.services.consent import ENDED, OPEN_TO_DECISION, ensure_not_refused, find_consent
from clinic.services.fact import build_facts
from clinic.services.identity import is_in_doubt
from clinic.services.ordering import list_orderable
from clinic.services.photo import find_photo
from clinic.services.requirement import may_be_withdrawn
from clinic.services.task import end_of_withdrawn
from clinic.services.tb_contact import trace_withdrawn
from clinic.services.visit import find_visit
from clinic.services.workup import find_recorded
from clinic.web.case_word import banner_case as banner_case  # for the pages of the stations
from clinic.web.case_word import describe_consent, need_label
from clinic.web.conclusion_word import RESULT_WORDS
from clinic.web.delivery import state_word
from clinic.web.form import read_form, read_version
from clinic.web.person_flag import list_person_flags
from clinic.web.requirement_word import describe_ending, describe_origin, list_people
from clinic.web.staff_name import list_names
from clinic.web.station import find_open_url, find_station, find_work, find_work_path, label_work
from clinic.web.veil import veil_reason

blueprint = Blueprint("case", __name__, url_prefix="/cases/<case_id>")
Page = str | tuple[str, int] | Response
LEAVING = {"on-hold": CaseState.ON_HOLD, "withdrawn": CaseState.WITHDRAWN, "in-progress": CaseState.IN_PROGRESS}
SHORTEST_REASON = 5  # letters


@dataclass
class Group:
    """Headed part of the task list."""

    title: str
    tasks: list[dict[str, Any]] = field(default_factory=list)
    done: int | None = None
    total: int | None = None


@blueprint.get("")
@requires(Permission.SEE_CASES)
def show(case_id: str) -> Page:
    """The task list and everything around it."""
    case = get_case(case_id, current_user)
    record_case_read(case)
    conclusion = find_conclusion(case) if case.state not in workflow.RECORDING else None
    facts = build_facts(case)
    standing_decision = decide(facts)
    decision = conclusion.decision if conclusion else standing_decision
    requirements = list_requirements(case)
    exams, requests = list_exams(case), list_open_requests(case)
    standing = load_standings([case.id])[case.id]
    is_ours = current_emergency() is None  # otherwise the page is there to be read
    groups = _build_groups(case, decision, requirements, standing)
    for task in () if is_ours else (task for group in groups for task in group.tasks):
        task.pop("next", None)
    establish, without_effect = split_unknowns(facts["unknown"], decision["needs"])
    return render_template(
        "case/show.html", case=case, decision=decision, conclusion=conclusion, flags=list_flags(case),
        groups=groups, history=list_history(case),
        leaving=_list_leaving(case) if is_ours else [], is_ours=is_ours,
        may_hold=is_ours and has_permission(Permission.PLACE_HOLD),
        merges=list_merges_of_case(case),
        is_complete=all(row.state is not RequirementState.OPEN for row in requirements),
        may_change=is_ours and has_permission(Permission.OPEN_CASE) and case.state in workflow.RECORDING,
        exams=exams, deliveries={exam.id: list_deliveries_of(exam) for exam in exams}, requests=requests,
        names=list_names([*(one.signed_by_id for one in exams), *(one.asked_by_id for one in requests)]),
        accesses=summarise_case(case) if exams else None,
        may_see_accesses=has_permission(Permission.SEE_AUDIT) or has_permission(Permission.SEE_DELIVERIES),
        may_see_audit=has_permission(Permission.SEE_AUDIT),
        delivery_state=state_word, may_ask=is_ours and may_ask(case, current_user), **RESULT_WORDS,
        may_add=is_ours and has_permission(Permission.RECORD_EXAM) and case.state in workflow.RECORDING,
        orderable=list_orderable(case, standing_decision),
        open_lines=list_open_vaccine_lines(case, decision), looks=list_looks(case), standing=standing,
        visit=find_visit(case), may_receive=is_ours and has_permission(Permission.REGISTER),
        may_arrive=case.state in OPEN_TO_DECISION,
        to_establish=len(establish), without_effect=len(without_effect), asks_stay=_asks_stay(case),
    )


@blueprint.get("/state")
@requires(Permission.OPEN_CASE)
def leave(case_id: str) -> Page:
    """Hold, withdraw or take up again: a page of its own, with the reason."""
    case = get_case(case_id, current_user)
    return render_template("case/state.html", case=case, choices=_list_leaving(case), values={},
                           flags=list_flags(case))


@blueprint.post("/state")
@requires(Permission.OPEN_CASE)
def move(case_id: str) -> Page:
    """Write the new state with its reason."""
    case = get_case(case_id, current_user)
    typed = read_form(request.form)
    choices = _list_leaving(case)
    errors: dict[str, list[str]] = {}
    if typed.get("to") not in {value for value, _label in choices}:
        errors["to"] = [_("Choose what happens to the case.")]
    if len(typed.get("reason", "")) < SHORTEST_REASON:
        errors["reason"] = [_("Write the reason in a few words.")]
    if errors:
        return render_template("case/state.html", case=case, choices=choices, values=typed, errors=errors,
                               flags=list_flags(case)), 422
    if typed["to"] == CaseState.IN_PROGRESS.value:
        ensure_not_refused(case)
    ensure_unchanged(case, read_version(typed.get("version")) or 0)
    workflow.move(case, LEAVING[typed["to"]], typed["reason"], current_user)
    if case.state is CaseState.WITHDRAWN:
        end_of_withdrawn(case, current_user)
        trace_withdrawn(case, current_user)
    flash(_("Saved."), "success")
    return redirect(url_for(".show", case_id=case.id))


def list_flags(case: Case) -> list[dict[str, str]]:
    """What everybody who deals with the person must see at once, in the banner of every page of a case."""
    yes = {row.word for row in case.circumstances if row.answer.value == "yes"}
    flags = []
    if yes & {"tb_contact", "tb_contact_household", "tb_contact_5y"}:
        flags.append({"text": _("Contact of a TB case"), "tone": "warn"})
    if "tb_symptoms" in yes:
        flags.append({"text": _("TB symptoms"), "tone": "bad"})
    if yes & {"pregnant", "pregnant_declines_cxr", "pregnant_shielded_cxr"}:
        flags.append({"text": _("Pregnant"), "tone": "warn"})
    medicine = find_recorded(case)
    if medicine:
        flags.append({"text": _("%(medicine)s during a TB work-up", medicine=medicine), "tone": "bad"})
    consent = find_consent(case)
    if consent is not None and consent.state in ENDED:
        flags.append({"text": _("Consent refused") if consent.state is ConsentState.REFUSED else _(
            "Consent withdrawn"), "tone": "bad"})
    if is_in_doubt(case):
        flags.append({"text": _("Identity in doubt"), "tone": "bad"})
    if find_namesakes(case.applicant):
        flags.append({"text": _("Similar name here today"), "tone": "bad"})
    return flags + list_person_flags(case.applicant)


def _asks_stay(case: Case) -> bool:
    """Whether the length of stay means anything for the case's category."""
    category = list_programmes()[case.programme].categories.get(case.category)
    return case.stay_months is not None or (category is not None and category.asks_stay)


def _build_groups(
    case: Case, decision: dict[str, Any], requirements: list[Requirement], standing: Standing
) -> list[Group]:
    examinations = Group(_("Examinations"))
    names = list_names(list_people(requirements))
    for row in requirements:
        examinations.tasks.append(_build_task(case, row, decision, standing) | _explain(case, row, names))
    wanted = [row for row in requirements if row.state is not RequirementState.WITHDRAWN]
    examinations.total = len(wanted)
    examinations.done = sum(row.state is RequirementState.DONE for row in wanted)
    left = examinations.total - examinations.done
    facts = Group(_("Facts"), [_photo_task(case), _consent_task(case), _facts_task(case, decision)])
    return [facts, examinations,
            Group(_("Conclusion"), [_conclusion_task(case, decision, left)])]


def _build_task(case: Case, row: Requirement, decision: dict[str, Any], standing: Standing) -> dict[str, Any]:
    state = describe_requirement(row, case, decision, standing)
    code = state.code
    url = find_station(row.exam, case.id, case.programme) if code != "not-required" else None
    path = find_work_path(row.exam, case.programme, code)
    second = code == "second-person"
    waits = code not in ("done", "not-required", "awaiting") and case.state in workflow.RECORDING
    work = find_work(path, case.id) if path and waits else None
    if second and not has_permission(Permission.CONFIRM_RESULT):
        work = None
    return {
        "title": label_exam(row.exam), "state": state.words, "tone": state.tone, "url": url, "detail": state.detail,
        "reasons": [veil_reason(one.rule, one.says, one.source, one.edition) for one in row.reasons],
        "next": {"label": label_work(path, second), "url": work} if path and work else None,
    }


def _explain(case: Case, row: Requirement, names: dict[str, str]) -> dict[str, Any]:
    """Which finding or person asks for it, or why nobody does any more; the way to withdraw it, for a physician."""
    told: dict[str, Any] = {"origin": describe_origin(row, names) or describe_ending(row, names)}
    if may_be_withdrawn(row) and case.state in workflow.RECORDING and has_permission(Permission.RECORD_EXAM):
        told["leave"] = url_for("requirement.leave", case_id=case.id, requirement_id=row.id)
    return told


def _photo_task(case: Case) -> dict[str, Any]:
    photo = find_photo(case)
    url = find_open_url(f"/cases/{case.id}/photo")
    works = url and photo is None and case.state in workflow.RECORDING
    return {
        "title": _("Photo"), "url": url, "state": _("Done") if photo else _("To do"),
        "tone": "good" if photo else "neutral", "next": {"label": _("Take"), "url": url} if works else None,
    }


def _consent_task(case: Case) -> dict[str, Any]:
    row = find_consent(case)
    words, tone = describe_consent(row)
    url = find_open_url(f"/cases/{case.id}/consent")
    waits = (row is None or row.state in ENDED) and case.state in OPEN_TO_DECISION
    return {
        "title": _("Consent"), "url": url, "state": words if row else _("To do"), "tone": tone,
        "detail": (row.reason or row.end_reason) if row is not None and row.state in ENDED else None,
        "next": {"label": _("Record"), "url": url} if waits and find_work("consent", case.id) else None,
    }


def _facts_task(case: Case, decision: dict[str, Any]) -> dict[str, Any]:
    needs = decision["needs"]
    url = find_open_url(f"/cases/{case.id}/circumstances") if case.state in workflow.RECORDING else None
    names = ", ".join(need_label(word, case.programme) for word in needs)
    return {
        "title": _("Circumstances"), "url": url, "state": _("To do") if needs else _("Done"),
        "tone": "warn" if needs else "good",
        "detail": _("Still to be established: %(names)s", names=names) if needs else None,
        "next": {"label": _("Answer") if needs else _("Change"), "url": url} if url else None,
    }


def _conclusion_task(case: Case, decision: dict[str, Any], left: int) -> dict[str, Any]:
    url = find_open_url(f"/cases/{case.id}/sign")
    task: dict[str, Any] = {"title": _("Conclusion and signature"), "url": url}
    if case.state in (CaseState.SIGNED, CaseState.SUBMITTED, CaseState.ACKNOWLEDGED, CaseState.CLOSED):
        return task | {"state": _("Done"), "tone": "good"}
    if case.state is CaseState.IN_REVIEW:
        return task | {"state": _("To do"), "tone": "neutral",
                       "next": {"label": label_work("sign"), "url": url} if find_work("sign", case.id) else None}
    waits = []
    if left and decision["status"] != "pending-culture":
        waits.append(_("%(n)s examinations are done", n=left) if left > 1 else _("one more examination is done"))
    if decision["needs"]:
        waits.append(_("the circumstances are established"))
    if decision["status"] == "pending-culture":
        waits.append(_("the cultures are final"))
    unlocks = _("Opens when %(what)s.", what=_(" and ").join(waits)) if waits else None
    return task | {"state": _("Cannot start yet"), "tone": "off", "unlocks": unlocks, "url": None}


def _list_leaving(case: Case) -> list[tuple[str, str]]:
    """What this person may do with the case outside its usual course."""
    if not has_permission(Permission.OPEN_CASE):
        return []
    words = {"on-hold": _("Put on hold"), "withdrawn": _("Withdraw for good: the person does not go on")}
    if case.state is CaseState.ON_HOLD:
        words = {"in-progress": _("Take up again"), "withdrawn": words["withdrawn"]}
    return [(value, label) for value, label in words.items() if workflow.can_move(case, LEAVING[value])]

