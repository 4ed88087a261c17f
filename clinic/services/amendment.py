"""After the signature: whoever finds a result wrong asks for an amendment, a physician opens it or says why not."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, NotFound, NotNow
from clinic.models import AmendmentRequest, Case, User
from clinic.permissions import Permission, permissions_of
from clinic.services.signing import SIGNED_STATES, ensure_may_sign
from clinic.services.task import close_tasks_about

P = Permission
# Whoever records anything that a signature covers may find it wrong.
ASKING = (P.ENTER_RESULT, P.CONFIRM_RESULT, P.READ_XRAY, P.RECORD_SPUTUM, P.RECORD_HISTORY, P.RECORD_VACCINE,
          P.REGISTER, P.SIGN)


def may_ask(case: Case, user: User) -> bool:
    """Whether `user` may ask for the amendment of `case` now."""
    return case.state in SIGNED_STATES and bool(permissions_of(user) & set(ASKING))


def ask_amendment(case: Case, reason: str, actor: User) -> AmendmentRequest:
    """Put the case on the physician's list with what is wrong; the signed version stands meanwhile.

    Raises NotNow unless the case is signed: before that, the result itself is corrected.
    """
    if case.state not in SIGNED_STATES:
        raise NotNow(_("This case is not signed: correct the result itself."), case=case.id)
    row = AmendmentRequest(case_id=case.id, case=case, reason=reason, asked_at=clock.now(), asked_by_id=actor.id)
    db.session.add(row)
    db.session.flush()
    _write_down(row, "ask-amendment", actor, {"reason": reason})
    return row


def list_open_requests(case: Case) -> list[AmendmentRequest]:
    """What waits for a physician's word, oldest first."""
    return list(db.session.execute(
        select(AmendmentRequest).where(AmendmentRequest.case_id == case.id, AmendmentRequest.settled_at.is_(None))
        .order_by(AmendmentRequest.id)
    ).scalars())


def settle_requests(case: Case, actor: User) -> None:
    """The case is open again: what was asked for is in work."""
    for row in list_open_requests(case):
        row.settled_at, row.settled_by_id = clock.now(), actor.id
        close_tasks_about("amendment", row.id, "amended", actor)
        _write_down(row, "settle-amendment", actor, {})


def decline_request(row: AmendmentRequest, reason: str, actor: User) -> None:
    """The physician sees no need; the reason stays. Raises NotAllowed, AlreadyDone."""
    ensure_may_sign(actor, row.case)
    if row.settled_at is not None:
        raise AlreadyDone(_("Somebody has answered this request already."), request=row.id)
    row.settled_at, row.settled_by_id, row.declined_reason = clock.now(), actor.id, reason
    close_tasks_about("amendment", row.id, "no-amendment", actor)
    _write_down(row, "decline-amendment", actor, {"reason": reason})


def get_request(case: Case, request_id: str) -> AmendmentRequest:
    """A request of `case`. Raises NotFound."""
    row = db.session.get(AmendmentRequest, request_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such request on this case."), case=case.id, request=request_id)
    return row


def _write_down(row: AmendmentRequest, action: str, actor: User, detail: dict[str, object]) -> None:
    record_change(action, "amendment-request", row.id, case_id=row.case_id, site_id=row.case.site_id,
                  actor_id=actor.id, actor_kind="user", detail=detail)
