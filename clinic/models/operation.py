"""What keeps the house running: leases, heartbeats, and the audit of changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import Json, key, moment


class Lease(Base):
    """Who leads one kind of clock work, and until when."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime] = moment()


class Heartbeat(Base):
    """That a process is alive."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    beat_at: Mapped[datetime] = moment()


class AuditChange(Base):
    """One change, written in the change's own transaction; carries codes and ids, never a name."""

    __tablename__ = "audit_change"
    __table_args__ = (Index("ix_audit_change_subject", "subject_kind", "subject_id"),)

    id: Mapped[str] = key()
    happened_at: Mapped[datetime] = moment()
    actor_kind: Mapped[str] = mapped_column(String(16))  # user, client, system
    actor_id: Mapped[str | None] = mapped_column(String(80))
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"))
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(80))
    case_id: Mapped[str | None] = mapped_column(String(36), index=True)
    detail: Mapped[Any] = mapped_column(Json(), default=dict)
