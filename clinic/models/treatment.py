"""Treatment that decides a class: of tuberculosis under direct observation, of syphilis, of gonorrhoea."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key
from clinic.models.result import Recorded

# The WHERE of the partial index of what goes on now.
UNDER_WAY = "disease = 'tuberculosis' and outcome = 'current' and superseded_at is null"


class TreatmentOutcome(StrEnum):
    """How a treatment ended; `current` while it goes on."""

    REFUSED = "refused"  # never begun here
    CURRENT = "current"
    COMPLETED = "completed"
    STOPPED = "stopped"  # lost, failed or broken off: not treated


class Treatment(Recorded, Base):
    """The state of one treatment; every report of it is the next revision, the earlier ones stay.

    Recorded by who gives or supervises it, so it is final when entered (`confirmed_by_id` stays empty).
    """

    __tablename__ = "treatment"
    __projected__ = True
    __table_args__ = (
        Index("ix_treatment_case", "case_id", "disease"),
        Index("ix_treatment_current", "started_on", sqlite_where=text(UNDER_WAY), postgresql_where=text(UNDER_WAY)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    disease: Mapped[str] = mapped_column(String(20))  # of clinic/programmes/reference/treatment.toml
    stage: Mapped[str | None] = mapped_column(String(20))
    regimen: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text, default="")  # another regimen in words, why it was stopped
    outcome: Mapped[TreatmentOutcome] = code(TreatmentOutcome)
    is_supervised: Mapped[bool]  # directly observed under a panel physician of this site
    is_refused_here: Mapped[bool] = mapped_column(default=False)  # and taken elsewhere, where it was taken at all
    started_on: Mapped[date | None]
    ended_on: Mapped[date | None]
    doses_planned: Mapped[int | None]
    doses_given: Mapped[int | None]
    doses_missed: Mapped[int | None]
    cultures_negative_on: Mapped[date | None]  # when the cultures at the end were reported negative

    case: Mapped[Case] = relationship()
