"""Sensitive results (HIV): who opened them with what reason, and what was said to the applicant before and after."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import code, key, moment


class SensitiveReason(StrEnum):
    """Why somebody must see a confidential result."""

    RESULT_ENTRY = "result-entry"
    VALIDATION = "validation"
    CLINICAL_DECISION = "clinical-decision"
    COUNSELLING = "counselling"
    APPLICANT_REQUEST = "applicant-request"


class SensitiveAccess(Base):
    """One opening of a case's confidential results by one person, for a short while; never edited."""

    __tablename__ = "sensitive_access"
    __table_args__ = (Index("ix_sensitive_access_open", "user_id", "case_id", "until_at"),)

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[SensitiveReason] = code(SensitiveReason)
    words: Mapped[str] = mapped_column(Text, default="")
    opened_at: Mapped[datetime] = moment()
    until_at: Mapped[datetime] = moment()


class CounsellingKind(StrEnum):
    """The steps around a confidential test, in their order."""

    BEFORE = "before"
    AFTER = "after"
    RELEASED = "released"  # the result was told to the applicant


class Counselling(Base):
    """One conversation with the applicant about a confidential test; never edited."""

    __tablename__ = "counselling"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    test: Mapped[str] = mapped_column(String(40))
    kind: Mapped[CounsellingKind] = code(CounsellingKind)
    series_id: Mapped[str | None] = mapped_column(String(36))  # of the result that it is about, after the test
    happened_at: Mapped[datetime] = moment()
    by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    is_agreed: Mapped[bool]  # before: to the test; after: understood and acknowledged
    remark: Mapped[str] = mapped_column(Text, default="")
