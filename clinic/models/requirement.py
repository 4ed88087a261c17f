"""What a case must have examined, each with why."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, code, key, moment


class RequirementSource(StrEnum):
    """Who or what demands an examination."""

    RULE = "rule"
    REFLEX = "reflex"  # a rule that fired because of a finding
    AUTHORITY = "authority"
    PHYSICIAN = "physician"


class RequirementState(StrEnum):
    """Where one examination stands; what is shown in words is derived in clinic/progress.py."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"  # nobody asks for it any more; kept, never deleted


OPEN = "state = 'open'"  # the WHERE of the partial index by which worklists find what waits


class Requirement(Base):
    """One examination this case must have; there is at most one row for each examination."""

    __tablename__ = "requirement"
    __projected__ = True
    __table_args__ = (
        UniqueConstraint("case_id", "exam"),
        Index("ix_requirement_open", "exam", "case_id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    exam: Mapped[str] = mapped_column(String(40))  # name of decide-contract.md
    source: Mapped[RequirementSource] = code(RequirementSource)
    state: Mapped[RequirementState] = code(RequirementState, default=RequirementState.OPEN)
    position: Mapped[int] = mapped_column(default=0)
    added_at: Mapped[datetime] = moment()
    done_at: Mapped[datetime | None] = moment()
    # A reflex: the findings that asked for it, [{"fact": "chest_xray", "on": "2026-03-05", "codes": ["CAVITY"]}]; they
    # stay when the finding was corrected, so that it can be said why the examination had been asked for.
    findings: Mapped[Any] = mapped_column(Json(), nullable=True)
    ceased_at: Mapped[datetime | None] = moment()  # since when no rule asks for it any more
    added_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # the physician who asked for it
    added_reason: Mapped[str | None] = mapped_column(Text)
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # the physician who withdrew it
    ended_at: Mapped[datetime | None] = moment()
    ended_reason: Mapped[str | None] = mapped_column(Text)

    case: Mapped[Case] = relationship()
    reasons: Mapped[list[RequirementReason]] = relationship(
        back_populates="requirement", cascade="all, delete-orphan", order_by="RequirementReason.rule", lazy="selectin"
    )


class RequirementReason(Base):
    """Why: the rule, its plain sentence and its source, kept as they were when the requirement was computed."""

    __tablename__ = "requirement_reason"

    id: Mapped[str] = key()
    requirement_id: Mapped[str] = mapped_column(ForeignKey("requirement.id"), index=True)
    rule: Mapped[str] = mapped_column(String(60))
    says: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    edition: Mapped[str] = mapped_column(String(40))

    requirement: Mapped[Requirement] = relationship(back_populates="reasons")
