"""What laboratories reported, one row for each result, and what became of it; printed reports beside it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, code, key, moment
from clinic.models.inbound import InboundMessage
from clinic.models.partner import Laboratory


class ReportedState(StrEnum):
    """What became of a reported result."""

    WAITING = "waiting"  # for a person: whose it is, or what it means, is not certain
    APPLIED = "applied"  # a result of ours came of it, which a person of ours still validates
    PRELIMINARY = "preliminary"  # the laboratory itself calls it so: shown, and nothing rests on it
    NOTED = "noted"  # says nothing that is a result: in work, or nothing new
    LATE = "late"  # older than what is known already
    NOT_DONE = "not-done"  # cannot be obtained: a person looks whether to ask again
    WITHDRAWN = "withdrawn"  # the laboratory took it back
    REJECTED = "rejected"  # a person said that it belongs to nobody here
    REPLACED = "replaced"  # read again after a mapping was corrected


FOR_A_PERSON = (ReportedState.WAITING, ReportedState.NOT_DONE)


class ReportedResult(Base):
    """One result as a laboratory reported it; `content` has its lines, the order and the person as they were said.

    Not projected. `laboratory_id`, `filler`, `test` and `sub_id` are the same for every later word on it.
    """

    __tablename__ = "reported_result"
    __table_args__ = (
        Index("ix_reported_result_series", "laboratory_id", "filler", "test", "sub_id"),
        Index("ix_reported_result_inbox", "site_id", "state", "id"),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    laboratory_id: Mapped[str] = mapped_column(ForeignKey("laboratory.id"))
    message_id: Mapped[str] = mapped_column(ForeignKey("inbound_message.id"), index=True)
    received_at: Mapped[datetime] = moment()
    placer: Mapped[str] = mapped_column(String(80))
    filler: Mapped[str] = mapped_column(String(80))
    test: Mapped[str] = mapped_column(String(40))  # ours; empty while nobody knows what their code means
    their_code: Mapped[str] = mapped_column(String(120))  # of the first line
    sub_id: Mapped[str] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(4))  # table 0085
    said_at: Mapped[str] = mapped_column(String(40))  # ISO, UTC: orders the words on one result
    content: Mapped[Any] = mapped_column(Json())
    state: Mapped[ReportedState] = code(ReportedState)
    reason: Mapped[str] = mapped_column(Text, default="")  # one sentence, without a person's data
    case_id: Mapped[str | None] = mapped_column(ForeignKey("health_case.id"), index=True)
    specimen_id: Mapped[str | None] = mapped_column(ForeignKey("specimen.id"))
    result_id: Mapped[str | None] = mapped_column(ForeignKey("lab_result.id"), index=True)  # what came of it
    parent_inferred: Mapped[bool] = mapped_column(default=False)  # by specimen, as OBR-26 and 29 were missing
    decided_at: Mapped[datetime | None] = moment()
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    remark: Mapped[str] = mapped_column(Text, default="")

    laboratory: Mapped[Laboratory] = relationship(lazy="joined", innerjoin=True)
    message: Mapped[InboundMessage] = relationship()
    case: Mapped[Case | None] = relationship()


class LabDocument(Base):
    """A printed report of a laboratory; the bytes lie in the file store. Without a case it waits for a person."""

    __tablename__ = "lab_document"
    __table_args__ = (
        Index("ix_lab_document_inbox", "site_id", "case_id", "id"),
        Index("ix_lab_document_bytes", "laboratory_id", "sha256"),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    laboratory_id: Mapped[str] = mapped_column(ForeignKey("laboratory.id"))
    message_id: Mapped[str | None] = mapped_column(ForeignKey("inbound_message.id"), index=True)
    received_at: Mapped[datetime] = moment()
    placer: Mapped[str] = mapped_column(String(80))
    filler: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    case_id: Mapped[str | None] = mapped_column(ForeignKey("health_case.id"), index=True)
    order_id: Mapped[str | None] = mapped_column(ForeignKey("lab_order.id"))
    decided_at: Mapped[datetime | None] = moment()
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))

    laboratory: Mapped[Laboratory] = relationship(lazy="joined", innerjoin=True)
