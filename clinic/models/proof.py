"""By what a member of staff proves who they are besides the password; the code that sets a new password once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import Json, key, moment


class Authenticator(Base):
    """A person's authenticator app: its secret, encrypted, and the last time step of which a code was taken."""

    __tablename__ = "authenticator"

    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)
    counter: Mapped[int]  # RFC 6238: time steps of 30 s since 1970; a code of this step or before is used up
    set_up_at: Mapped[datetime] = moment()


class Passkey(Base):
    """A person's passkey or security key (WebAuthn credential)."""

    __tablename__ = "passkey"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(Json)
    added_at: Mapped[datetime] = moment()
    used_at: Mapped[datetime] = moment()  # a challenge of an earlier moment is not answered by this key again


class RecoveryCode(Base):
    """A code that stands once for the second factor; only its keyed hash is kept, and it is deleted when used."""

    __tablename__ = "recovery_code"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))


class PasswordReset(Base):
    """That a person may set a new password with a code, until when; one at a time, deleted when used."""

    __tablename__ = "password_reset"

    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = moment()
