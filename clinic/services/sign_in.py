"""Sign-ins: begun, locked, unlocked, listed and ended; which of them a cookie names is clinic/session_life.py."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import and_, delete, or_, select, update

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotFound
from clinic.models import AuditChange, SignIn, SignInEnd, User

WRONG = "wrong-secret"
# Changes of the audit whose owner hears of them at the next sign-in (ASVS 2.2.3, 2.5.5).
TOLD = ("add-passkey", "change-password", "change-roles", "draw-recovery-codes", "issue-password-reset",
        "remove-authenticator", "remove-passkey", "reset-mfa", "reset-password", "set-up-authenticator",
        "use-recovery-code")
MISTYPED = timedelta(minutes=2)  # a wrong secret so shortly before is one's own
KEPT_FOR = timedelta(days=90)  # ended ones: long enough to look back after somebody noticed something


def begin_sign_in(user: User, address: str, browser: str) -> SignIn:
    """A new sign-in of `user` from a network address on a browser (in words)."""
    now = clock.now()
    row = SignIn(user_id=user.id, started_at=now, seen_at=now, address=address[:45], browser=browser[:60])
    db.session.add(row)
    db.session.flush()
    return row


@dataclass(frozen=True)
class AccountNews:
    """What happened to an account since its last sign-in: events of the audit, oldest first, and wrong secrets."""

    since: datetime
    actions: tuple[str, ...]  # of AuditChange, each once
    wrong_secrets: int  # passwords, codes and passkeys that were refused, one used twice among them


def find_news(user: User, now_begun: SignIn) -> AccountNews | None:
    """What the user should hear of at the sign-in `now_begun`; None at the first one and when nothing happened.

    Of changes that they made themselves too: whoever sat at their screen may have made them. What they gave wrongly
    just before the right one is not told of.
    """
    since = db.session.execute(
        select(SignIn.started_at).where(SignIn.user_id == user.id, SignIn.id != now_begun.id)
        .order_by(SignIn.started_at.desc()).limit(1)).scalar_one_or_none()
    if since is None:
        return None
    found = Counter(db.session.execute(
        select(AuditChange.action).where(
            AuditChange.subject_kind == "user", AuditChange.subject_id == user.id, AuditChange.happened_at > since,
            or_(AuditChange.action.in_(TOLD), and_(AuditChange.action == WRONG,
                                                   AuditChange.happened_at < now_begun.started_at - MISTYPED)))
        .order_by(AuditChange.id)).scalars())
    wrong = found.pop(WRONG, 0)
    return AccountNews(since, tuple(found), wrong) if found or wrong else None


def list_sign_ins(user: User, hours: int) -> list[SignIn]:
    """The user's sign-ins that still stand (begun less than `hours` ago), the last seen first."""
    return list(db.session.execute(
        select(SignIn).where(SignIn.user_id == user.id, SignIn.ended_at.is_(None),
                             SignIn.started_at > clock.now() - timedelta(hours=hours))
        .order_by(SignIn.seen_at.desc(), SignIn.id.desc())).scalars())


def end_sign_in(user: User, sign_in_id: str, reason: SignInEnd) -> SignIn:
    """End one sign-in of `user`, on every process at once. Raises NotFound for another's; an ended one stays as it is.
    """
    row = db.session.get(SignIn, sign_in_id)
    if row is None or row.user_id != user.id:
        raise NotFound(_("There is no such sign-in. Look at the list again."), sign_in=sign_in_id)
    if row.ended_at is None:
        _end(row, reason, user)
    return row


def end_sign_ins(user: User, reason: SignInEnd, but: str | None = None) -> int:
    """End every sign-in of `user` except the one whose id is `but`; returns how many were ended.

    Call it when an account is disabled or its password changed; roles are read anew at every request.
    """
    rows = db.session.execute(
        select(SignIn).where(SignIn.user_id == user.id, SignIn.ended_at.is_(None))).scalars().all()
    ended = [row for row in rows if row.id != but]
    for row in ended:
        _end(row, reason, user)
    return len(ended)


def lock_sign_in(sign_in_id: str) -> None:
    """Cover the screen of a sign-in until its own user unlocks it."""
    db.session.execute(update(SignIn).where(SignIn.id == sign_in_id, SignIn.locked_at.is_(None))
                       .values(locked_at=clock.now()))


def unlock_sign_in(sign_in_id: str) -> None:
    """Let a locked sign-in go on; that it was its user who asked is the caller's to prove."""
    db.session.execute(update(SignIn).where(SignIn.id == sign_in_id).values(locked_at=None, seen_at=clock.now()))


def sweep_sign_ins(hours: int) -> int:
    """Close what is over by time, forget what ended long ago; returns how many rows were touched. For the worker."""
    now = clock.now()
    expired = db.session.execute(
        update(SignIn).where(SignIn.ended_at.is_(None), SignIn.started_at <= now - timedelta(hours=hours))
        .values(ended_at=now, end_reason=SignInEnd.EXPIRED))
    old = db.session.execute(delete(SignIn).where(SignIn.ended_at <= now - KEPT_FOR))
    return int(expired.rowcount + old.rowcount)  # type: ignore[attr-defined]


def _end(row: SignIn, reason: SignInEnd, user: User) -> None:
    row.ended_at, row.end_reason = clock.now(), reason
    db.session.flush()
    record_change("end-sign-in", "user", user.id, site_id=user.site_id,
                  detail={"sign_in": row.id, "reason": reason.value})
