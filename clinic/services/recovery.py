"""What an administrator does for somebody who cannot sign in: a code for a new password, the second factor anew."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotNow
from clinic.models import SignInEnd, User
from clinic.services.authority_of_staff import ensure_may_change
from clinic.services.password import issue_reset
from clinic.services.second_factor import forget_second_factor
from clinic.services.sign_in import end_sign_ins


def issue_recovery(user: User, actor: User | None) -> str:
    """A code by which `user` sets a new password, to be shown this once. Raises NotAllowed; NotNow when disabled."""
    ensure_may_change(user, actor)
    if not user.active:
        raise NotNow(_("This account is disabled. Let it in again first."), user=user.id)
    return issue_reset(user)


def reset_second_factor(user: User, actor: User | None) -> None:
    """Take away the app, passkeys and recovery codes, and end every session: set up anew at the next sign-in.

    Raises NotAllowed.
    """
    ensure_may_change(user, actor)
    forget_second_factor(user)
    user.fs_uniquifier = uuid.uuid4().hex
    end_sign_ins(user, SignInEnd.SECOND_FACTOR_RESET)
    record_change("reset-mfa", "user", user.id, site_id=user.site_id)
    db.session.flush()
