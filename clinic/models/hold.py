"""That somebody may be infectious: found by the rules or said by a physician, standing until it ends or is lifted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.applicant import Applicant
from clinic.models.case import Case
from clinic.models.column import key, moment

STANDING = "ended_at is null"  # the WHERE of the partial indexes
BY_PERSON = "person"  # the cause that a member of staff gives in words


class InfectionHold(Base):
    """One cause for which a person is kept apart and not cleared; rows are kept."""

    __tablename__ = "infection_hold"
    __table_args__ = (
        Index("ix_infection_hold_cause", "case_id", "cause", unique=True, sqlite_where=text(STANDING),
              postgresql_where=text(STANDING)),
        Index("ix_infection_hold_person", "applicant_id", sqlite_where=text(STANDING),
              postgresql_where=text(STANDING)),
        Index("ix_infection_hold_site", "site_id", "applicant_id", sqlite_where=text(STANDING),
              postgresql_where=text(STANDING)),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)  # held on every case of theirs
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)  # on which it was found
    cause: Mapped[str] = mapped_column(String(20))  # of clinic/programmes/reference/hold.toml, or BY_PERSON
    evidence: Mapped[str] = mapped_column(Text, default="")  # days of what it rests on; or the physician's words
    began_at: Mapped[datetime] = moment()
    began_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # nobody: the facts
    ended_at: Mapped[datetime | None] = moment()
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))  # nobody: the facts say so no more
    end_reason: Mapped[str] = mapped_column(Text, default="")

    applicant: Mapped[Applicant] = relationship()
    case: Mapped[Case] = relationship()
