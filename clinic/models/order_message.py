"""Orders on their way to a laboratory: one message for each order and act, in the order they were made."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.column import code, key, moment
from clinic.models.delivery import DeliveryState
from clinic.models.lab_order import LabOrder
from clinic.models.partner import Laboratory


class OrderAct(StrEnum):
    """What a message says of its order (HL7 table 0119)."""

    NEW = "NW"
    CANCEL = "CA"
    CHANGE = "XO"


class OrderMessage(Base):
    """One OML^O21 in the outbox: its frozen bytes and number, the same for every attempt. Not projected."""

    __tablename__ = "order_message"
    __table_args__ = (Index("ix_order_message_due", "laboratory_id", "state", "id"),)

    id: Mapped[str] = key()  # time-ordered: the order of sending within a laboratory
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    laboratory_id: Mapped[str] = mapped_column(ForeignKey("laboratory.id"))
    order_id: Mapped[str] = mapped_column(ForeignKey("lab_order.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    act: Mapped[OrderAct] = code(OrderAct)
    control_id: Mapped[str] = mapped_column(String(20), unique=True)  # MSH-10
    body: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[DeliveryState] = code(DeliveryState, default=DeliveryState.QUEUED)
    state_reason: Mapped[str] = mapped_column(Text, default="")  # a DeliveryReason with its variable part
    attempts: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime] = moment()
    next_attempt_at: Mapped[datetime | None] = moment()
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = moment()
    accepted_at: Mapped[datetime | None] = moment()
    refused_at: Mapped[datetime | None] = moment()  # by the laboratory's own word

    laboratory: Mapped[Laboratory] = relationship()
    order: Mapped[LabOrder] = relationship()


class OrderAttempt(Base):
    """One attempt to send an order message, or a word on it that came later; rows are never edited."""

    __tablename__ = "order_attempt"

    id: Mapped[str] = key()
    message_id: Mapped[str] = mapped_column(ForeignKey("order_message.id"), index=True)
    number: Mapped[int]
    started_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime] = moment()
    outcome: Mapped[DeliveryState] = code(DeliveryState)
    detail: Mapped[str] = mapped_column(Text, default="")
    reply: Mapped[str | None] = mapped_column(Text)
