"""What the rules proposed, what the physician concluded, and why they differ where they do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import Json, code, key, moment


class ConclusionKind(StrEnum):
    """How the conclusion came about."""

    ACCEPTED = "accepted"
    CHOSEN = "chosen"  # the rules left it to the physician
    OVERRIDDEN = "overridden"


class Conclusion(Base):
    """The decision of one signature: the rules' whole answer, kept, and the physician's."""

    __tablename__ = "conclusion"
    __projected__ = True

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    case_version: Mapped[int]  # what the physician looked at
    edition: Mapped[str] = mapped_column(String(40))
    facts: Mapped[Any] = mapped_column(Json())  # input of the decision function
    decision: Mapped[Any] = mapped_column(Json())  # its output
    kind: Mapped[ConclusionKind] = code(ConclusionKind)
    conclusion: Mapped[Any] = mapped_column(Json())  # {classes, other_classes, overall, valid_from, valid_until, …}
    reason: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime] = moment()
    decided_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
