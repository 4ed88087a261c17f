"""Partner laboratories: who they are on the line, how their results come in, and what their words mean here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.column import Json, code, key, moment
from clinic.models.site import Site
from clinic.models.user import User


class Laboratory(Base):
    """A laboratory that works for one site; without an endpoint it gets its orders on paper.

    On the line it is who its own names (MSH-3 and MSH-4) and the name by which it calls the site (MSH-6) say. What it
    sends is entered by `user`, an account without a sign-in, so that a person of ours is always the second one.
    """

    __tablename__ = "laboratory"
    __table_args__ = (UniqueConstraint("application", "facility", "our_facility"),)

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    name: Mapped[str] = mapped_column(String(160))
    application: Mapped[str] = mapped_column(String(60))  # MSH-3 of what it sends, MSH-5 of what it gets
    facility: Mapped[str] = mapped_column(String(60))  # MSH-4, MSH-6
    our_facility: Mapped[str] = mapped_column(String(60))  # what it calls the site: MSH-6 of what it sends
    endpoint: Mapped[str] = mapped_column(String(300), default="")  # mllp(s)://host:port/… for orders; empty: paper
    fingerprint: Mapped[str] = mapped_column(String(64), default="")  # SHA-256 of its client certificate, hex
    plain_allowed: Mapped[bool] = mapped_column(default=False)  # messages without TLS from beyond this machine
    time_zone: Mapped[str] = mapped_column(String(40))  # IANA; of times that come without an offset
    charset: Mapped[str] = mapped_column(String(20), default="utf-8")  # Python codec where MSH-18 is empty
    folder: Mapped[str] = mapped_column(String(40), default="")  # its folder of files; empty: it sends none
    column_map: Mapped[Any] = mapped_column(Json(), default=dict)  # of its CSV: clinic/lab_table.py
    token_digest: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256 of its API token, hex
    token_made_at: Mapped[datetime | None] = moment()
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = moment()

    site: Mapped[Site] = relationship(lazy="joined", innerjoin=True)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True, foreign_keys=[user_id])


class MapKind(StrEnum):
    """What a line of a mapping table translates."""

    TEST = "test"  # their test -> a test of the catalogue, or one of its parts as "igra/nil", "dst/isoniazid"
    VALUE = "value"  # their word for a result -> a code of that test
    UNIT = "unit"  # their unit -> UCUM
    METHOD = "method"  # their method -> a method of that test


class CodeMapping(Base):
    """One line of a laboratory's mapping table, editable; what was changed stands in the audit.

    `test` narrows a line to one test of the catalogue; empty: it holds for all of them.
    """

    __tablename__ = "code_mapping"
    __table_args__ = (UniqueConstraint("laboratory_id", "kind", "test", "system", "code"),)

    id: Mapped[str] = key()
    laboratory_id: Mapped[str] = mapped_column(ForeignKey("laboratory.id"))
    kind: Mapped[MapKind] = code(MapKind)
    test: Mapped[str] = mapped_column(String(40), default="")
    system: Mapped[str] = mapped_column(String(60), default="")  # as CWE-3 says; empty for words without a system
    code: Mapped[str] = mapped_column(String(120))  # theirs; compared without regard to case
    text: Mapped[str] = mapped_column(Text, default="")  # what they call it, for people
    ours: Mapped[str] = mapped_column(String(60))
    changed_at: Mapped[datetime] = moment()
    changed_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
