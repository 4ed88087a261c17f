"""Vaccine doses, and the outcome of each line of the worksheet (Form DS-3025)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.result import Recorded


class DoseSource(StrEnum):
    """Where our knowledge of a dose comes from."""

    RECORD = "record"  # transferred from a written, dated record
    GIVEN_HERE = "given-here"


class LineOutcome(StrEnum):
    """Exactly one for each vaccine line (us.md 2.8)."""

    COMPLETE = "complete"
    IMMUNE_LAB = "immune-lab"
    VARICELLA_HISTORY = "varicella-history"
    GIVEN_SERIES_INCOMPLETE = "given-series-incomplete"
    WAIVER_AGE = "waiver-age"
    WAIVER_INTERVAL = "waiver-interval"
    WAIVER_CONTRAINDICATION = "waiver-contraindication"
    WAIVER_NOT_AVAILABLE = "waiver-not-available"
    WAIVER_NOT_FLU_SEASON = "waiver-not-flu-season"
    REFUSED = "refused"


class VaccineDose(Recorded, Base):
    """One dose, given here or transferred from a record."""

    __tablename__ = "vaccine_dose"
    __projected__ = True

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    line: Mapped[str] = mapped_column(String(24))  # vaccine line of decide-contract.md
    cvx: Mapped[str] = mapped_column(String(6))  # CDC vaccine code
    given_on: Mapped[date]
    source: Mapped[DoseSource] = code(DoseSource)
    lot: Mapped[str | None] = mapped_column(String(40))
    expires_on: Mapped[date | None]

    case: Mapped[Case] = relationship()


class VaccineLine(Base):
    """The outcome of one line of the worksheet for one case."""

    __tablename__ = "vaccine_line"
    __projected__ = True
    __table_args__ = (UniqueConstraint("case_id", "line"),)

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    line: Mapped[str] = mapped_column(String(24))
    outcome: Mapped[LineOutcome] = code(LineOutcome)
    remark: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship()
