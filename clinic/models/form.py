"""Answers to forms; a form is a FHIR Questionnaire file, an answered one becomes a QuestionnaireResponse."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, code, key, moment


class FormStatus(StrEnum):
    """As FHIR QuestionnaireResponse.status, those we use."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    AMENDED = "amended"
    ENTERED_IN_ERROR = "entered-in-error"


DRAFT = "status = 'in-progress'"  # the WHERE of the partial index by which somebody finds what they have open


class FormResponse(Base):
    """One answered form of a case; while in progress it is a draft that nothing counts."""

    __tablename__ = "form_response"
    __projected__ = True
    __table_args__ = (
        Index("ix_form_response_case", "case_id", "form"),
        Index("ix_form_response_draft", "started_by_id", "case_id", sqlite_where=text(DRAFT),
              postgresql_where=text(DRAFT)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    form: Mapped[str] = mapped_column(String(60))  # name of the Questionnaire, e.g. us-medical-exam
    form_version: Mapped[str] = mapped_column(String(20))
    status: Mapped[FormStatus] = code(FormStatus, default=FormStatus.IN_PROGRESS)
    answers: Mapped[Any] = mapped_column(Json())  # {linkId: value}; numbers as text, exactly as written
    started_at: Mapped[datetime] = moment()
    started_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    saved_at: Mapped[datetime] = moment()
    completed_at: Mapped[datetime | None] = moment()
    completed_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    case: Mapped[Case] = relationship()


class FormVersion(Base):
    """What a completed form said before an amendment replaced it; never edited."""

    __tablename__ = "form_version"
    __table_args__ = (UniqueConstraint("response_id", "number"),)

    id: Mapped[str] = key()
    response_id: Mapped[str] = mapped_column(ForeignKey("form_response.id"))
    number: Mapped[int]  # 1 is the form as first completed
    form_version: Mapped[str] = mapped_column(String(20))
    answers: Mapped[Any] = mapped_column(Json())
    completed_at: Mapped[datetime] = moment()
    completed_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    replaced_at: Mapped[datetime] = moment()
    replaced_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(String(2000))  # of the amendment that replaced it

    response: Mapped[FormResponse] = relationship()


class KeptInput(Base):
    """What somebody had typed into a form when their session ended; theirs alone, until saved or a day old."""

    __tablename__ = "kept_input"
    __table_args__ = (UniqueConstraint("user_id", "case_id", "form"),)

    id: Mapped[str] = key()
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    form: Mapped[str] = mapped_column(String(60))
    version: Mapped[int | None]  # of the answers on the page it was typed into
    answers: Mapped[Any] = mapped_column(Json())  # {linkId: text} exactly as posted
    kept_at: Mapped[datetime] = moment()
