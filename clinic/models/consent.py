"""Consent to the examination: what was shown in which language, who signed or refused, and how it ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base, db
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.interpreter import VisitInterpreter
from clinic.models.related_person import RelatedPerson


class ConsentState(StrEnum):
    """Where a consent stands; a refusal is a consent that was not given."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"  # by a later one, for example to a newer text


class Signer(StrEnum):
    """Who signed or refused."""

    APPLICANT = "applicant"
    PARENT = "parent"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"  # of an adult who cannot decide


class Consent(Base):
    """One decision of an applicant about one text; later ones end it, nothing of it is edited."""

    __tablename__ = "consent"
    __projected__ = True
    __table_args__ = (
        Index("ix_consent_current", "case_id", unique=True, sqlite_where=db.text("ended_at is null"),
              postgresql_where=db.text("ended_at is null")),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    state: Mapped[ConsentState] = code(ConsentState)
    text_language: Mapped[str] = mapped_column(String(12))  # BCP 47, of the text that was shown
    text_version: Mapped[str] = mapped_column(String(20))
    text_sha256: Mapped[str] = mapped_column(String(64))  # of the file that was shown
    authority_name: Mapped[str | None] = mapped_column(String(160))  # in that text; None: written by an older version
    spoken_language: Mapped[str] = mapped_column(String(12))  # the applicant's at that moment
    signer: Mapped[Signer] = code(Signer)
    signer_name: Mapped[str | None] = mapped_column(String(160))  # of another than the applicant
    signer_relation: Mapped[str | None] = mapped_column(String(80))
    guardian_id: Mapped[str | None] = mapped_column(ForeignKey("related_person.id"))  # a minor's, who signed
    by_mark: Mapped[bool] = mapped_column(default=False)  # a thumbprint or cross; a witness signs beside it
    witness_name: Mapped[str | None] = mapped_column(String(160))
    interpreter_name: Mapped[str | None] = mapped_column(String(160))
    interpreter_id: Mapped[str | None] = mapped_column(ForeignKey("visit_interpreter.id"))
    reason: Mapped[str] = mapped_column(Text, default="")  # of a refusal
    decided_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = moment()  # withdrawn or replaced
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    end_reason: Mapped[str] = mapped_column(Text, default="")

    case: Mapped[Case] = relationship()
    guardian: Mapped[RelatedPerson | None] = relationship()
    interpreter: Mapped[VisitInterpreter | None] = relationship()
