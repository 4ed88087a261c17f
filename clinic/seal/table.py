"""Where seals lie: beside the rows they close, so in the main database for changes and in the reads' own for reads.

On PostgreSQL both are one database; `stream` tells them apart. Rows of the audit themselves are never touched.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

from clinic.audit import audit_read
from clinic.models import AuditChange
from clinic.models.column import Instant

seal_metadata = MetaData()

audit_seal = Table(
    "audit_seal", seal_metadata,
    Column("stream", String(8), primary_key=True),  # change, read
    Column("number", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3, … without a gap
    Column("layout", Integer, nullable=False),  # which columns were sealed, and how (row.py)
    Column("sealed_at", Instant(), nullable=False),
    Column("complete_to", Instant(), nullable=False),  # whatever happened before is in this seal or an earlier one
    Column("count", Integer, nullable=False),
    Column("first_id", String(80), nullable=False),
    Column("last_id", String(80), nullable=False),
    Column("members", String(64), nullable=False),  # SHA-256 over the members in their order
    Column("previous", String(64), nullable=False),  # the hash of the seal before; empty for the first
    Column("hash", String(64), nullable=False),
    Column("witness", String(90)),  # the newest seal of the other stream, as a head; none before it had one
    Column("signature", Text, nullable=False),  # detached JWS of the installation's key over the sealed statement
)

audit_seal_member = Table(
    "audit_seal_member", seal_metadata,
    Column("stream", String(8), primary_key=True),
    Column("row_id", String(80), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of the row's canonical bytes
    UniqueConstraint("stream", "number", "position"),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True)
class Stream:
    """One chain of seals and the rows it closes."""

    name: str
    rows: Table


CHANGE = Stream("change", AuditChange.__table__)  # type: ignore[arg-type]
READ = Stream("read", audit_read)
STREAMS = (CHANGE, READ)


def find_other(stream: Stream) -> Stream:
    """The stream that lies beside this one."""
    return READ if stream is CHANGE else CHANGE
