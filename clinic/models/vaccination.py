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
    WAIVER_INDIVIDUAL = "waiver-individual"  # objects on religious or moral grounds: an individual waiver is asked for
    REFUSED = "refused"


class RecordKind(StrEnum):
    """The written record that a dose was copied from; `entered_by` is who saw it."""

    VACCINATION_CARD = "vaccination-card"
    PHYSICIAN_RECORD = "physician-record"
    SCHOOL_RECORD = "school-record"
    REGISTRY = "registry"
    OTHER = "other"


class BodySite(StrEnum):
    """Where a dose was given."""

    LEFT_ARM = "left-arm"
    RIGHT_ARM = "right-arm"
    LEFT_THIGH = "left-thigh"
    RIGHT_THIGH = "right-thigh"


class Route(StrEnum):
    """How a dose was given."""

    INTRAMUSCULAR = "intramuscular"
    SUBCUTANEOUS = "subcutaneous"
    INTRADERMAL = "intradermal"
    ORAL = "oral"
    NASAL = "nasal"


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
    record_kind: Mapped[RecordKind | None] = code(RecordKind)
    body_site: Mapped[BodySite | None] = code(BodySite)
    route: Mapped[Route | None] = code(Route)
    given_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # None: who entered it gave it

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
    proposed: Mapped[LineOutcome | None] = code(LineOutcome)  # what the rules proposed at that moment
    remark: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship()
