"""Consent: who may sign, what follows from a refusal or withdrawal, and what was decided last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.consent_text import ConsentText, choose_text, find_own_text, get_signer_rule, list_consent_texts
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotNow
from clinic.models import (
    PARENTS,
    Case,
    CaseState,
    Consent,
    ConsentState,
    RelatedPerson,
    Signer,
    User,
    VisitInterpreter,
)
from clinic.partial_date import age_on, parse_partial_date
from clinic.schemas.consent import NewConsent
from clinic.schemas.reason import SHORTEST
from clinic.services.interpreter import find_interpreter, record_interpreter
from clinic.services.plausibility import get_today
from clinic.services.related_person import find_absence, lacks_guardian, list_guardians

OPEN_TO_DECISION = workflow.RECORDING | {CaseState.ON_HOLD}
ENDED = (ConsentState.REFUSED, ConsentState.WITHDRAWN)


def find_consent(case: Case) -> Consent | None:
    """What was decided last."""
    return db.session.execute(
        select(Consent).where(Consent.case_id == case.id).order_by(Consent.id.desc()).limit(1)
    ).scalar_one_or_none()


def list_consents(case: Case) -> list[Consent]:
    """Every decision, newest first."""
    return list(db.session.execute(
        select(Consent).where(Consent.case_id == case.id).order_by(Consent.id.desc())).scalars())


def has_consent(case: Case) -> bool:
    """Whether a consent stands."""
    found = find_consent(case)
    return found is not None and found.state is ConsentState.GIVEN


def is_minor(case: Case) -> bool:
    """Whether a parent or guardian signs for the applicant today."""
    today = get_today(case)
    born = parse_partial_date(case.applicant.birth_date)
    return age_on(born, today).years < get_signer_rule(case.programme, today).minor_below


def record_consent(case: Case, new: NewConsent, actor: User) -> Consent:
    """Write down a decision; a refusal holds the case, a consent after it takes the case up again.

    Raises InvalidInput for a signature that does not do, CaseChanged when another text has come since, NotNow when
    the case is signed or ended.
    """
    if case.state not in OPEN_TO_DECISION:
        raise NotNow(_("The case is signed or ended: no consent can be recorded on it."), case=case.id)
    text = list_consent_texts().get(new.language)
    if text is None or text.sha256 != new.text_sha256:
        raise CaseChanged(_("The text was renewed just now. Show the present one, then record the decision."),
                          case=case.id)
    faults = dict(_list_faults(case, new, text))
    if faults:
        raise InvalidInput(_("Please correct what is marked."), fields=faults, case=case.id)
    guardian = _find_guardian(case, new)
    interpreter = _find_visit_interpreter(case, new, actor)
    earlier = find_consent(case)
    if earlier is not None and earlier.ended_at is None:
        _end(earlier, ConsentState.REPLACED if earlier.state is ConsentState.GIVEN else earlier.state, actor)
    row = Consent(
        case_id=case.id, state=new.decision, text_language=text.language, text_version=text.version,
        text_sha256=text.sha256, authority_name=case.authority.name, spoken_language=case.applicant.language,
        by_mark=new.by_mark, witness_name=new.witness_name, interpreter_name=new.interpreter_name,
        interpreter_id=interpreter.id if interpreter else None, **_describe_signer(case, new, guardian),
        reason=(new.reason or "") if new.decision is ConsentState.REFUSED else "", decided_at=clock.now(),
        recorded_by_id=actor.id,
    )
    row.case, row.guardian = case, guardian
    db.session.add(row)
    case.updated_at = clock.now()
    db.session.flush()
    record_change(f"consent-{new.decision.value}", "case", case.id, case_id=case.id, site_id=case.site_id,
                  actor_id=actor.id, detail={"consent": row.id, "language": text.language, "version": text.version})
    if new.decision is ConsentState.REFUSED:
        _hold(case, _("Consent refused: %(reason)s", reason=row.reason), actor)
    elif case.state is CaseState.ON_HOLD and earlier is not None and earlier.state in ENDED:
        workflow.move(case, CaseState.IN_PROGRESS, _("Consent given"), actor)
    db.session.flush()
    return row


def withdraw_consent(case: Case, reason: str, actor: User) -> Consent:
    """Take back the consent that stands; the case is held where it still can be. Raises NotNow when none stands."""
    row = find_consent(case)
    if row is None or row.state is not ConsentState.GIVEN:
        raise NotNow(_("No consent stands that could be withdrawn. Look again."), case=case.id)
    _end(row, ConsentState.WITHDRAWN, actor, reason)
    case.updated_at = clock.now()
    record_change("consent-withdrawn", "case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  detail={"consent": row.id})
    _hold(case, _("Consent withdrawn: %(reason)s", reason=reason), actor)
    db.session.flush()
    return row


def ensure_not_refused(case: Case) -> None:
    """Raise NotNow while the last decision is a refusal or a withdrawal: the case is not taken up by hand."""
    found = find_consent(case)
    if found is not None and found.state in ENDED:
        raise NotNow(_("Consent was refused or withdrawn. Record a consent first; the case then goes on by itself."),
                     case=case.id, consent=found.id)


def needs_interpreter(case: Case, text: ConsentText) -> bool:
    """Whether the text is in another language than the applicant's."""
    return find_own_text(case.applicant.language) is not text


def get_text(case: Case, wanted: str | None = None) -> ConsentText:
    """The text to show for `case`."""
    return choose_text(case.applicant.language, wanted)


def has_stand_in(case: Case) -> bool:
    """Whether somebody who is no recorded guardian signs for a minor, because it is recorded why there is none."""
    return is_minor(case) and not list_guardians(case.applicant) and find_absence(case.applicant) is not None


def _find_guardian(case: Case, new: NewConsent) -> RelatedPerson | None:
    """Who signs for a minor, of those recorded today."""
    if not is_minor(case):
        return None
    return next((row for row in list_guardians(case.applicant) if row.id == new.guardian_id), None)


def _describe_signer(case: Case, new: NewConsent, guardian: RelatedPerson | None) -> dict[str, Any]:
    """Who signed: a guardian as recorded, in the words of that day, or whom the form names."""
    if guardian is not None:
        signer = Signer.PARENT if guardian.relation in PARENTS else Signer.GUARDIAN
        return {"signer": signer, "signer_name": guardian.name, "signer_relation": guardian.relation.value}
    if is_minor(case):
        return {"signer": Signer.GUARDIAN, "signer_name": new.signer_name, "signer_relation": new.signer_relation}
    if new.signer is Signer.REPRESENTATIVE:
        return {"signer": new.signer, "signer_name": new.signer_name, "signer_relation": new.signer_relation}
    return {"signer": Signer.APPLICANT, "signer_name": None, "signer_relation": None}


def _find_visit_interpreter(case: Case, new: NewConsent, actor: User) -> VisitInterpreter | None:
    """Today's interpreter; one who is named here first is written down for the visit."""
    if not new.interpreter_name:
        return None
    present = find_interpreter(case)
    if present is not None and present.name == new.interpreter_name:
        return present
    return record_interpreter(case, {
        "language": case.applicant.interpreter_language or case.applicant.language, "name": new.interpreter_name,
        "organisation": None, "mode": new.interpreter_mode, "is_relative": False}, actor)


def _list_faults(case: Case, new: NewConsent, text: ConsentText) -> Iterator[tuple[str, list[str]]]:
    rule = get_signer_rule(case.programme, get_today(case))
    yield from _list_signer_faults(case, new)
    if new.by_mark and not new.witness_name:
        yield "witness_name", [_("A mark needs a witness: write the name.")]
    elif rule.witness and not new.witness_name and new.decision is ConsentState.GIVEN:
        yield "witness_name", [_("This destination asks for a named witness.")]
    if needs_interpreter(case, text) and not new.interpreter_name and not new.understands:
        yield "interpreter_name", [_("The text is not in the applicant's language: write who interpreted, or tick that "
                                     "this language is understood well.")]
    if new.decision is ConsentState.REFUSED and len(new.reason or "") < SHORTEST:
        yield "reason", [_("Write in a few words why, as the applicant said it.")]


def _list_signer_faults(case: Case, new: NewConsent) -> Iterator[tuple[str, list[str]]]:
    named = new.signer is Signer.REPRESENTATIVE
    if lacks_guardian(case.applicant):
        yield "guardian_id", [_("The applicant is a minor: first record the guardian, or why there is none.")]
    elif is_minor(case) and not has_stand_in(case):
        if _find_guardian(case, new) is None:
            yield "guardian_id", [_("Choose which guardian signs for the applicant.")]
        return
    elif is_minor(case):
        named = True
    elif new.signer not in (Signer.APPLICANT, Signer.REPRESENTATIVE):
        yield "signer", [_("The applicant is of age: the applicant signs, or who represents an adult that cannot "
                           "decide.")]
    if named and not new.signer_name:
        yield "signer_name", [_("Write the name of who signs.")]
    if named and not new.signer_relation:
        yield "signer_relation", [_("Write what the person is to the applicant, for example mother.")]


def _end(row: Consent, state: ConsentState, actor: User, reason: str = "") -> None:
    row.state, row.ended_at, row.ended_by_id, row.end_reason = state, clock.now(), actor.id, reason
    db.session.flush()


def _hold(case: Case, reason: str, actor: User) -> None:
    if workflow.can_move(case, CaseState.ON_HOLD):
        workflow.move(case, CaseState.ON_HOLD, reason, actor)
    elif case.state is CaseState.ON_HOLD:
        case.state_reason = reason
