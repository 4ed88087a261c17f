"""What somebody found wrong after the signature: a task on the physician's list until it is amended or declined."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import key, moment

OPEN_REQUEST = "settled_at is null"  # the WHERE of the partial index by which the physician's list finds it


class AmendmentRequest(Base):
    """One request to amend a signed case; rows are never deleted."""

    __tablename__ = "amendment_request"
    __table_args__ = (
        Index("ix_amendment_request_open", "case_id", sqlite_where=text(OPEN_REQUEST),
              postgresql_where=text(OPEN_REQUEST)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)  # what is wrong, and what is right
    asked_at: Mapped[datetime] = moment()
    asked_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    settled_at: Mapped[datetime | None] = moment()
    settled_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    declined_reason: Mapped[str | None] = mapped_column(Text)  # empty when the case was opened for it

    case: Mapped[Case] = relationship()
