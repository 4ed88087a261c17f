"""A person's stay at the clinic on one day: when they came, with which number, and when they went."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import key, moment


class Visit(Base):
    """One case's person at one site on one working day; `number` is called instead of a name."""

    __tablename__ = "visit"
    __table_args__ = (UniqueConstraint("site_id", "visited_on", "number"), UniqueConstraint("case_id", "visited_on"))

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    visited_on: Mapped[date]  # the working day at the site
    number: Mapped[int]  # of that day at that site, from 1
    arrived_at: Mapped[datetime] = moment()
    received_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    left_at: Mapped[datetime | None] = moment()
    left_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
