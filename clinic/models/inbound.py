"""Messages from outside as they came: stored before they are acknowledged, worked on afterwards."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import code, key, moment

# Conditions of the partial indexes, said word for word by who asks (clinic/queries/inbound.py is_in).
IS_NEW, IS_SEEN = "state = 'new'", "state <> 'new'"
HAS_DELIVERY = "delivery_id is not null"


class InboundState(StrEnum):
    """What became of a message."""

    NEW = "new"
    APPLIED = "applied"
    HELD = "held"  # a person must look: it fits nothing that we know
    ERROR = "error"  # our own fault while working on it; it is tried again when asked


class InboundWay(StrEnum):
    """By which door something came in."""

    MLLP = "mllp"
    MLLP_TLS = "mllp-tls"
    FILE = "file"  # from a laboratory's folder
    CSV = "csv"  # uploaded by a person
    API = "api"
    PDF = "pdf"  # uploaded by a person


class InboundMessage(Base):
    """One received message; the same one sent again is the same row, and gets the same answer.

    Not projected. `sender` is MSH-3 and MSH-4; a control id that comes again with other content is another row.
    """

    __tablename__ = "inbound_message"
    __table_args__ = (
        UniqueConstraint("sender", "control_id", "sha256"),
        # What comes in enters one index beside its keys, a short one; the worker enters it in the other.
        Index("ix_inbound_message_new", "id", sqlite_where=text(IS_NEW), postgresql_where=text(IS_NEW)),
        Index("ix_inbound_message_seen", "state", "laboratory_id", "id", sqlite_where=text(IS_SEEN),
              postgresql_where=text(IS_SEEN)),
        Index("ix_inbound_message_delivery", "delivery_id", sqlite_where=text(HAS_DELIVERY),
              postgresql_where=text(HAS_DELIVERY)),
    )

    id: Mapped[str] = key()  # time-ordered: the order of arrival
    received_at: Mapped[datetime] = moment()
    peer: Mapped[str] = mapped_column(String(80))  # network address it came from
    sender: Mapped[str] = mapped_column(String(200))
    control_id: Mapped[str] = mapped_column(String(200))  # MSH-10
    kind: Mapped[str] = mapped_column(String(20))  # MSH-9 as ACK^R01
    sha256: Mapped[str] = mapped_column(String(64))
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)  # what we acknowledged it with; None: nobody asked
    way: Mapped[InboundWay] = code(InboundWay, default=InboundWay.MLLP)
    laboratory_id: Mapped[str | None] = mapped_column(ForeignKey("laboratory.id"))  # who sent results
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("delivery.id"))  # what it speaks of
    times: Mapped[int] = mapped_column(default=1)  # how often it came
    state: Mapped[InboundState] = code(InboundState, default=InboundState.NEW)
    state_reason: Mapped[str] = mapped_column(Text, default="")  # one sentence, without a person's data
    processed_at: Mapped[datetime | None] = moment()
