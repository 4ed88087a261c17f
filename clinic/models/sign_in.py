"""Sign-ins of staff as rows, each to be seen, locked and ended; and what was typed when a screen was locked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import Code, Json, key, moment


class SignInEnd(StrEnum):
    """Why a sign-in is over."""

    SIGNED_OUT = "signed-out"
    SIGNED_IN_ANEW = "signed-in-anew"  # somebody signed in on the same browser
    ENDED_BY_SELF = "ended-by-self"  # from another browser
    ENDED_BY_ADMINISTRATOR = "ended-by-administrator"
    EXPIRED = "expired"  # SESSION_HOURS
    ACCOUNT_DISABLED = "account-disabled"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  a reason, not a secret
    SECOND_FACTOR_RESET = "second-factor-reset"


class SignIn(Base):
    """One sign-in on one browser; the cookie names it, and without it, or once it is ended, the cookie is nobody."""

    __tablename__ = "sign_in"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    started_at: Mapped[datetime] = moment()
    seen_at: Mapped[datetime] = moment()  # to the minute
    locked_at: Mapped[datetime | None] = moment()
    ended_at: Mapped[datetime | None] = moment(index=True)
    end_reason: Mapped[SignInEnd | None] = mapped_column(Code(SignInEnd))
    address: Mapped[str] = mapped_column(String(45))  # of the network; the longest way to write an IPv6 address
    browser: Mapped[str] = mapped_column(String(60))  # in words: "Chrome on Windows"


class UnsavedPage(Base):
    """What somebody had typed on a page when it was locked; theirs alone, until put back, or a day old."""

    __tablename__ = "unsaved_page"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    address: Mapped[str] = mapped_column(String(2000))  # path and query of the page
    fields: Mapped[Any] = mapped_column(Json())  # [{form, name, value, …}], see clinic/static/unsaved.js
    kept_at: Mapped[datetime] = moment(index=True)
