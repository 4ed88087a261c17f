"""What the sandbox authorities have received, in an SQLite file of their own: they share nothing with the clinic."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations.sandbox.behaviour import Behaviour

TABLES = """
create table if not exists received (
    authority text not null, idempotency_key text not null, received_at text not null, bundle_id text not null,
    sha256 text not null, jws text not null, signature text not null,
    size integer not null, summary text not null, receipt text not null,
    acknowledged_at text, times integer not null default 1, body blob not null,
    primary key (authority, idempotency_key));
create table if not exists switch (authority text primary key, behaviour text not null);
"""
COLUMNS = (
    "idempotency_key, received_at, bundle_id, sha256, jws, signature, size, summary, receipt, acknowledged_at, times"
)


@dataclass(frozen=True)
class Receipt:
    """One exam as a sandbox authority received it; `times` counts how often it was sent, it is stored once."""

    idempotency_key: str
    received_at: str  # ISO 8601, UTC
    bundle_id: str
    sha256: str
    jws: str
    signature: str  # a SignatureState
    size: int
    summary: str
    receipt: str
    acknowledged_at: str | None
    times: int
    is_message: bool = False  # HL7 v2, otherwise a FHIR document


class SandboxStore:
    """The inboxes and switches of every sandbox authority."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connect() as connection:
            connection.executescript("pragma journal_mode = wal;" + TABLES)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=15)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def add(self, authority: str, receipt: Receipt, body: bytes) -> tuple[Receipt, bool]:
        """Store an exam under its key, once; gives back what is stored, and whether it was there already."""
        with self._connect() as connection:
            connection.execute("begin immediate")
            found = self._find(connection, authority, receipt.idempotency_key)
            if found is not None:
                connection.execute(
                    "update received set times = times + 1 where authority = ? and idempotency_key = ?",
                    (authority, receipt.idempotency_key),
                )
                return found, True
            connection.execute(
                f"insert into received (authority, {COLUMNS}, body)"  # noqa: S608
                f" values ({', '.join('?' * 13)})",
                (
                    authority, receipt.idempotency_key, receipt.received_at, receipt.bundle_id, receipt.sha256,
                    receipt.jws, receipt.signature, receipt.size, receipt.summary, receipt.receipt,
                    receipt.acknowledged_at, receipt.times, body,
                ),
            )  # fmt: skip
            return receipt, False

    def find(self, authority: str, idempotency_key: str) -> Receipt | None:
        """What is stored under a key."""
        with self._connect() as connection:
            return self._find(connection, authority, idempotency_key)

    def find_body(self, authority: str, idempotency_key: str) -> bytes | None:
        """The exact bytes received under a key."""
        with self._connect() as connection:
            row = connection.execute(
                "select body from received where authority = ? and idempotency_key = ?", (authority, idempotency_key)
            ).fetchone()
        return row[0] if row else None

    def list_received(self, authority: str, limit: int = 200) -> list[Receipt]:
        """The inbox, newest first."""
        with self._connect() as connection:
            rows = connection.execute(
                f"select {COLUMNS}, substr(body, 1, 3) = cast('MSH' as blob) from received"  # noqa: S608
                " where authority = ?"
                " order by received_at desc, rowid desc limit ?",
                (authority, limit),
            )
            return [Receipt(*row) for row in rows]

    def acknowledge(self, authority: str, idempotency_key: str, moment: str) -> None:
        """The authority's own word, given later by a person."""
        with self._connect() as connection:
            connection.execute(
                "update received set acknowledged_at = coalesce(acknowledged_at, ?)"
                " where authority = ? and idempotency_key = ?",
                (moment, authority, idempotency_key),
            )

    def get_behaviour(self, authority: str) -> Behaviour:
        """How the authority behaves now; it accepts unless told otherwise."""
        with self._connect() as connection:
            row = connection.execute("select behaviour from switch where authority = ?", (authority,)).fetchone()
        return Behaviour(row[0]) if row else Behaviour.ACCEPT

    def set_behaviour(self, authority: str, behaviour: Behaviour) -> None:
        """Throw an authority's switch."""
        with self._connect() as connection:
            connection.execute(
                "insert into switch values (?, ?) on conflict (authority) do update set behaviour = excluded.behaviour",
                (authority, behaviour.value),
            )

    def reset(self, authority: str) -> None:
        """Empty an inbox and let the authority accept again."""
        with self._connect() as connection:
            connection.execute("delete from received where authority = ?", (authority,))
            connection.execute("delete from switch where authority = ?", (authority,))

    def _find(self, connection: sqlite3.Connection, authority: str, idempotency_key: str) -> Receipt | None:
        row = connection.execute(
            f"select {COLUMNS} from received where authority = ? and idempotency_key = ?",  # noqa: S608
            (authority, idempotency_key),
        ).fetchone()
        return Receipt(*row) if row else None
