"""Passwords: what is good enough, one's own changed, a forgotten one set anew with an administrator's code.

Length and a guess at how fast a guesser would find it, no rules about kinds of characters (NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import hmac
import re
import secrets
import uuid
from datetime import timedelta
from typing import NamedTuple

from flask import current_app
from flask_babel import gettext as _
from flask_security.signals import password_changed, password_reset
from flask_security.utils import hash_password
from sqlalchemy import delete
from zxcvbn import zxcvbn

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput
from clinic.models import PasswordReset, User
from clinic.services.second_factor import ALPHABET, digest_code
from clinic.services.secret_attempt import record_wrong_secret

SHORTEST = 12  # characters; NIST SP 800-63B asks for 15 where the password stands alone, 8 beside a second factor
LONGEST = 128  # OWASP ASVS 2.1.2
JUDGED = 72  # characters that the estimate reads
STRONG_ENOUGH = 3  # of 4: more than 10^8 guesses, counting common passwords, names, dates, keyboard walks
LEFT_OVER = 8  # characters that must remain beside the person's own name and address
RESET_LIFE = timedelta(minutes=30)
CODE_LENGTH = 12  # letters of ALPHABET: 60 bits, for half an hour, counted wrong guesses


class Judgement(NamedTuple):
    """What is said of a password: the sentence, and whether it is good enough to be set."""

    sentence: str
    is_good: bool


def judge_password(password: str, email: str, name: str) -> Judgement:
    """Whether the password is short, among the common ones, or made of the person; and how well it would do."""
    own = {part for part in re.split(r"[\s@.,_-]+", f"{name} {email}".lower()) if len(part) > 2}
    if len(password) < SHORTEST:
        return Judgement(_("Choose a password of at least %(n)s characters.", n=SHORTEST), False)
    if len(password) > LONGEST:
        return Judgement(_("Choose a password of at most %(n)s characters.", n=LONGEST), False)
    if _is_about(password.lower(), own):
        return Judgement(_("This password contains your name or address. Choose another."), False)
    score = zxcvbn(password[:JUDGED], user_inputs=[*own, "clearway", "clinic"])["score"]
    if score < STRONG_ENOUGH:
        return Judgement(
            _("This password is common or easy to guess. Choose several words that do not belong together."), False)
    return Judgement(_("Hard to guess.") if score == STRONG_ENOUGH else _("Very hard to guess."), True)


def ensure_good_password(password: str, email: str, name: str, field: str = "new_password") -> None:
    """Raise InvalidInput, naming `field` and saying why, when the password will not do."""
    judgement = judge_password(password, email, name)
    if not judgement.is_good:
        raise InvalidInput(judgement.sentence, fields={field: [judgement.sentence]})


def change_password(user: User, password: str) -> None:
    """Give `user` a new password and end every sign-in that names the old key. Raises InvalidInput.

    The caller has checked who asks, and lets the present session name the new `fs_uniquifier`.
    """
    ensure_good_password(password, user.email, user.name)
    _set(user, password)
    record_change("change-password", "user", user.id, site_id=user.site_id)
    db.session.flush()
    password_changed.send(current_app._get_current_object(), user=user)  # type: ignore[attr-defined]


def issue_reset(user: User) -> str:
    """A code by which the person sets a new password within half an hour, once; shown once, a former one ends."""
    code = "".join(secrets.choice(ALPHABET) for _letter in range(CODE_LENGTH))
    db.session.execute(delete(PasswordReset).where(PasswordReset.user_id == user.id))
    db.session.add(PasswordReset(user_id=user.id, digest=digest_code(code), expires_at=clock.now() + RESET_LIFE))
    record_change("issue-password-reset", "user", user.id, site_id=user.site_id)
    db.session.flush()
    return "-".join(code[start:start + 4] for start in range(0, CODE_LENGTH, 4))


def use_reset(user: User | None, code: str, password: str) -> None:
    """Set a new password with the administrator's code; every sign-in ends, the second factor stays.

    Raises InvalidInput: for a wrong code the same sentence whether there is such an account or not.
    """
    row = db.session.get(PasswordReset, user.id, with_for_update=True) if user and user.active else None
    right = hmac.compare_digest(row.digest if row else "", digest_code(code))
    if user is None or row is None or not right or row.expires_at <= clock.now():
        if user is not None:
            record_wrong_secret(user.id, "reset-code", "password.set_new")
        refused = _("This code is not right, or its time is over. Ask for a new one.")
        raise InvalidInput(refused, fields={"code": [refused]})
    ensure_good_password(password, user.email, user.name)
    db.session.delete(row)
    _set(user, password)
    record_change("reset-password", "user", user.id, site_id=user.site_id, actor_id=user.id, actor_kind="user")
    db.session.flush()
    password_reset.send(current_app._get_current_object(), user=user)  # type: ignore[attr-defined]


def _set(user: User, password: str) -> None:
    user.password = hash_password(password)
    user.fs_uniquifier = uuid.uuid4().hex  # every session names the old one and is worth nothing now


def _is_about(password: str, own: set[str]) -> bool:
    """Whether the person's own words are most of it."""
    left = password
    for part in sorted(own, key=len, reverse=True):
        left = left.replace(part, "")
    return left != password and len(left) < LEFT_OVER
