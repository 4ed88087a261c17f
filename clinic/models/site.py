"""Sites of the organisation, and the counters that number what people and HL7 see."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import key


class Site(Base):
    """One clinic; staff, cases, counters and lists belong to exactly one."""

    __tablename__ = "site"

    id: Mapped[str] = key()
    code: Mapped[str] = mapped_column(String(8), unique=True)  # in every number this site gives, e.g. NBO
    name: Mapped[str] = mapped_column(String(120))
    city: Mapped[str] = mapped_column(String(80))
    country: Mapped[str] = mapped_column(String(3))  # ISO 3166-1 alpha-3; the place of examination
    time_zone: Mapped[str] = mapped_column(String(40))  # IANA name: decides what "today" is


class SiteProgramme(Base):
    """That a site offers a programme; without a row no case of it is opened there."""

    __tablename__ = "site_programme"

    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    programme: Mapped[str] = mapped_column(String(8), primary_key=True)


class Counter(Base):
    """The last number given, per site and kind; never a key, never reused."""

    __tablename__ = "counter"

    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(default=0)
