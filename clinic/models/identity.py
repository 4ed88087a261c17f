"""Identity confirmed at a station: who was in front of whom, when, and how they knew."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import code, key, moment


class IdentityMethod(StrEnum):
    """How the person was recognised."""

    DOCUMENT = "document"  # face and document
    PHOTO = "photo"  # face and the photo taken here
    KNOWN = "known"  # to the member of staff
    EARLIER_VISIT = "earlier-visit"  # not present: the record of a visit with a check of its own is completed


class IdentityCheck(Base):
    """One look at the person at one station; a row is never edited. Not confirmed means: another person."""

    __tablename__ = "identity_check"
    __table_args__ = (
        Index("ix_identity_check_day", "case_id", "station", "checked_on"),
        Index("ix_identity_check_today", "checked_on", "case_id"),  # who is in the building
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    station: Mapped[str] = mapped_column(String(20))  # a name of clinic/station.py
    is_confirmed: Mapped[bool]
    method: Mapped[IdentityMethod | None] = code(IdentityMethod, nullable=True)
    document_id: Mapped[str | None] = mapped_column(ForeignKey("identity_document.id"))
    document_end: Mapped[str | None] = mapped_column(String(4))  # the last four characters of the number that was seen
    reason: Mapped[str] = mapped_column(Text, default="")  # of a mismatch
    checked_on: Mapped[date]  # the working day at the site
    checked_at: Mapped[datetime] = moment()
    checked_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
