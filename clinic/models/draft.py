"""A registration that was refused: what was typed, kept for the member of staff who typed it until it is saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import Json, key, moment


class RegistrationDraft(Base):
    """The fields of the registration form as typed; nobody else sees it, and it goes with the day."""

    __tablename__ = "registration_draft"

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"), index=True)
    typed: Mapped[dict[str, Any]] = mapped_column(Json())
    saved_at: Mapped[datetime] = moment()
