"""Consent: the text in the applicant's language beside the staff's, who signed, refusal and withdrawal."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.consent_text import choose_text, find_own_text, get_signer_rule, list_consent_texts
from clinic.errors import InvalidInput
from clinic.models import Case, ConsentState, InterpreterMode, Signer
from clinic.permissions import Permission, has_permission, requires
from clinic.schemas.consent import ConsentIn
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import consent as consents
from clinic.services.interpreter import find_interpreter
from clinic.services.plausibility import get_today
from clinic.services.related_person import lacks_guardian, list_guardians
from clinic.spoken_language import language_name
from clinic.web.case_word import describe_consent
from clinic.web.form import read_form
from clinic.web.gate import find_gate, is_looking
from clinic.web.language import page_language
from clinic.web.relation_word import MODE_WORDS, relation_word
from clinic.web.station_page import Answer, forget, list_names, open_case, prefix_errors, show

blueprint = Blueprint("consent", __name__, url_prefix="/cases/<case_id>/consent")
P = Permission
MAY_RECORD = (P.REGISTER, P.RECORD_HISTORY, P.RECORD_EXAM)
FIELDS = ("decision", "language", "text_sha256", "signer", "guardian_id", "signer_name", "signer_relation", "by_mark",
          "witness_name", "interpreter_name", "interpreter_mode", "understands", "reason")


@blueprint.get("")
@requires(P.SEE_CASES)
def view(case_id: str) -> Answer | Response:
    """The text and the decisions about it."""
    case = open_case(case_id)
    gate = find_gate(case) if _may_decide(case) else None
    return gate or _show(case, {"language": request.args.get("language", "")})


@blueprint.post("")
@requires(*MAY_RECORD)
def record(case_id: str) -> Answer | Response:
    """Record that consent was given or refused."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        new = load(ConsentIn(), {name: typed[name] for name in FIELDS if name in typed})
        row = consents.record_consent(case, new, current_user)
    except InvalidInput as problem:
        return _show(forget(case_id), typed, problem)
    if row.state is ConsentState.GIVEN:
        flash(_("Consent is recorded."), "success")
    else:
        flash(_("The refusal is recorded and the case is on hold: nothing more is recorded on it."), "warning")
    return redirect(url_for("case.show", case_id=case_id))


@blueprint.post("/withdraw")
@requires(*MAY_RECORD)
def withdraw(case_id: str) -> Answer | Response:
    """Record that the applicant took the consent back."""
    case = open_case(case_id)
    typed = read_form(request.form)
    try:
        consents.withdraw_consent(case, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, "withdraw-", "reason")
        return _show(forget(case_id), {"withdraw-reason": typed.get("reason")}, problem)
    flash(_("The withdrawal is recorded."), "warning")
    return redirect(url_for("case.show", case_id=case_id))


def signer_word(signer: Signer) -> str:
    """Who signed, in words."""
    words = {Signer.APPLICANT: _("The applicant"), Signer.PARENT: _("A parent"), Signer.GUARDIAN: _("A guardian"),
             Signer.REPRESENTATIVE: _("Who represents an adult that cannot decide")}
    return words[signer]


def _may_decide(case: Case) -> bool:
    """Whether the reader may record a decision now; a consent that stands is replaced only when asked for."""
    if is_looking() or case.state not in consents.OPEN_TO_DECISION:
        return False
    wanted = not consents.has_consent(case) or "again" in request.args
    return wanted and any(has_permission(permission) for permission in MAY_RECORD)


def _show(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    spoken = case.applicant.language
    text = consents.get_text(case, typed.get("language"))
    staff = choose_text(page_language())
    rule, minor = get_signer_rule(case.programme, get_today(case)), consents.is_minor(case)
    guardians = list_guardians(case.applicant)
    rows = consents.list_consents(case)
    may_record = any(has_permission(permission) for permission in MAY_RECORD)
    stands = bool(rows) and rows[0].state is ConsentState.GIVEN
    return show(
        "consent/view.html", case, problem, typed=typed, text=text, staff=staff if staff is not text else None,
        own=find_own_text(spoken), spoken=language_name(spoken, page_language()), rows=rows, minor=minor,
        shown=language_name(text.language, page_language()), rule=rule,
        needs_interpreter=consents.needs_interpreter(case, text),
        names=list_names(who for row in rows for who in (row.recorded_by_id, row.ended_by_id)),
        signers=[(signer, signer_word(signer)) for signer in (Signer.APPLICANT, Signer.REPRESENTATIVE)],
        guardians=[(row.id, f"{row.name} ({relation_word(row.relation)})") for row in guardians],
        lacks_guardian=lacks_guardian(case.applicant), has_stand_in=consents.has_stand_in(case),
        interpreter=find_interpreter(case), modes=[(mode, str(MODE_WORDS[mode])) for mode in InterpreterMode],
        languages=[(code, language_name(code, page_language())) for code in list_consent_texts()],
        may_decide=_may_decide(case),
        may_withdraw=may_record and stands, fill={"clinic": case.site.name, "authority": case.authority.name},
        signer_word=signer_word, describe=describe_consent, language_word=lambda code: language_name(
            code, page_language()),
    )
