"""What happened to an account, a site or an authority, newest first, in words: read from the audit of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import LazyString, gettext, lazy_gettext
from sqlalchemy import select

from clinic.db import db
from clinic.models import AuditChange, SignInEnd, User
from clinic.web.word import role_word

SHOWN = 20
WORDS: dict[str, LazyString] = {
    "add-user": lazy_gettext("Added"), "change-user": lazy_gettext("Changed"),
    "change-roles": lazy_gettext("Roles changed"), "disable-user": lazy_gettext("Disabled"),
    "enable-user": lazy_gettext("Let in again"), "authorise": lazy_gettext("Authorised to sign"),
    "end-authorisation": lazy_gettext("End of an authorisation set"),
    "reset-mfa": lazy_gettext("Second factor reset"),
    "issue-password-reset": lazy_gettext("Code for a new password issued"),
    "reset-password": lazy_gettext("New password set with a code"),
    "change-password": lazy_gettext("Password changed"),
    "set-up-authenticator": lazy_gettext("Authenticator app set up"),
    "remove-authenticator": lazy_gettext("Authenticator app removed"), "add-passkey": lazy_gettext("Passkey added"),
    "remove-passkey": lazy_gettext("Passkey removed"), "draw-recovery-codes": lazy_gettext("Recovery codes drawn"),
    "use-recovery-code": lazy_gettext("Recovery code used"), "end-sign-in": lazy_gettext("Sign-in ended"),
    "lift-delay": lazy_gettext("Let try again"),
    "add-site": lazy_gettext("Added"), "change-site": lazy_gettext("Changed"),
    "add-authority": lazy_gettext("Registered"), "change-authority": lazy_gettext("Way of sending changed"),
    "add-laboratory": lazy_gettext("Registered"), "change-laboratory": lazy_gettext("Changed"),
    "draw-laboratory-token": lazy_gettext("New token drawn"), "end-laboratory-token": lazy_gettext("Token ended"),
    "change-column-map": lazy_gettext("Columns of its files changed"), "map-code": lazy_gettext("Code mapped"),
    "unmap-code": lazy_gettext("Mapping taken away"),
    "messages-again": lazy_gettext("Messages that waited for a code worked on again"),
    "test-line": lazy_gettext("Line tested"), "destination-hold": lazy_gettext("Deliveries stopped"),
    "destination-release": lazy_gettext("Deliveries released"), "destination-try": lazy_gettext("Tried at once"),
}
# Every sign-in and every check of a password would bury what was changed.
QUIET = ("sign-in", "check-again", "wrong-secret")
FIELD_WORDS: dict[str, LazyString] = {
    "name": lazy_gettext("name"), "email": lazy_gettext("sign-in address"), "site_id": lazy_gettext("site"),
    "language": lazy_gettext("language"), "licence_number": lazy_gettext("licence number"),
    "code": lazy_gettext("code"), "city": lazy_gettext("city"), "country": lazy_gettext("country"),
    "time_zone": lazy_gettext("time zone"), "channel": lazy_gettext("way of sending"),
    "endpoint": lazy_gettext("address"), "application": lazy_gettext("its application"),
    "facility": lazy_gettext("its facility"), "our_facility": lazy_gettext("our facility"),
    "fingerprint": lazy_gettext("certificate"), "plain_allowed": lazy_gettext("without encryption"),
    "charset": lazy_gettext("characters"), "folder": lazy_gettext("folder"), "active": lazy_gettext("in use"),
}
END_WORDS: dict[str, LazyString] = {  # why a sign-in ended
    SignInEnd.SIGNED_OUT: lazy_gettext("signed out"),
    SignInEnd.SIGNED_IN_ANEW: lazy_gettext("somebody signed in on the same browser"),
    SignInEnd.ENDED_BY_SELF: lazy_gettext("ended from another browser"),
    SignInEnd.ENDED_BY_ADMINISTRATOR: lazy_gettext("ended by an administrator"),
    SignInEnd.EXPIRED: lazy_gettext("its hours were over"),
    SignInEnd.ACCOUNT_DISABLED: lazy_gettext("the account was disabled"),
    SignInEnd.PASSWORD_CHANGED: lazy_gettext("the password was changed"),
    SignInEnd.SECOND_FACTOR_RESET: lazy_gettext("the second factor was reset"),
}


@dataclass(frozen=True)
class PastEvent:
    """One line: what, in words, with its details; when; by whom (empty: by the system or a command)."""

    happened_at: datetime
    what: str
    detail: str
    who: str


def list_past(*subjects: str, shown: int = SHOWN) -> list[PastEvent]:
    """The last events of a subject, given as kind and id, or of several, as kind, id, kind, id, …"""
    pairs = list(zip(subjects[::2], subjects[1::2], strict=True))
    found: list[Any] = []
    for kind, subject_id in pairs:
        found += db.session.execute(
            select(AuditChange.id, AuditChange.happened_at, AuditChange.action, AuditChange.detail, User.name)
            .outerjoin(User, User.id == AuditChange.actor_id)
            .where(AuditChange.subject_kind == kind, AuditChange.subject_id == subject_id,
                   AuditChange.action.not_in(QUIET))
            .order_by(AuditChange.id.desc()).limit(shown)
        ).all()  # fmt: skip
    newest = sorted(found, key=lambda row: row.id, reverse=True)[:shown]
    return [PastEvent(row.happened_at, str(WORDS.get(row.action, row.action)), say_detail(row.detail or {}),
                      row.name or "") for row in newest]


def say_detail(detail: dict[str, Any]) -> str:
    """What an event's codes say."""
    parts = []
    if detail.get("changed"):
        parts.append(", ".join(str(FIELD_WORDS.get(name, name)) for name in detail["changed"]))
    if roles := [role_word(name) for name in detail.get("gained", ())]:
        parts.append(gettext("given: %(what)s", what=", ".join(roles)))
    if roles := [role_word(name) for name in detail.get("lost", ())]:
        parts.append(gettext("taken: %(what)s", what=", ".join(roles)))
    if detail.get("roles"):
        parts.append(", ".join(role_word(name) for name in detail["roles"]))
    if detail.get("added"):
        parts.append(gettext("programmes added: %(what)s", what=", ".join(detail["added"])))
    if detail.get("removed"):
        parts.append(gettext("programmes taken out of use: %(what)s", what=", ".join(detail["removed"])))
    if detail.get("programme"):
        parts.append(f"{detail['programme']} {detail.get('from', '')} – {detail.get('until', '')}".replace("None", "…"))
    parts += [str(END_WORDS.get(detail[name], detail[name])) for name in ("reason", "result") if detail.get(name)]
    return "; ".join(parts)
