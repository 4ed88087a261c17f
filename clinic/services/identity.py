"""Identity confirmed again at every station, by everybody who meets the person, every working day."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.models import Case, CaseState, IdentityCheck, IdentityDocument, IdentityMethod, User
from clinic.queries.merge import find_last_change
from clinic.services.consent import OPEN_TO_DECISION, has_consent
from clinic.services.photo import find_photo
from clinic.services.plausibility import get_today
from clinic.services.visit import note_presence
from clinic.station import Station

SEEN_LETTERS = 4  # of a document's number: enough to tell which paper was seen, too little to copy it


class NotIdentified(NotNow):
    """Nobody confirmed who is in front of them, so nothing may be recorded here."""


def confirm_identity(
    case: Case, station: Station, method: IdentityMethod, actor: User, document_id: str | None = None
) -> IdentityCheck:
    """Write down that `actor` has the person of `case` in front of them. `document_id`: the paper that was seen.

    Raises InvalidInput when the way cannot be meant, NotNow when nothing may be recorded on the case.
    """
    if case.state not in OPEN_TO_DECISION and not _goes_on(case, station):
        raise NotNow(_("The case is signed or ended: nothing is recorded on it any more."), case=case.id)
    document = _get_document(case, document_id) if method is IdentityMethod.DOCUMENT else None
    if method is IdentityMethod.PHOTO and find_photo(case) is None:
        raise _refuse(_("There is no photo of this visit to compare with."))
    if method is IdentityMethod.EARLIER_VISIT and not may_complete_later(case, station):
        raise _refuse(_("There was no earlier visit here at which somebody saw the person."))
    if method is not IdentityMethod.EARLIER_VISIT:
        note_presence(case, actor)
    return _write(IdentityCheck(
        case_id=case.id, station=station.name, is_confirmed=True, method=method,
        document_id=document.id if document else None,
        document_end=document.number_key[-SEEN_LETTERS:] if document else None,
    ), case, actor)


def is_open(case: Case, station: Station) -> bool:
    """Whether anything may be recorded on `case` at `station` by its state; else the service says what is wrong."""
    return case.state in (workflow.RECORDING if station.consent else OPEN_TO_DECISION) or _goes_on(case, station)


def record_mismatch(case: Case, station: Station, reason: str, actor: User) -> IdentityCheck:
    """Write down that another person stands here; the case is held where it still can be (us.md 4.4: stop)."""
    check = _write(IdentityCheck(case_id=case.id, station=station.name, is_confirmed=False, reason=reason), case, actor)
    if workflow.can_move(case, CaseState.ON_HOLD):
        workflow.move(case, CaseState.ON_HOLD, _("Identity in doubt: %(reason)s", reason=reason), actor)
    db.session.flush()
    return check


def find_confirmation(case: Case, station: Station, user: User) -> IdentityCheck | None:
    """The check by which `user` may record at `station` today.

    A mismatch seen by anybody since takes it away, and so does a merge of the applicant's record, or its undoing: what
    was compared then was another record.
    """
    changed_at = find_last_change(case.applicant_id)
    checks = db.session.execute(
        select(IdentityCheck).where(IdentityCheck.case_id == case.id, IdentityCheck.checked_on == get_today(case))
        .order_by(IdentityCheck.id.desc())
    ).scalars()
    for check in checks:
        if not check.is_confirmed or (changed_at is not None and check.checked_at <= changed_at):
            return None
        if (check.station, check.checked_by_id) == (station.name, user.id):
            return check
    return None


def may_record(case: Case, station: Station, user: User) -> bool:
    """Whether consent stands where it must, and `user` has confirmed today who is in front of them."""
    return (not station.consent or has_consent(case)) and find_confirmation(case, station, user) is not None


def ensure_identity_confirmed(case: Case, station: Station, user: User) -> None:
    """Raise NotIdentified unless `user` may record at `station`: what is missing is in its sentence."""
    if station.consent and not has_consent(case):
        raise NotIdentified(_("Consent is not recorded, so nothing was saved. Record the consent first."),
                            case=case.id, station=station.name)
    if find_confirmation(case, station, user) is None:
        raise NotIdentified(_("Nobody confirmed who is in front of you, so nothing was saved."),
                            case=case.id, station=station.name)


def may_complete_later(case: Case, station: Station) -> bool:
    """Whether somebody saw the person here on an earlier day, and the station's record may be completed from notes.

    A look before the applicant's record was merged, or taken apart again, does not count.
    """
    changed_at = find_last_change(case.applicant_id)
    return station.completes_later and db.session.execute(
        select(IdentityCheck.id).where(
            IdentityCheck.case_id == case.id, IdentityCheck.station == station.name, IdentityCheck.is_confirmed,
            IdentityCheck.method != IdentityMethod.EARLIER_VISIT, IdentityCheck.checked_on < get_today(case),
            *([IdentityCheck.checked_at > changed_at] if changed_at is not None else []),
        ).limit(1)
    ).first() is not None


def is_in_doubt(case: Case) -> bool:
    """Whether the last look at the person found somebody else."""
    return db.session.execute(
        select(IdentityCheck.is_confirmed).where(IdentityCheck.case_id == case.id)
        .order_by(IdentityCheck.id.desc()).limit(1)
    ).scalar_one_or_none() is False


def _goes_on(case: Case, station: Station) -> bool:
    return station.after_signature and case.state in workflow.SIGNED


def _get_document(case: Case, document_id: str | None) -> IdentityDocument:
    for document in case.applicant.documents:
        if document.id == document_id:
            return document
    raise _refuse(_("Choose the document that you have seen."))


def _write(check: IdentityCheck, case: Case, actor: User) -> IdentityCheck:
    check.checked_on, check.checked_at, check.checked_by_id = get_today(case), clock.now(), actor.id
    db.session.add(check)
    db.session.flush()
    record_change("identity-confirmed" if check.is_confirmed else "identity-mismatch", "case", case.id,
                  case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  detail={"check": check.id, "station": check.station,
                          "method": check.method.value if check.method else None})
    return check


def _refuse(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={"seen": [sentence]})
