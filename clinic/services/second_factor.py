"""The second factor: an authenticator app (TOTP, RFC 6238) whose codes count once, recovery codes, and their reset.

Passkeys are the other way (clinic/services/passkey.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app
from flask_babel import gettext as _
from passlib.exc import TokenError
from passlib.totp import TOTP
from sqlalchemy import delete, func, select, update

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.models import Authenticator, Passkey, RecoveryCode, User

ISSUER = "Clearway"
WINDOW = 30  # seconds before and after: the clocks of phones differ (RFC 6238, 5.2 advises one step)
RECOVERY_CODES = 10
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is mistaken for another; 16 of them are 80 bits
GROUPS, GROUP = 4, 4
RECOVERY = "recovery_code"  # the means, and its field's name


def has_second_factor(user_id: str) -> bool:
    """Whether an authenticator app or a passkey is set up."""
    return has_authenticator(user_id) or count_passkeys(user_id) > 0


def has_authenticator(user_id: str) -> bool:
    """Whether an authenticator app is set up."""
    return find_authenticator(user_id) is not None


def find_authenticator(user_id: str) -> Authenticator | None:
    """The person's authenticator app."""
    return db.session.get(Authenticator, user_id)


def count_passkeys(user_id: str) -> int:
    """How many passkeys the person has."""
    return int(db.session.execute(
        select(func.count()).select_from(Passkey).where(Passkey.user_id == user_id)).scalar_one())


def count_recovery_codes(user_id: str) -> int:
    """How many recovery codes are left."""
    return int(db.session.execute(
        select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)).scalar_one())


def draw_secret() -> str:
    """A new secret for an authenticator app, encrypted; it counts once `set_up_authenticator` has seen a code of it."""
    return str(_totp().new().to_json(encrypt=True))


def describe_secret(secret: str, user: User) -> tuple[str, str]:
    """(address for the QR code, key to type by hand) of an encrypted secret."""
    totp = _totp().from_source(secret)
    return totp.to_uri(label=user.email), totp.pretty_key(sep=" ")  # not every app reads over dashes


def set_up_authenticator(user: User, secret: str, code: str) -> None:
    """Take `secret` into use after its app has shown `code`; replaces the former app. Raises InvalidInput."""
    counter = _match(secret, code, None)
    if counter is None:
        raise InvalidInput(_("Please correct what is marked."), fields={"code": [say_wrong_code()]})
    db.session.execute(delete(Authenticator).where(Authenticator.user_id == user.id))
    db.session.add(Authenticator(user_id=user.id, secret=secret, counter=counter, set_up_at=clock.now()))
    record_change("set-up-authenticator", "user", user.id, site_id=user.site_id)
    db.session.flush()


def remove_authenticator(user: User) -> None:
    """Take the app out of use. Raises NotNow when nothing else is set up."""
    if not count_passkeys(user.id):
        raise NotNow(_("This is your only second factor. Add a passkey first."), user=user.id)
    db.session.execute(delete(Authenticator).where(Authenticator.user_id == user.id))
    record_change("remove-authenticator", "user", user.id, site_id=user.site_id)


def use_code(user_id: str, code: str) -> bool:
    """Whether `code` is one that the person's app shows now and that was not used; it is used up by this.

    The counter moves in one conditional statement, so that of two simultaneous uses one is refused. The caller commits.
    """
    row = find_authenticator(user_id)
    if row is None:
        return False
    counter = _match(row.secret, code, row.counter)
    if counter is None:
        return False
    moved: Any = db.session.execute(
        update(Authenticator).where(Authenticator.user_id == user_id, Authenticator.counter < counter)
        .values(counter=counter))
    return bool(moved.rowcount)


def draw_recovery_codes(user: User) -> list[str]:
    """New recovery codes, to be shown this once; the former ones are worth nothing any more."""
    codes = ["-".join("".join(secrets.choice(ALPHABET) for _letter in range(GROUP)) for _group in range(GROUPS))
             for _code in range(RECOVERY_CODES)]
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    db.session.add_all(RecoveryCode(user_id=user.id, digest=digest_code(code)) for code in codes)
    record_change("draw-recovery-codes", "user", user.id, site_id=user.site_id)
    db.session.flush()
    return codes


def use_recovery_code(user_id: str, code: str) -> bool:
    """Whether `code` is a recovery code that was not used; it is used up by this. The caller commits."""
    gone: Any = db.session.execute(
        delete(RecoveryCode).where(RecoveryCode.user_id == user_id, RecoveryCode.digest == digest_code(code)))
    if not gone.rowcount:
        return False
    record_change("use-recovery-code", "user", user_id, actor_id=user_id, actor_kind="user",
                  detail={"left": count_recovery_codes(user_id)})
    return True


def use_any_code(user_id: str, code: str, recovery_code: str) -> tuple[str, str]:
    """(by which of the two, what is wrong, empty when it was right); what was right is used up. The caller commits.

    A recovery code counts in the field of the app's code too: people type it where they are asked for a code.
    """
    if code.strip() and use_code(user_id, code):
        return "code", ""
    if any(typed.strip() and use_recovery_code(user_id, typed) for typed in (recovery_code, code)):
        return RECOVERY, ""
    if recovery_code.strip():
        return RECOVERY, _("This recovery code is not right or was used already. Take the next one of your list.")
    return "code", say_wrong_code()


def forget_second_factor(user: User) -> None:
    """Take away everything that is set up; the person sets it up anew at the next sign-in."""
    for model in (Authenticator, Passkey, RecoveryCode):
        db.session.execute(delete(model).where(model.user_id == user.id))


def digest_code(code: str) -> str:
    """The keyed hash under which a code that is used once is kept; spaces, dashes and small letters do not matter."""
    letters = "".join(letter for letter in plain_digits(code).upper() if letter.isalnum())
    return hmac.new(derive_key(b"codes used once"), letters.encode(), hashlib.sha256).hexdigest()


def plain_digits(text: str) -> str:
    """`text` with the digits of every script as 0 to 9: an Arabic keyboard types others."""
    return "".join(str(unicodedata.digit(letter)) if letter.isdigit() else letter for letter in text)


def say_wrong_code() -> str:
    """What a person reads whose code was not taken."""
    return _("This code is not right or was used already. Wait for the next one.")


def find_missing_code(user_id: str, code: str, recovery_code: str) -> dict[str, list[str]]:
    """What a person reads who typed no code but needs one, by field name."""
    if code.strip() or recovery_code.strip():
        return {}
    if has_authenticator(user_id):
        return {"code": [_("Enter the code that your authenticator app shows now.")]}
    if count_passkeys(user_id):
        return {"passkey": [_("Confirm with your passkey.")]}
    return {}


def derive_key(purpose: bytes) -> bytes:
    """32 bytes for one purpose out of the installation's secret (HKDF, RFC 5869)."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"clearway " + purpose).derive(secret)


def _match(secret: str, code: str, last: int | None) -> int | None:
    """The time step to which `code` belongs, later than `last`; None when it is wrong or used up."""
    digits = "".join(letter for letter in plain_digits(code) if not letter.isspace())
    try:
        match = _totp().from_source(secret).match(
            digits, time=clock.now(), window=WINDOW, last_counter=last)
    except (TokenError, ValueError):
        return None
    return int(match.counter)


def _totp() -> type[TOTP]:
    kept = current_app.extensions.get("clearway_totp")
    if kept is None:
        key = base64.urlsafe_b64encode(derive_key(b"authenticator secrets")).decode()
        kept = current_app.extensions["clearway_totp"] = TOTP.using(issuer=ISSUER, secrets={"1": key})
    return kept
