"""The photo taken of an applicant at a visit: which file, how it came, and until when it was the one in use."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base, db
from clinic.models.column import code, key, moment


class PhotoSource(StrEnum):
    """How a photo came."""

    CAMERA = "camera"
    FILE = "file"


class Photo(Base):
    """One photo of a case; its bytes lie in the store under `sha256`. A new one replaces it, the row stays."""

    __tablename__ = "photo"
    __table_args__ = (
        Index("ix_photo_current", "case_id", unique=True, sqlite_where=db.text("replaced_at is null"),
              postgresql_where=db.text("replaced_at is null")),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]  # bytes
    source: Mapped[PhotoSource] = code(PhotoSource)
    taken_at: Mapped[datetime] = moment()
    taken_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    replaced_at: Mapped[datetime | None] = moment()
