"""A tuberculosis case and its treatment: who has it, on what evidence, what was given day by day, how it ended.

What the rules read of a treatment is one row of `Treatment`, written from these by clinic/services/tuberculosis.py.
Doses, months and side effects are replaced by newer rows, never edited; `superseded_at` marks the older one.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, code, key, moment


class DiagnosisBasis(StrEnum):
    """On what the diagnosis rests; the laboratory's own words decide, `clinical` is the physician's."""

    CULTURE = "culture"
    NAAT = "naat"
    SMEAR = "smear"
    HISTOLOGY = "histology"
    CLINICAL = "clinical"

    @property
    def is_bacteriological(self) -> bool:
        """Whether bacilli were found."""
        return self in (DiagnosisBasis.CULTURE, DiagnosisBasis.NAAT, DiagnosisBasis.SMEAR)


class DiseaseSite(StrEnum):
    """Where the disease is: lung, pleura, larynx and nodes in the chest are pulmonary here (us.md 1.1)."""

    PULMONARY = "pulmonary"
    EXTRAPULMONARY = "extrapulmonary"
    BOTH = "both"


class TbHistory(StrEnum):
    """Earlier treatment, as registers ask it."""

    NEW = "new"
    RELAPSE = "relapse"
    AFTER_FAILURE = "after-failure"
    AFTER_LOSS = "after-loss"
    ON_TREATMENT = "on-treatment"  # came to the site while on treatment
    UNKNOWN = "unknown"


class TbOutcome(StrEnum):
    """How a treatment ended, as registers count it; none while it goes on."""

    CURED = "cured"
    COMPLETED = "completed"
    FAILED = "failed"
    DIED = "died"
    LOST = "lost"
    NOT_EVALUATED = "not-evaluated"  # also who moved to another clinic
    NOT_TB = "not-tb"  # the diagnosis was wrong: no tuberculosis follows from it any more

    @property
    def is_success(self) -> bool:
        """Whether the treatment was finished as planned."""
        return self in (TbOutcome.CURED, TbOutcome.COMPLETED)


class TbCase(Base):
    """One episode of tuberculosis on one health case."""

    __tablename__ = "tb_case"
    __table_args__ = (Index("ix_tb_case_registered", "site_id", "registered_on", "id"),)

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), unique=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    number: Mapped[str] = mapped_column(String(24), unique=True)
    registered_on: Mapped[date]
    registered_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    diagnosed_on: Mapped[date]
    basis: Mapped[DiagnosisBasis] = code(DiagnosisBasis)
    site_of_disease: Mapped[DiseaseSite] = code(DiseaseSite)
    organ: Mapped[str] = mapped_column(String(60), default="")  # of disease outside the lungs
    history: Mapped[TbHistory] = code(TbHistory)
    hiv_untested: Mapped[str] = mapped_column(String(120), default="")  # why no HIV test was made
    notified_on: Mapped[date | None]
    notified_to: Mapped[str] = mapped_column(String(120), default="")
    notification_number: Mapped[str] = mapped_column(String(40), default="")
    refused_on: Mapped[date | None]  # the site's own treatment
    refusal_reason: Mapped[str] = mapped_column(Text, default="")
    elsewhere_began_on: Mapped[date | None]  # treatment elsewhere, after the refusal
    elsewhere_ended_on: Mapped[date | None]
    elsewhere: Mapped[str] = mapped_column(String(120), default="")
    outcome: Mapped[TbOutcome | None] = code(TbOutcome, nullable=True)
    outcome_on: Mapped[date | None]
    outcome_remark: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    case: Mapped[Case] = relationship()
    phases: Mapped[list[TbPhase]] = relationship(
        primaryjoin="foreign(TbPhase.case_id) == TbCase.case_id", order_by="(TbPhase.started_on, TbPhase.id)",
        viewonly=True)


class PhaseName(StrEnum):
    """The part of a regimen."""

    INTENSIVE = "intensive"
    CONTINUATION = "continuation"


class TbPhase(Base):
    """One part of a regimen as it was begun: drugs by weight, days a week, doses planned."""

    __tablename__ = "tb_phase"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    name: Mapped[PhaseName] = code(PhaseName)
    regimen: Mapped[str] = mapped_column(String(40))  # of tb_regimen.toml
    detail: Mapped[str] = mapped_column(Text, default="")  # another regimen in words, who agreed to it
    drugs: Mapped[dict[str, Any]] = mapped_column(Json)  # drug to milligrams a dose, as written
    weight_kg: Mapped[str] = mapped_column(String(8))  # digits as written
    days_per_week: Mapped[int]
    planned_doses: Mapped[int]
    started_on: Mapped[date]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str] = mapped_column(Text, default="")
    is_void: Mapped[bool] = mapped_column(default=False)  # begun anew after an interruption: its doses do not count
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))

    def covers(self, day: date) -> bool:
        """Whether the day lies within it."""
        return self.started_on <= day and (self.ended_on is None or day <= self.ended_on)

    def is_due(self, day: date) -> bool:
        """Whether it gives a dose on that day of the week."""
        return self.days_per_week == 7 or day.weekday() < 5


class DoseState(StrEnum):
    """What became of a day's dose."""

    GIVEN = "given"
    MISSED = "missed"
    HELD = "held"  # the physician held it back


class DosePlace(StrEnum):
    """Where or how it was watched."""

    CLINIC = "clinic"
    HOME = "home"
    VIDEO = "video"


CURRENT_DOSE = "superseded_at is null"  # the WHERE of the index that lets a day have one current dose


class TbDose(Base):
    """A day's dose: given and by whom watched, missed and why, or held back."""

    __tablename__ = "tb_dose"
    __table_args__ = (
        Index("uq_tb_dose_day", "case_id", "day", unique=True, sqlite_where=text(CURRENT_DOSE),
              postgresql_where=text(CURRENT_DOSE)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    phase_id: Mapped[str] = mapped_column(ForeignKey("tb_phase.id"), index=True)
    day: Mapped[date]
    state: Mapped[DoseState] = code(DoseState)
    place: Mapped[DosePlace | None] = code(DosePlace, nullable=True)
    observer_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # None: nobody watched
    reason: Mapped[str] = mapped_column(String(120), default="")  # why missed or held
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    superseded_at: Mapped[datetime | None] = moment()

    phase: Mapped[TbPhase] = relationship()
    case: Mapped[Case] = relationship()


class TbMonth(Base):
    """The check of one month: weight, how the person does; its specimens and film are rows of their own."""

    __tablename__ = "tb_month"
    __table_args__ = (Index("ix_tb_month_case", "case_id", "month"),)

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    month: Mapped[int]  # 0 at the start
    checked_on: Mapped[date]
    weight_kg: Mapped[str] = mapped_column(String(8))
    is_better: Mapped[bool | None]
    remark: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    superseded_at: Mapped[datetime | None] = moment()


class TbSideEffect(Base):
    """Something the medicines did: what, how grave, what was done about it."""

    __tablename__ = "tb_side_effect"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    kind: Mapped[str] = mapped_column(String(24))  # of tb_regimen.toml
    grade: Mapped[int]  # 1 mild to 4 life-threatening
    began_on: Mapped[date]
    ended_on: Mapped[date | None]
    action: Mapped[str] = mapped_column(String(24))  # of tb_regimen.toml
    remark: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    superseded_at: Mapped[datetime | None] = moment()


class InterruptionDecision(StrEnum):
    """What the physician does about an interruption."""

    CONTINUE = "continue"
    EXTEND = "extend"
    RESTART = "restart"


class TbInterruption(Base):
    """Days without a dose, what the sources advise, and what the physician decided, with the reason."""

    __tablename__ = "tb_interruption"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    phase_id: Mapped[str] = mapped_column(ForeignKey("tb_phase.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    days: Mapped[int]
    advice: Mapped[InterruptionDecision] = code(InterruptionDecision)
    decision: Mapped[InterruptionDecision] = code(InterruptionDecision)
    extra_doses: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = moment()
    decided_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
