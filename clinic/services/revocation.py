"""Revoking a signed exam: whoever holds the paper or asks for the record learns that it is worth nothing any more."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.errors import NotNow
from clinic.models import Case, Delivery, DeliveryState, SignedExam, User
from clinic.ports import ports
from clinic.progress import REVOKED
from clinic.services.signing import WAITING, ensure_may_sign, find_current_exam


def revoke_exam(exam: SignedExam, reason: str, actor: User) -> None:
    """Revoke one signed version, in the caller's write unit; the document and its bytes stay as they were signed.

    What still waits to leave is cancelled, and the authority finds the exam marked as entered in error. Raises
    NotAllowed unless `actor` may sign for the destination, NotNow when it is revoked already.
    """
    case = db.session.get_one(Case, exam.case_id)
    ensure_may_sign(actor, case)
    if exam.revoked_at is not None:
        raise NotNow(_("This exam is revoked already."), exam=exam.id)
    exam.revoked_at, exam.revoked_by_id, exam.revocation_reason = clock.now(), actor.id, reason
    waiting = select(Delivery).where(Delivery.signed_exam_id == exam.id, Delivery.state.in_(WAITING))
    for delivery in db.session.execute(waiting.with_for_update()).scalars():
        delivery.state = DeliveryState.CANCELLED
        delivery.state_reason = build_reason(DeliveryReason.CANCELLED, reason)
    newest = find_current_exam(case.id)
    if newest is not None and newest.id == exam.id:  # nothing waits to be delivered any more, and the lists say so
        case.progress, case.progress_detail = REVOKED, None
    db.session.flush()
    ports.revoke(db.session(), exam)
    record_change("revoke", "signed-exam", exam.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"version": exam.version, "reason": reason})
