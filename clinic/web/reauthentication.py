"""Who acts proves again that it is them: the one place that asks, for every form that needs it.

A form shows the macro `again_fields` (templates/macros/again.html) and its view calls `check_again` before it changes
anything. Signing, revoking and changing roles ask every time; frequent work (confirming, releasing) asks again only
when the last full check is some minutes old. A full check is the password and a code of the authenticator app or a
recovery code, or a passkey; an account without a second factor (only in the demonstration) has the password alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from flask import Flask, current_app, flash, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user, user_logged_in
from flask_security.signals import user_failed_authn
from flask_security.utils import verify_password
from marshmallow import Schema

from clinic import clock
from clinic.config import get_settings
from clinic.db import db, write_unit
from clinic.errors import InvalidInput
from clinic.models import User
from clinic.schemas.door import load
from clinic.services.passkey import Purpose, WrongPasskey, use_passkey
from clinic.services.second_factor import (
    RECOVERY,
    count_passkeys,
    count_recovery_codes,
    find_missing_code,
    has_authenticator,
    has_second_factor,
    use_any_code,
)
from clinic.services.secret_attempt import record_right_secret, record_wrong_secret
from clinic.web.limit import find_wait_again, forgive_again

CHECKED = "checked"  # key of the session: when this person last proved everything, seconds since 1970


class Ways(NamedTuple):
    """What an account has besides its password."""

    app: bool
    passkey: bool
    recovery: bool  # codes are left


def check_again(typed: Mapping[str, Any], frequent: bool = False, prefix: str = "") -> dict[str, list[str]]:
    """What is wrong with the proof in `typed`, by field name; empty when it is the signed-in person.

    Call it once everything else in the form is right, and before anything is changed: what was found is committed at
    once, whatever the view answers, so that a wrong guess counts and a code is used up. `frequent` accepts a full check
    of the last minutes (the setting `recheck_minutes`) instead. `prefix` stands before the field names, as in the
    macro, where a page has two forms.
    """
    if frequent and is_checked_lately():
        return {}
    problems = prove(current_user, typed, prefix)
    if not problems:
        mark_checked()
    return problems


def prove(user: User, typed: Mapping[str, Any], prefix: str = "") -> dict[str, list[str]]:
    """The same for any account: what is wrong with the proof in `typed` that it is `user`."""
    user_id, stored, purpose = user.id, user.password or "", str(request.endpoint)
    answer, password = str(typed.get(f"{prefix}passkey", "")), str(typed.get(f"{prefix}password", ""))
    codes = str(typed.get(f"{prefix}code", "")), str(typed.get(f"{prefix}{RECOVERY}", ""))
    missing = {} if answer else _find_missing(user_id, password, codes, prefix)
    db.session.rollback()  # nothing is locked while a slow hash is computed
    if missing:  # no guess: it counts for nothing
        return missing
    if wait := find_wait_again(user_id):
        return {f"{prefix}password": [wait]}
    right = bool(answer) or _is_password(password, stored)
    with write_unit():
        if answer:
            means, problem = "passkey", _check_passkey(user_id, answer)
        elif right:
            means, problem = use_any_code(user_id, *codes) if has_second_factor(user_id) else ("password", "")
        else:
            means, problem = "password", _("This is not your password.")
        (record_wrong_secret if problem else record_right_secret)(user_id, means, purpose)
    if problem:
        return {f"{prefix}{means}": [problem]}
    forgive_again(user_id)
    if means == RECOVERY:
        tell_of_recovery(user_id)
    return {}


def tell_of_recovery(user_id: str) -> None:
    """Say on the next page that a recovery code is used up, and what to do if the factor is lost."""
    left = count_recovery_codes(user_id)
    told = ngettext("That recovery code is used up; %(num)s is left.",
                    "That recovery code is used up; %(num)s are left.", left)
    advice = _("If your phone or key is gone, set up a new one now on the page My sign-in, and make new codes there.")
    flash(f"{told} {advice}", "warning")


def load_again(schema: Schema, typed: Mapping[str, Any], releases: bool) -> Any:
    """What `schema` makes of a form that may release something; if so, the person proves who they are, unless lately.

    Raises InvalidInput.
    """
    plain = load(schema, typed)
    problems = check_again(typed, frequent=True) if releases else {}
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)
    return plain


def is_checked_lately() -> bool:
    """Whether the signed-in person proved everything within the last minutes."""
    window = timedelta(minutes=get_settings(current_app).recheck_minutes)
    return clock.now().timestamp() - float(session.get(CHECKED, 0)) < window.total_seconds()


def mark_checked() -> None:
    """The signed-in person has just proved everything that is asked."""
    session[CHECKED] = clock.now().timestamp()


def list_ways(user: User | None = None) -> Ways:
    """What `user` (default: who is signed in) has besides the password."""
    user_id = (user or current_user).id
    is_set_up = has_second_factor(user_id)
    return Ways(has_authenticator(user_id), count_passkeys(user_id) > 0,
                is_set_up and count_recovery_codes(user_id) > 0)


def init_reauthentication(app: Flask) -> None:
    """A sign-in is a full check; tell the templates whether the last one is fresh, and what to ask for.

    A wrong password at the sign-in is written down like any other wrong secret.
    """

    @user_logged_in.connect_via(app)
    def _begin(*_args: Any, **_named: Any) -> None:
        mark_checked()

    @user_failed_authn.connect_via(app)
    def _count(_app: Flask, user: User, auth_type: str, **_named: Any) -> None:
        record_wrong_secret(user.id, auth_type, str(request.endpoint))

    app.extensions["clearway_checked"] = [_begin, _count]  # the signals keep no reference of their own
    app.jinja_env.globals.update(is_checked_lately=is_checked_lately, ways_to_prove=list_ways)


def _find_missing(user_id: str, password: str, codes: tuple[str, str], prefix: str) -> dict[str, list[str]]:
    """What was left empty, by field name."""
    missing = {} if password else {f"{prefix}password": [_("Enter your password.")]}
    return missing | {f"{prefix}{name}": said for name, said in find_missing_code(user_id, *codes).items()}


def _is_password(password: str, stored: str) -> bool:
    return bool(password) and verify_password(password, stored)


def _check_passkey(user_id: str, answer: str) -> str:
    try:
        use_passkey(answer, Purpose.AGAIN, user_id)
    except WrongPasskey as problem:
        return problem.fields["passkey"][0]
    return ""
