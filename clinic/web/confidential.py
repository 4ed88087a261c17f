"""Confidential results: opened with a reason, and the counselling before and after them."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.errors import ClearwayError, InvalidInput, NotAllowed
from clinic.laboratory_test import list_tests
from clinic.models import Case, CounsellingKind, SensitiveReason
from clinic.permissions import Permission, has_permission, requires
from clinic.scope import current_emergency
from clinic.services import confidential
from clinic.services.requirement import list_requirements
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.gate import is_looking
from clinic.web.identity import read_next
from clinic.web.station_page import Answer, forget, list_names, open_case, show

blueprint = Blueprint("confidential", __name__, url_prefix="/cases/<case_id>/confidential")
P = Permission
CAME_IN = re.compile(r"/laboratory/(inbox|messages)/[0-9a-f-]{36}")  # the pages of what laboratories sent


@blueprint.get("")
@requires(P.SEE_CONFIDENTIAL)
def view(case_id: str) -> Answer:
    """Why somebody must see them, and what was said to the applicant."""
    case = open_case(case_id)
    if current_emergency() is not None:  # nor what was said about them
        raise NotAllowed(_("An emergency does not open confidential results. Call the case's own site, %(site)s.",
                           site=case.site.name), case=case.id, user=current_user.id)
    return _show(case, {})


@blueprint.post("")
@requires(P.SEE_CONFIDENTIAL)
def open_results(case_id: str) -> Answer | Response:
    """Open the confidential results of this case for half an hour."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        if typed.get("why") not in set(SensitiveReason):
            raise InvalidInput(_("Please correct what is marked."), fields={"why": [_("Choose a reason.")]})
        confidential.open_results(case, SensitiveReason(typed["why"]), typed.get("words") or "", current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    return redirect(_read_next(case_id))


@blueprint.post("/counselling")
@requires(P.SEE_CONFIDENTIAL)
def counsel(case_id: str) -> Answer | Response:
    """Write down a conversation, or that the result was told."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        if typed.get("kind") not in set(CounsellingKind):
            raise InvalidInput(_("Please correct what is marked."), fields={"kind": [_("Choose what took place.")]})
        if typed["kind"] != CounsellingKind.RELEASED and typed.get("agreed") not in ("yes", "no"):
            raise InvalidInput(_("Please correct what is marked."), fields={
                "agreed": [_("Say whether the applicant agreed: nobody's agreement is taken for granted.")]})
        confidential.record_counselling(
            case, typed.get("test") or "", CounsellingKind(typed["kind"]), typed.get("agreed") != "no",
            typed.get("remark") or "", current_user)
    except ClearwayError as problem:
        fields = getattr(problem, "fields", None) or {"kind": [problem.message]}
        return _show(forget(case_id), typed, InvalidInput(_("Please correct what is marked."), fields=fields))
    flash(_("Recorded."), "success")
    return redirect(url_for(".view", case_id=case_id))


def _read_next(case_id: str) -> str:
    """Where to go on: what a laboratory sent, from which the reader came, or a page of this case."""
    wanted = request.values.get("next", "")
    return wanted if CAME_IN.fullmatch(wanted) else read_next(case_id)


def reason_word(reason: SensitiveReason) -> str:
    """Why a confidential result is opened."""
    R = SensitiveReason
    return {R.RESULT_ENTRY: _("To enter or correct the result"), R.VALIDATION: _("To validate it as second person"),
            R.CLINICAL_DECISION: _("To decide on the case"), R.COUNSELLING: _("To counsel the applicant"),
            R.APPLICANT_REQUEST: _("The applicant asks for it")}[reason]


def counselling_word(kind: CounsellingKind) -> str:
    """A step around a confidential test."""
    K = CounsellingKind
    return {K.BEFORE: _("Counselling before the test"), K.AFTER: _("Counselling after the test"),
            K.RELEASED: _("Result told to the applicant")}[kind]


def may_open_confidential() -> bool:
    """Whether the reader may open confidential results with a reason: never those of another site in an emergency."""
    return has_permission(P.SEE_CONFIDENTIAL) and current_emergency() is None


def say_refusal(case: Case, test: str) -> str:
    """That the applicant did not agree to a confidential test, for who may know; empty where they did."""
    talk = confidential.find_refusal(case, test) if list_tests()[test].guarded and may_open_confidential() else None
    return "" if talk is None else _(
        "The applicant did not agree to this test (%(name)s, %(when)s): nothing is entered or confirmed. Where they "
        "agree now, record the counselling first.", name=list_names([talk.by_id])[talk.by_id],
        when=format_date(clock.to_day(talk.happened_at, case.site.time_zone)))


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    asked = {row.exam for row in list_requirements(case)}
    tests = [test for test in list_tests().values() if test.guarded and (
        set(test.exams) & asked or confidential.list_counselling(case, test.name)
        or any(row.test == test.name for row in confidential.list_guarded(case)))]
    said = {test.name: confidential.list_counselling(case, test.name) for test in tests}
    return show(
        "laboratory/confidential.html", case, problem, typed=typed, is_open=confidential.may_see(case.id, current_user),
        guarded=tests, said=said, outdated={test.name: confidential.find_outdated(case, test.name) for test in tests},
        results=confidential.list_guarded(case), counselling_word=counselling_word,
        names=list_names(row.by_id for rows in said.values() for row in rows), next=request.values.get("next", ""),
        reasons=[(one.value, reason_word(one)) for one in SensitiveReason],
        kinds=[(one.value, counselling_word(one)) for one in CounsellingKind], tests=list_tests(),
        # Whatever the case's state: results are told, and corrected, after the signature too.
        may_counsel=has_permission(P.SEE_CONFIDENTIAL) and not is_looking())
