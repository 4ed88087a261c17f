"""Who interpreted at a visit: recorded once a day on a case, named by the consents signed with their help."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base, db
from clinic.models.column import code, key, moment


class InterpreterMode(StrEnum):
    """How an interpreter is there."""

    PRESENT = "present"
    PHONE = "phone"
    VIDEO = "video"


class VisitInterpreter(Base):
    """The interpreter of one case on one working day; another one ends the row."""

    __tablename__ = "visit_interpreter"
    __table_args__ = (
        Index("ix_visit_interpreter_current", "case_id", "visit_on", unique=True,
              sqlite_where=db.text("ended_at is null"), postgresql_where=db.text("ended_at is null")),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    visit_on: Mapped[date]  # the working day at the site
    language: Mapped[str] = mapped_column(String(12))  # BCP 47, spoken with the applicant
    name: Mapped[str] = mapped_column(String(160))  # or the line's number for this interpreter
    organisation: Mapped[str | None] = mapped_column(String(120))
    mode: Mapped[InterpreterMode] = code(InterpreterMode)
    is_relative: Mapped[bool] = mapped_column(default=False)
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = moment()
