"""Review and signature: the whole exam on one page, the rules' proposal, the physician's conclusion, password again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as WebResponse

from clinic import workflow
from clinic.audit import record_read
from clinic.declaration import get_declaration
from clinic.errors import CaseChanged, ClearwayError, InvalidInput, NotAllowed, NotNow
from clinic.models import Case, CaseState, ConclusionKind
from clinic.permissions import Permission, has_permission, requires
from clinic.progress import describe_requirement
from clinic.queries.alert import AlertKind
from clinic.queries.case import get_case
from clinic.queries.signed_exam import get_exam, list_deliveries_of, list_exams
from clinic.queries.standing import load_standings
from clinic.rules import list_classes
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import assessment, confidential, ordering, signing
from clinic.services.amendment import list_open_requests, settle_requests
from clinic.services.conclusion import ConclusionInput
from clinic.unit import manages_units
from clinic.web.conclusion_word import RESULT_WORDS
from clinic.web.delivery import state_word
from clinic.web.form import read_form, read_version
from clinic.web.reauthentication import check_again
from clinic.web.requirement_word import describe_ending, describe_origin
from clinic.web.review import build_review
from clinic.web.station import find_station
from clinic.web.station_page import Answer, list_names, open_case, show

blueprint = Blueprint("sign", __name__)
P = Permission
GRADE_PREFIX = "grade-"

ALERT_WORDS: dict[str, LazyString] = {
    AlertKind.CRITICAL: lazy_gettext("Critical"), AlertKind.POSITIVE: lazy_gettext("Positive"),
    AlertKind.CONTRADICTION: lazy_gettext("Contradiction"), AlertKind.CORRECTED: lazy_gettext("Corrected"),
    AlertKind.ABNORMAL: lazy_gettext("Abnormal"), AlertKind.CONFIDENTIAL: lazy_gettext("Confidential"),
}


@blueprint.get("/cases/<case_id>/sign")
@requires(P.SIGN)
def review(case_id: str) -> Answer | WebResponse:
    """Everything recorded, what the rules propose, and the conclusion to sign."""
    case = open_case(case_id)
    exams = list_exams(case)
    if exams and case.state not in workflow.RECORDING:
        return redirect(url_for(".exam", exam_id=exams[0].id))
    return _show(case, {})


@blueprint.post("/cases/<case_id>/sign")
@requires(P.SIGN)
@manages_units
def sign(case_id: str) -> Answer | WebResponse:
    """Sign: password, then both halves of the signature; nothing is held open meanwhile."""
    get_case(case_id, current_user)  # of this site, before anything else is said about it
    typed = read_form(request.form, lists=("classes",))
    version = read_version(typed.get("case_version")) or 0
    signer_id = current_user.id
    try:
        choice = _read_choice(typed)
        exam_id = signing.sign(case_id, version, signer_id, choice)
    except (InvalidInput, CaseChanged, NotNow, NotAllowed) as problem:
        return _show(get_case(case_id, current_user), typed, problem)
    flash(_("The exam is signed and queued for delivery."), "success")
    return redirect(url_for(".exam", exam_id=exam_id))


@blueprint.get("/exams/<exam_id>")
@requires(P.SEE_CASES)
def exam(exam_id: str) -> Answer:
    """A signed exam: who, what, digest, where it was sent."""
    return show_exam(exam_id, {})


@blueprint.get("/exams/<exam_id>/document")
@requires(P.SIGN, P.SEE_DELIVERIES)
def document(exam_id: str) -> Response:
    """The exact bytes that were signed: a FHIR document Bundle."""
    row, case, _conclusion = get_exam(exam_id, current_user)
    confidential.ensure_may_read_exam(case, current_user)
    record_read("user", current_user.id, "document", "signed-exam", row.id, case_id=case.id, site_id=case.site_id)
    return Response(signing.read_document(row), content_type="application/fhir+json; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="{case.number}-v{row.version}.json"'})


@blueprint.get("/exams/<exam_id>/signature")
@requires(P.SIGN, P.SEE_DELIVERIES)
def signature(exam_id: str) -> Response:
    """The detached signature over those bytes (RFC 7797)."""
    row, case, _conclusion = get_exam(exam_id, current_user)
    return Response(row.jws, content_type="application/jose", headers={
        "Content-Disposition": f'attachment; filename="{case.number}-v{row.version}.jws"'})


@blueprint.post("/exams/<exam_id>/amend")
@requires(P.SIGN)
def amend(exam_id: str) -> Answer | WebResponse:
    """Take the case back into work; this version stands until a new one is signed."""
    row, case, _conclusion = get_exam(exam_id, current_user)
    if signing.find_current_exam(case.id).id != row.id:  # type: ignore[union-attr]
        raise NotNow(_("A newer version of this exam exists: amend that one."), exam=row.id)
    typed = read_form(request.form)
    try:
        signing.open_amendment(case, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return show_exam(exam_id, typed, problem)
    is_revoked = row.revoked_at is not None
    settle_requests(case, current_user)
    assessment.refresh(case)
    flash(_("The case is open again. The signed version stays revoked.") if is_revoked else
          _("The case is open again. The signed version stands until a new one is signed."), "success")
    return redirect(url_for("case.show", case_id=case.id))


def _read_choice(typed: dict[str, Any]) -> ConclusionInput:
    """The conclusion, with declaration and password checked. Raises InvalidInput."""
    problems: dict[str, list[str]] = {}
    kinds = {kind.value: kind for kind in ConclusionKind}
    if typed.get("kind") not in kinds:
        problems["kind"] = [_("Accept the proposal, or say what you conclude instead.")]
    if typed.get("declared") != "yes":
        problems["declared"] = [_("Tick the declaration.")]
    problems = problems or check_again(typed)
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)
    kind = kinds[typed["kind"]]
    source = "chosen" if kind is ConclusionKind.CHOSEN else "classes"
    return ConclusionInput(
        kind=kind, reason=typed.get("reason", ""),
        classes=tuple(request.form.getlist(source)), certificate=typed.get("certificate"),
        not_issued=typed.get("not_issued"),
        grades={name.removeprefix(GRADE_PREFIX): value for name, value in typed.items()
                if name.startswith(GRADE_PREFIX)},
    )


def _show(case: Case, typed: dict[str, Any], problem: ClearwayError | None = None) -> Answer:
    if isinstance(problem, CaseChanged):
        typed = {**typed, "case_version": None}  # what is signed next is what this page shows
    seen = build_review(case)
    decision = seen.decision
    may_sign = case.state is CaseState.IN_REVIEW and assessment.is_ready_for_review(case, decision)
    refusal = over = None
    if may_sign:
        try:
            signing.ensure_may_sign(current_user, case)
            signing.ensure_not_over(case, decision)
        except NotAllowed as error:
            may_sign, refusal = False, error.message
        except NotNow as error:
            over = error.message  # that it is not issued can be signed
    standing = load_standings([case.id])[case.id]
    shown = problem if isinstance(problem, InvalidInput) else (
        InvalidInput(problem.message) if problem else None)
    page = show(
        "sign/review.html", case, shown, seen=seen, decision=decision, typed=typed, may_sign=may_sign, refusal=refusal,
        over=over,
        **RESULT_WORDS, alert_words=ALERT_WORDS,
        declaration=get_declaration(case.programme), all_classes=list_classes(),
        station_of=lambda row: find_station(row.exam, case.id, case.programme),
        state_of=lambda row: describe_requirement(row, case, decision, standing).sentence,
        origin_of=lambda row: describe_origin(row, seen.names), ending_of=lambda row: describe_ending(row, seen.names),
        chosen=request.form.getlist("chosen"),
        orderable=ordering.list_orderable(case) if has_permission(Permission.RECORD_EXAM) else [],
        picked=request.form.getlist("classes"), exams=list_exams(case),
    )
    if problem is not None and isinstance(page, tuple):
        return page[0], problem.status
    return page


def show_exam(exam_id: str, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    """The page of a signed exam; with what was typed into one of its forms and what is wrong with it."""
    row, case, conclusion = get_exam(exam_id, current_user)
    if request.method == "GET":
        record_read("user", current_user.id, "read", "signed-exam", row.id, case_id=case.id, site_id=case.site_id)
    exams = list_exams(case)
    asked = list_open_requests(case)
    typed = {"reason": "; ".join(one.reason for one in asked)} | typed  # what was asked is the reason, to be edited
    return show(
        "sign/exam.html", case, problem, exam=row, conclusion=conclusion, exams=exams, typed=typed,
        names=list_names([row.signed_by_id, row.revoked_by_id]), deliveries=list_deliveries_of(row),
        **RESULT_WORDS, delivery_state=state_word,
        is_newest=exams[0].id == row.id,
        may_see_deliveries=has_permission(P.SEE_DELIVERIES),
        may_amend=has_permission(P.SIGN) and case.state in signing.SIGNED_STATES and exams[0].id == row.id,
        may_revoke=has_permission(P.SIGN) and row.revoked_at is None,
        may_read=(has_permission(P.SIGN) or has_permission(P.SEE_DELIVERIES))
        and confidential.may_read_exam(case, current_user),
    )

