"""Two records of one person made one: what moved from where, so that it can be undone to the letter."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base, db
from clinic.models.applicant import Applicant
from clinic.models.column import Json, key, moment
from clinic.models.user import User


class Merge(Base):
    """One record merged into another; the row stays when it is undone, and merging again writes another."""

    __tablename__ = "applicant_merge"
    __table_args__ = (
        Index("ix_applicant_merge_standing", "loser_id", unique=True, sqlite_where=db.text("undone_at is null"),
              postgresql_where=db.text("undone_at is null")),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    survivor_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    loser_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    confirmed: Mapped[Any] = mapped_column(Json(), default=list)  # codes of what looked against it and was confirmed
    merged_at: Mapped[datetime] = moment()
    merged_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    undone_at: Mapped[datetime | None] = moment()
    undone_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    undo_reason: Mapped[str] = mapped_column(Text, default="")

    survivor: Mapped[Applicant] = relationship(foreign_keys=[survivor_id])
    loser: Mapped[Applicant] = relationship(foreign_keys=[loser_id])
    merged_by: Mapped[User] = relationship(foreign_keys=[merged_by_id])
    undone_by: Mapped[User | None] = relationship(foreign_keys=[undone_by_id])
    rows: Mapped[list[MergedRow]] = relationship(order_by="MergedRow.table_name, MergedRow.row_id")


class MergedRow(Base):
    """One row that a merge gave to the surviving record, and whose it was before."""

    __tablename__ = "applicant_merge_row"
    __table_args__ = (UniqueConstraint("merge_id", "table_name", "column_name", "row_id"),)

    id: Mapped[str] = key()
    merge_id: Mapped[str] = mapped_column(ForeignKey("applicant_merge.id"))
    table_name: Mapped[str] = mapped_column(String(40))
    column_name: Mapped[str] = mapped_column(String(40))
    row_id: Mapped[str] = mapped_column(String(36), index=True)
    previous_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"))


class ToldApart(Base):
    """Two records that look alike, and why somebody knows that they are two people."""

    __tablename__ = "told_apart"

    id: Mapped[str] = key()
    one_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    told_at: Mapped[datetime] = moment()
    told_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
