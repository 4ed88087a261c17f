"""Signed exams: immutable FHIR documents with digest and detached signature."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic.db import Base
from clinic.models.column import key, moment

IN_FORCE = "valid_until is not null and revoked_at is null"  # the WHERE of the partial index of what will end


class SignedExam(Base):
    """One version of a signed exam; an amendment is a new row that names the one it replaces."""

    __tablename__ = "signed_exam"
    __table_args__ = (
        UniqueConstraint("case_id", "version"),
        Index("ix_signed_exam_ending", "valid_until", sqlite_where=text(IN_FORCE), postgresql_where=text(IN_FORCE)),
    )

    id: Mapped[str] = key()  # also the id of the document Bundle
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    authority_id: Mapped[str] = mapped_column(ForeignKey("authority.id"), index=True)
    conclusion_id: Mapped[str] = mapped_column(ForeignKey("conclusion.id"))
    version: Mapped[int]  # 1, 2, …
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("signed_exam.id"), index=True)
    amendment_reason: Mapped[str | None] = mapped_column(Text)
    document: Mapped[bytes] = mapped_column(LargeBinary)  # gzip of the Bundle's exact bytes
    size: Mapped[int]  # of the Bundle, uncompressed, in bytes
    sha256: Mapped[str] = mapped_column(String(64))  # of the Bundle's exact bytes, hexadecimal
    jws: Mapped[str] = mapped_column(Text)  # detached (RFC 7797), ES384, over the Bundle's exact bytes
    signed_at: Mapped[datetime] = moment()
    signed_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    # The printed packet; none of a version that was signed before anything was printed. Read only when asked for.
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    pdf_sha256: Mapped[str | None] = mapped_column(String(64), index=True)  # of the PDF's exact bytes, hexadecimal
    verify_token: Mapped[str | None] = mapped_column(String(32), index=True, unique=True)  # 128 random bits
    valid_until: Mapped[date | None]  # as the conclusion has it: the last day; none of an exam that clears nobody
    revoked_at: Mapped[datetime | None] = moment()
    revoked_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    revocation_reason: Mapped[str | None] = mapped_column(Text)
