"""What is asked of a laboratory: one order for each test, all of a case's in one referral."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.laboratory import Specimen


class LabOrderState(StrEnum):
    """Where one order stands; clinic/services/lab_order.py has the table of steps."""

    ORDERED = "ordered"
    COLLECTED = "collected"
    SENT = "sent"
    RECEIVED = "received"  # by the laboratory
    RESULTED = "resulted"  # a result counts: two persons agree
    CANCELLED = "cancelled"


LIVE = "state not in ('resulted', 'cancelled')"  # the WHERE of the partial index by which lists find what is in work


class LabReferral(Base):
    """All that one case asks of laboratories; its number is the group number of HL7 (ORC-4)."""

    __tablename__ = "lab_referral"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), unique=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    opened_at: Mapped[datetime] = moment()
    opened_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship()
    orders: Mapped[list[LabOrder]] = relationship(back_populates="referral", order_by="LabOrder.id")


class LabOrder(Base):
    """One test asked for; its number is the placer's order number of HL7 (ORC-2, OBR-2)."""

    __tablename__ = "lab_order"
    __table_args__ = (
        Index("ix_lab_order_live", "case_id", "test", sqlite_where=text(LIVE), postgresql_where=text(LIVE)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("lab_referral.id"), index=True)
    requirement_id: Mapped[str | None] = mapped_column(ForeignKey("requirement.id"))  # what asks for it
    number: Mapped[str] = mapped_column(String(24), unique=True)
    test: Mapped[str] = mapped_column(String(40))  # a test of the catalogue, clinic/programmes/reference/test.toml
    specimen_id: Mapped[str | None] = mapped_column(ForeignKey("specimen.id"), index=True)
    laboratory_id: Mapped[str | None] = mapped_column(ForeignKey("laboratory.id"))  # None: the site's own
    state: Mapped[LabOrderState] = code(LabOrderState, default=LabOrderState.ORDERED)
    ordered_at: Mapped[datetime] = moment()
    ordered_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(Text, default="")  # why asked for beyond the rules, or asked for again
    changed_at: Mapped[datetime] = moment()  # the last step
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("lab_order.id"))  # what was cancelled and asked again
    cancelled_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    cancelled_reason: Mapped[str | None] = mapped_column(Text)

    case: Mapped[Case] = relationship()
    referral: Mapped[LabReferral] = relationship(back_populates="orders", lazy="joined")
    specimen: Mapped[Specimen | None] = relationship()

    @property
    def is_live(self) -> bool:
        """Whether it is still in work."""
        return self.state not in (LabOrderState.RESULTED, LabOrderState.CANCELLED)
