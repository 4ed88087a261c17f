"""The health case: one applicant, one programme and category, one destination authority."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base, db
from clinic.models.applicant import Applicant
from clinic.models.authority import Authority
from clinic.models.column import code, key, moment
from clinic.models.site import Site


class CaseState(StrEnum):
    """The life of a case (product.md, "A case's life"); written by clinic/workflow.py alone."""

    REGISTERED = "registered"
    IN_PROGRESS = "in-progress"
    IN_REVIEW = "in-review"
    SIGNED = "signed"
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ON_HOLD = "on-hold"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Answer(StrEnum):
    """What is known about a circumstance."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


# The WHERE of the worklist's partial indexes; a query must repeat it word for word.
OPEN_STATES = "state in ('registered','in-progress','in-review','signed','submitted','on-hold')"
# Without the empty text SQLite would rather look through every case in these states.
UNDECIDED = "status = 'undecided' and state || '' in ('registered','in-progress','in-review')"


class Case(Base):
    """A health case; `version` counts every change to it or to anything recorded on it."""

    __tablename__ = "health_case"
    __projected__ = True
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_health_case_site_state", "site_id", "state", "updated_at", "id"),
        Index("ix_health_case_opened", "site_id", "opened_at", "id"),
        Index("ix_health_case_authority_number", "authority_case_key"),
        Index("ix_health_case_open", "site_id", "updated_at", "id",
              sqlite_where=db.text(OPEN_STATES), postgresql_where=db.text(OPEN_STATES)),
        Index("ix_health_case_undecided", "site_id", "updated_at", "id",
              sqlite_where=db.text(UNDECIDED), postgresql_where=db.text(UNDECIDED)),
        Index("ix_health_case_mine", "assignee_id", "updated_at", "id",
              sqlite_where=db.text(OPEN_STATES), postgresql_where=db.text(OPEN_STATES)),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    number: Mapped[str] = mapped_column(String(24))
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    programme: Mapped[str] = mapped_column(String(8))
    category: Mapped[str] = mapped_column(String(40))
    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"))
    authority_case_number: Mapped[str | None] = mapped_column(String(60))
    authority_case_key: Mapped[str | None] = mapped_column(String(60))  # upper case, letters and digits only
    stay_months: Mapped[int | None]
    au_schedule: Mapped[int | None]
    application_date: Mapped[date | None]
    destination_address: Mapped[str | None] = mapped_column(Text)  # where the applicant will live, as far as known
    exam_date: Mapped[date | None]  # the day of the physical exam; until then the rules of today apply
    state: Mapped[CaseState] = code(CaseState, default=CaseState.REGISTERED)
    state_reason: Mapped[str | None] = mapped_column(Text)
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    opened_at: Mapped[datetime] = moment()
    opened_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    updated_at: Mapped[datetime] = moment()
    edition: Mapped[str | None] = mapped_column(String(40))  # rule edition of the last decision; fixed by signing
    status: Mapped[str | None] = mapped_column(String(24))  # the last decision's status, for lists
    progress: Mapped[str | None] = mapped_column(String(60))  # why it is where it is: a key of clinic/progress.py
    progress_detail: Mapped[str | None] = mapped_column(String(120))  # the variable part of that sentence
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    site: Mapped[Site] = relationship(lazy="joined", innerjoin=True)
    applicant: Mapped[Applicant] = relationship(lazy="joined", innerjoin=True)
    authority: Mapped[Authority] = relationship(lazy="joined", innerjoin=True)
    circumstances: Mapped[list[Circumstance]] = relationship(
        back_populates="case", cascade="all, delete-orphan", order_by="Circumstance.word"
    )
    residences: Mapped[list[ResidencePeriod]] = relationship(
        back_populates="case", cascade="all, delete-orphan", order_by="ResidencePeriod.from_on"
    )


class Circumstance(Base):
    """One yes / no / not known of the case, and who said so; the history stands in the audit rows."""

    __tablename__ = "circumstance"

    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), primary_key=True)
    word: Mapped[str] = mapped_column(String(40), primary_key=True)  # vocabulary of decide-contract.md
    answer: Mapped[Answer] = code(Answer)
    derived_from: Mapped[str | None] = mapped_column(Text)  # from which places or list it was derived, if it was
    answered_at: Mapped[datetime] = moment()
    answered_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship(back_populates="circumstances")


class ResidencePeriod(Base):
    """Another place lived in during the last five years."""

    __tablename__ = "residence_period"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    country: Mapped[str] = mapped_column(String(3))
    from_on: Mapped[date]
    to_on: Mapped[date | None]

    case: Mapped[Case] = relationship(back_populates="residences")


class CaseTransition(Base):
    """One change of state; rows are never edited."""

    __tablename__ = "case_transition"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    from_state: Mapped[CaseState | None] = code(CaseState, nullable=True)
    to_state: Mapped[CaseState] = code(CaseState)
    reason: Mapped[str] = mapped_column(Text, default="")
    happened_at: Mapped[datetime] = moment()
    by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # nobody: the system itself
