"""Consent: who may sign, what follows from a refusal or withdrawal, and what was decided last."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.consent_text import ConsentText, choose_text, find_own_text, get_signer_rule, list_consent_texts
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotNow
from clinic.models import Case, CaseState, Consent, ConsentState, Signer, User
from clinic.partial_date import age_on, parse_partial_date
from clinic.schemas.consent import NewConsent
from clinic.schemas.reason import SHORTEST
from clinic.services.plausibility import get_today

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
    earlier = find_consent(case)
    if earlier is not None and earlier.ended_at is None:
        _end(earlier, ConsentState.REPLACED if earlier.state is ConsentState.GIVEN else earlier.state, actor)
    is_other = new.signer is not Signer.APPLICANT
    row = Consent(
        case_id=case.id, state=new.decision, text_language=text.language, text_version=text.version,
        text_sha256=text.sha256, spoken_language=case.applicant.language, signer=new.signer,
        signer_name=new.signer_name if is_other else None, signer_relation=new.signer_relation if is_other else None,
        by_mark=new.by_mark, witness_name=new.witness_name, interpreter_name=new.interpreter_name,
        reason=(new.reason or "") if new.decision is ConsentState.REFUSED else "", decided_at=clock.now(),
        recorded_by_id=actor.id,
    )
    row.case = case
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


def _list_faults(case: Case, new: NewConsent, text: ConsentText) -> Iterator[tuple[str, list[str]]]:
    rule, minor = get_signer_rule(case.programme, get_today(case)), is_minor(case)
    if minor and new.signer not in (Signer.PARENT, Signer.GUARDIAN):
        yield "signer", [_("The applicant is under %(age)s: a parent or guardian signs.", age=rule.minor_below)]
    if not minor and new.signer in (Signer.PARENT, Signer.GUARDIAN):
        yield "signer", [_("The applicant is of age: the applicant signs, or who represents an adult that cannot "
                           "decide.")]
    if new.signer is not Signer.APPLICANT and not new.signer_name:
        yield "signer_name", [_("Write the name of who signs.")]
    if new.signer is not Signer.APPLICANT and not new.signer_relation:
        yield "signer_relation", [_("Write what the person is to the applicant, for example mother.")]
    if new.by_mark and not new.witness_name:
        yield "witness_name", [_("A mark needs a witness: write the name.")]
    elif rule.witness and not new.witness_name and new.decision is ConsentState.GIVEN:
        yield "witness_name", [_("This destination asks for a named witness.")]
    if needs_interpreter(case, text) and not new.interpreter_name and not new.understands:
        yield "interpreter_name", [_("The text is not in the applicant's language: write who interpreted, or tick that "
                                     "this language is understood well.")]
    if new.decision is ConsentState.REFUSED and len(new.reason or "") < SHORTEST:
        yield "reason", [_("Write in a few words why, as the applicant said it.")]


def _end(row: Consent, state: ConsentState, actor: User, reason: str = "") -> None:
    row.state, row.ended_at, row.ended_by_id, row.end_reason = state, clock.now(), actor.id, reason
    db.session.flush()


def _hold(case: Case, reason: str, actor: User) -> None:
    if workflow.can_move(case, CaseState.ON_HOLD):
        workflow.move(case, CaseState.ON_HOLD, reason, actor)
    elif case.state is CaseState.ON_HOLD:
        case.state_reason = reason
