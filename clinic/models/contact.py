"""How a person is reached: telephone numbers, e-mail, where they stay now; a replaced one ends and stays readable."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import code, key, moment


class ContactKind(StrEnum):
    """What a contact is."""

    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"  # where the person stays now


class ContactPoint(Base):
    """One way to reach an applicant from one day to another; the first of its kind by `position` is used first."""

    __tablename__ = "contact_point"
    __projected__ = True
    __table_args__ = (Index("ix_contact_point_applicant", "applicant_id", "kind", "position"),)

    id: Mapped[str] = key()
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"))
    kind: Mapped[ContactKind] = code(ContactKind)
    position: Mapped[int]  # kept by what replaces it
    value: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(String(80))  # whose it is, when to call
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = moment()
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
