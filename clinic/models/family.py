"""Families and travel groups: who belongs together, what each is to the principal applicant, from when until when."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base, db
from clinic.models.applicant import Applicant
from clinic.models.column import code, key, moment
from clinic.models.related_person import Relation


class FamilyKind(StrEnum):
    """What holds the group together."""

    FAMILY = "family"
    TRAVEL_GROUP = "travel-group"


class Family(Base):
    """A group of applicants of one site."""

    __tablename__ = "family"
    __projected__ = True
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_family_authority_number", "authority_key"),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    number: Mapped[str] = mapped_column(String(24))
    kind: Mapped[FamilyKind] = code(FamilyKind)
    name: Mapped[str] = mapped_column(String(120))
    authority_number: Mapped[str | None] = mapped_column(String(60))  # the authority's own, for the whole family
    authority_key: Mapped[str | None] = mapped_column(String(60))  # upper case, letters and digits only
    opened_at: Mapped[datetime] = moment()
    opened_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    members: Mapped[list[FamilyMember]] = relationship(back_populates="family", order_by="FamilyMember.id")


class FamilyMember(Base):
    """One applicant's time in a group; at most one group at a time. Who leaves keeps the row."""

    __tablename__ = "family_member"
    __projected__ = True
    __table_args__ = (
        Index("ix_family_member_current", "applicant_id", unique=True, sqlite_where=db.text("left_at is null"),
              postgresql_where=db.text("left_at is null")),
    )

    id: Mapped[str] = key()
    family_id: Mapped[str] = mapped_column(ForeignKey("family.id"), index=True)
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    relation: Mapped[Relation | None] = code(Relation, nullable=True)  # to the principal applicant, who has none
    joined_at: Mapped[datetime] = moment()
    joined_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    left_at: Mapped[datetime | None] = moment()
    left_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    left_reason: Mapped[str] = mapped_column(Text, default="")

    family: Mapped[Family] = relationship(back_populates="members")
    applicant: Mapped[Applicant] = relationship(lazy="joined", innerjoin=True)

    @property
    def is_principal(self) -> bool:
        """Whether the others are related to this one."""
        return self.relation is None
