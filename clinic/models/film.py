"""Films as received: which file, of whom it says it is, and whether it may be read."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import Json, code, key, moment


class FilmState(StrEnum):
    """Whether a film may be read; only an accepted one may."""

    ACCEPTED = "accepted"
    PRIOR = "prior"  # older than this exam: to compare with, not to conclude from
    QUARANTINED = "quarantined"  # perhaps another person's: waits for a second look
    REJECTED = "rejected"  # kept, never shown beside a report


# The WHERE of the partial indexes by which lists find films that may be read, and films that wait for a second look.
READABLE = "state = 'accepted'"
HELD = "state = 'quarantined'"


class Film(Base):
    """One DICOM image of a case; its bytes lie in the store under `sha256`, its names only in there."""

    __tablename__ = "film"
    __projected__ = True
    __table_args__ = (
        UniqueConstraint("case_id", "sop_uid"),
        Index("ix_film_sop_uid", "sop_uid"),
        Index("ix_film_pixels", "pixels_sha256"),
        Index("ix_film_readable", "case_id", sqlite_where=text(READABLE), postgresql_where=text(READABLE)),
        Index("ix_film_held", "case_id", sqlite_where=text(HELD), postgresql_where=text(HELD)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    study_id: Mapped[str] = mapped_column(String(36), index=True)  # shared by the films of one study of this case
    sop_class: Mapped[str] = mapped_column(String(64))
    sop_uid: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64), index=True)  # of what is kept
    source_sha256: Mapped[str] = mapped_column(String(64))  # of what was sent
    pixels_sha256: Mapped[str] = mapped_column(String(64))  # of the picture alone
    size: Mapped[int]  # bytes
    transfer_syntax: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(16))  # DX, CR, …
    taken_on: Mapped[date | None]
    view: Mapped[str | None] = mapped_column(String(16))  # pa, ap, lateral, other
    rows: Mapped[int]
    columns: Mapped[int]
    spacing: Mapped[float | None] = mapped_column(Float)  # mm between pixels
    person: Mapped[Any] = mapped_column(Json())  # {name, birth_date, sex, number: match, similar, differs, missing}
    remarks: Mapped[Any] = mapped_column(Json())  # codes of clinic/film_word.py
    is_repaired: Mapped[bool]
    is_lossy: Mapped[bool]
    state: Mapped[FilmState] = code(FilmState)
    received_at: Mapped[datetime] = moment()
    received_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None] = moment()
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(Text, default="")  # of the second look

    case: Mapped[Case] = relationship()
