"""Passkeys and security keys (WebAuthn Level 2): added, used to sign in or to prove again who acts, removed.

User verification (the key's own PIN, finger or face) is always asked, so that a passkey stands for both factors.
A challenge is signed by us, lasts five minutes, and a key answers none that is older than its last use: what was seen
on the wire proves nothing twice, also for keys that do not count their signatures.
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from clinic import clock
from clinic.audit import record_change
from clinic.config import get_settings
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Passkey, User
from clinic.services.second_factor import ISSUER, has_authenticator

LIFE = 5 * 60  # seconds that a challenge is good for
LONGEST_NAME = 60
MOST = 10  # passkeys of one person
# What reading an answer of a key may raise: it is JSON, with CBOR and JSON in it, and nobody's word yet.
UNREADABLE = (WebAuthnException, LookupError, ValueError, TypeError, AttributeError, RecursionError)


class Purpose(StrEnum):
    """What a challenge is for; an answer to one is no answer to another."""

    ADD = "add"
    SIGN_IN = "sign-in"  # instead of the password
    SECOND = "second"  # after the password
    AGAIN = "again"  # the signed-in person proves who they are


class WrongPasskey(InvalidInput):
    """The answer of a passkey was not accepted; nothing else is said about why."""


def list_passkeys(user_id: str) -> list[Passkey]:
    """A person's passkeys, the oldest first."""
    return list(db.session.execute(
        select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).scalars())


def ask_to_add(user: User) -> dict[str, Any]:
    """What the browser needs to make a passkey for `user`: options, and our sealed challenge."""
    challenge = secrets.token_bytes(32)
    options = generate_registration_options(
        rp_id=_place()[1], rp_name=ISSUER, user_name=user.email, user_display_name=user.name,
        user_id=user.id.encode(), challenge=challenge, exclude_credentials=_describe(list_passkeys(user.id)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED),
    )  # fmt: skip
    return {"options": options_to_json_dict(options), "challenge": _seal(challenge, Purpose.ADD, user.id)}


def ask_to_prove(purpose: Purpose, user: User | None) -> dict[str, Any]:
    """What the browser needs to ask a passkey: of `user`, or of whoever sits there (SIGN_IN)."""
    challenge = secrets.token_bytes(32)
    options = generate_authentication_options(
        rp_id=_place()[1], challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED,
        allow_credentials=_describe(list_passkeys(user.id)) if user else None)
    return {"options": options_to_json_dict(options), "challenge": _seal(challenge, purpose, user.id if user else "")}


def add_passkey(user: User, name: str, answer: str) -> Passkey:
    """Keep the passkey that the browser made. Raises InvalidInput."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(_("Please correct what is marked."), fields={
            "name": [_("Give the passkey a name of at most %(n)s characters, such as: blue key.", n=LONGEST_NAME)]})
    if len(list_passkeys(user.id)) >= MOST:
        raise NotNow(_("You have %(n)s passkeys. Remove one first.", n=MOST), user=user.id)
    challenge, _issued, credential = _open(answer, Purpose.ADD, user.id)
    try:
        made = verify_registration_response(
            credential=credential, expected_challenge=challenge, expected_origin=_place()[0],
            expected_rp_id=_place()[1], require_user_verification=True)
    except UNREADABLE:
        raise _refuse() from None
    if _find(made.credential_id) is not None:
        raise InvalidInput(_("Please correct what is marked."), fields={"passkey": [_("This key is known already.")]})
    said = credential["response"].get("transports")
    transports = [one for one in _TRANSPORTS if isinstance(said, list) and one in said]
    row = Passkey(
        user_id=user.id, name=name, credential_id=made.credential_id, public_key=made.credential_public_key,
        sign_count=made.sign_count, transports=transports,
        added_at=clock.now(), used_at=clock.now())
    db.session.add(row)
    db.session.flush()
    record_change("add-passkey", "user", user.id, site_id=user.site_id, detail={"passkey": row.id})
    return row


def use_passkey(answer: str, purpose: Purpose, user_id: str = "") -> Passkey:
    """The passkey that gave `answer` to a challenge for `purpose` (and `user_id`). Raises WrongPasskey.

    The caller commits, so that the same answer is not taken twice.
    """
    challenge, issued, credential = _open(answer, purpose, user_id)
    try:
        row = _find(base64url_to_bytes(str(credential["rawId"])))
        if row is None or (user_id and row.user_id != user_id) or issued <= row.used_at:
            raise _refuse()
        seen = verify_authentication_response(
            credential=credential, expected_challenge=challenge, expected_origin=_place()[0],
            expected_rp_id=_place()[1], credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count, require_user_verification=True)
    except UNREADABLE:
        raise _refuse() from None
    row.sign_count, row.used_at = seen.new_sign_count, clock.now()
    db.session.flush()
    return row


def remove_passkey(user: User, passkey_id: str) -> None:
    """Forget one. Raises NotFound, or NotNow when nothing else would be left."""
    row = db.session.get(Passkey, passkey_id)
    if row is None or row.user_id != user.id:
        raise NotFound(_("There is no such passkey."), passkey=passkey_id)
    if not has_authenticator(user.id) and len(list_passkeys(user.id)) == 1:
        raise NotNow(_("This is your only second factor. Set up another first."), user=user.id)
    db.session.delete(row)
    record_change("remove-passkey", "user", user.id, site_id=user.site_id, detail={"passkey": row.id})
    db.session.flush()


_TRANSPORTS = tuple(transport.value for transport in AuthenticatorTransport)


def _describe(rows: list[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential_id, transports=[
        AuthenticatorTransport(transport) for transport in row.transports]) for row in rows]


def _find(credential_id: bytes) -> Passkey | None:
    return db.session.execute(
        select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()).scalar_one_or_none()


def _place() -> tuple[str, str]:
    """(origin, name) under which people reach us, from the settings and never from what a request says."""
    parts = urlsplit(get_settings(current_app).base_url)
    return f"{parts.scheme}://{parts.netloc}", parts.hostname or "localhost"


def _seal(challenge: bytes, purpose: Purpose, user_id: str) -> str:
    return str(_serializer().dumps([challenge.hex(), purpose.value, user_id, clock.now().isoformat()]))


def _open(answer: str, purpose: Purpose, user_id: str) -> tuple[bytes, datetime, dict[str, Any]]:
    """(challenge, when it was given, the browser's credential) of what a page sent. Raises WrongPasskey."""
    try:
        sent = json.loads(answer)
        challenge, was_for, for_whom, at = _serializer().loads(str(sent["challenge"]), max_age=LIFE)
        credential = sent["credential"]
        issued = datetime.fromisoformat(at).astimezone(UTC)
    except (BadData, *UNREADABLE):
        raise _refuse() from None
    if was_for != purpose or for_whom != user_id or not isinstance(credential, dict):
        raise _refuse()
    return bytes.fromhex(challenge), issued, credential


def _refuse() -> WrongPasskey:
    return WrongPasskey(_("Please correct what is marked."), fields={
        "passkey": [_("The passkey was not accepted. Try again.")]})


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="passkey challenge")
