"""Break the glass: somebody opened, for a stated reason and a limited time, what role and site do not open."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.site import Site
from clinic.models.user import User


class EmergencyReason(StrEnum):
    """Why it could not wait for the case's own site."""

    DANGER = "danger"  # somebody's life or health is in danger
    INFECTION = "infection"  # others must be protected from an infection
    SITE_UNREACHABLE = "site-unreachable"  # the person stands here, and the case's own site cannot be reached
    AUTHORITY = "authority"  # an authority asks, and the answer cannot wait


class EmergencyAccess(Base):
    """One opening; not edited but for its end and its review."""

    __tablename__ = "emergency_access"
    __table_args__ = (Index("ix_emergency_access_open", "user_id", "until_at"),)

    id: Mapped[str] = key()
    opens: Mapped[str] = mapped_column(String(20), default="case")  # which guard it opens; later ones have own words
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)  # the case's own, at that moment
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    user_site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    reason: Mapped[EmergencyReason] = code(EmergencyReason)
    words: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = moment()
    until_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment()  # given back before its time
    reviewed_at: Mapped[datetime | None] = moment()
    reviewed_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    remark: Mapped[str] = mapped_column(Text, default="")

    case: Mapped[Case] = relationship()
    user: Mapped[User] = relationship(foreign_keys=[user_id])
    site: Mapped[Site] = relationship(foreign_keys=[site_id])
    user_site: Mapped[Site] = relationship(foreign_keys=[user_site_id])
