"""The outbox: one signed exam to one authority over one channel, with every attempt."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key, moment


class DeliveryState(StrEnum):
    """The life of a delivery (product.md)."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"  # sent, and no answer that we can believe; asked again with the same key
    REJECTED = "rejected"
    DEAD = "dead"
    HELD = "held"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Delivery(Base):
    """An outbox row: the frozen bytes of its channel, the same for every attempt.

    Not projected: the dispatcher claims and updates these rows.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_due", "state", "next_attempt_at"),
        Index("ix_delivery_destination", "authority_id", "state", "id"),
    )

    id: Mapped[str] = key()  # time-ordered: the order of sending within a destination and case
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    signed_exam_id: Mapped[str] = mapped_column(ForeignKey("signed_exam.id"), index=True)
    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"))
    channel: Mapped[str] = mapped_column(String(40))
    content_type: Mapped[str] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[DeliveryState] = code(DeliveryState, default=DeliveryState.QUEUED)
    state_reason: Mapped[str] = mapped_column(Text, default="")  # one sentence: what happened, what to do
    attempts: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime] = moment()
    next_attempt_at: Mapped[datetime | None] = moment()
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = moment()
    accepted_at: Mapped[datetime | None] = moment()
    acknowledged_at: Mapped[datetime | None] = moment()  # the authority's own word
    receipt: Mapped[str | None] = mapped_column(String(160))  # the authority's reference

    case: Mapped[Case] = relationship()
    history: Mapped[list[DeliveryAttempt]] = relationship(order_by="DeliveryAttempt.id")


class DeliveryAttempt(Base):
    """One attempt, or one act of a person on a delivery; rows are never edited."""

    __tablename__ = "delivery_attempt"

    id: Mapped[str] = key()
    delivery_id: Mapped[str] = mapped_column(ForeignKey("delivery.id"), index=True)
    number: Mapped[int]  # 0: an act of a person
    started_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime] = moment()
    outcome: Mapped[DeliveryState] = code(DeliveryState)
    detail: Mapped[str] = mapped_column(Text, default="")  # status line, error, or a person's reason
    reply: Mapped[str | None] = mapped_column(Text)  # the beginning of what came back
    by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
