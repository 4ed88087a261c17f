"""Where FHIR resources lie: the clinic's own record, and beside it what a signature released to an authority."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import moment


class StoredVersion(Base):
    """One version of one resource of the clinic's own record, as exact bytes; never edited."""

    __tablename__ = "fhir_version"
    __table_args__ = (Index("ix_fhir_version_id", "id"),)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)  # resource type
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[str | None] = mapped_column(String(36))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    recorded_at: Mapped[datetime] = moment()
    body: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str] = mapped_column(String(64))  # of the body without meta: tells whether anything changed


class ReleasedVersion(Base):
    """One version of one resource that a signature released to one authority; never edited.

    Every path by which an authority reads goes through this table and `released_index`, and no other.
    """

    __tablename__ = "released_version"
    __table_args__ = (
        Index("ix_released_version_listing", "authority_id", "kind", "is_current", "released_at", "id"),
        Index("ix_released_version_exam", "signed_exam_id"),
    )

    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    is_current: Mapped[bool] = mapped_column(default=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    signed_exam_id: Mapped[str] = mapped_column(ForeignKey("signed_exam.id"))
    released_at: Mapped[datetime] = moment()
    body: Mapped[bytes] = mapped_column(LargeBinary)  # exact bytes, plain
    etag: Mapped[str] = mapped_column(String(64))  # SHA-256 of the body


class ReleasedIndex(Base):
    """One searchable value of one current released resource.

    Tokens stand as (system, value), strings folded in `value`, references as `Type/id` in `value`, dates as the
    lowest and highest moment that the literal covers. A date's row alone has no `value`: queries say which they ask.
    """

    __tablename__ = "released_index"
    __table_args__ = (
        # Narrow, and without the id: equal values lie side by side, and a signature's new ones are appended to them.
        Index("ix_released_index_value", "authority_id", "kind", "parameter", "value",
              sqlite_where=text("value is not null"), postgresql_where=text("value is not null")),
        Index("ix_released_index_date", "authority_id", "kind", "parameter", "low",
              sqlite_where=text("value is null"), postgresql_where=text("value is null")),
        Index("ix_released_index_resource", "id"),
    )

    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    authority_id: Mapped[str] = mapped_column(String(16))  # as its released version has it, where it is a foreign key
    kind: Mapped[str] = mapped_column(String(40))
    id: Mapped[str] = mapped_column(String(64))
    parameter: Mapped[str] = mapped_column(String(40))
    system: Mapped[str | None] = mapped_column(String(200))
    value: Mapped[str | None] = mapped_column(String(300))
    written: Mapped[str | None] = mapped_column(String(300))  # a string as it stands in the resource, for :exact
    low: Mapped[datetime | None] = moment()
    high: Mapped[datetime | None] = moment()


class UsedAssertion(Base):
    """A client assertion's `jti`, kept until it would have expired anyway, so that it cannot be used again."""

    __tablename__ = "used_assertion"

    client_id: Mapped[str] = mapped_column(ForeignKey("authority_client.id"), primary_key=True)
    jti: Mapped[str] = mapped_column(String(200), primary_key=True)
    expires_at: Mapped[datetime] = moment()
