"""Rows of both streams of the audit for tests, sealed and tampered with as somebody who writes the database would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import text

from clinic import clock
from clinic.audit import record_change, record_read
from clinic.config import get_settings
from clinic.db import db, set_mode, write_unit
from clinic.seal.access import reading, writing
from clinic.seal.head import Head, get_heads_path, read_heads
from clinic.seal.sealing import seal_batch
from clinic.seal.table import READ, Stream
from clinic.seal.verification import Finding, Kind, Report, Verification
from clinic.signing_key import load_signing_key

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after the tests' morning began."""
    return START + timedelta(minutes=minutes)


def close_unit() -> None:
    """End the write unit that the application fixture opened."""
    db.session.commit()
    set_mode("read")


def write(stream: Stream, minutes: Sequence[float]) -> list[str]:
    """One row at each of these minutes; their ids."""
    before = set(list_ids(stream))
    for minute in minutes:
        with clock.stopped_at(at(minute)):
            if stream is READ:
                record_read("user", f"u{minute}", "read", "case", "c1", case_id="c1", detail={"path": "/cases/c1"})
            else:
                with write_unit():
                    record_change("save", "case", "c1", case_id="c1", detail={"minute": minute}, actor_id="u1")
    return [row_id for row_id in list_ids(stream) if row_id not in before]


def seal(stream: Stream, minute: float) -> int:
    """Seal one batch by a clock at this minute; how many rows it holds."""
    with clock.stopped_at(at(minute)):
        return seal_batch(stream, get_settings(current_app))


def check(
    stream: Stream, minute: float = 30, heads: Sequence[Head] = ()
) -> tuple[list[tuple[Kind, str]], Report]:
    """What the check finds, as (kind, id), and its report."""
    key = load_signing_key(get_settings(current_app))
    with clock.stopped_at(at(minute)):
        verification = Verification(stream, {key.kid: key.private.public_key()}, heads)
        found: list[Finding] = list(verification.run())
    return [(finding.kind, finding.id) for finding in found], verification.report


def list_ids(stream: Stream) -> list[str]:
    """The ids of a stream's rows in order."""
    with reading(stream) as connection:
        return list(connection.execute(text(f"select id from {stream.rows.name} order by id")).scalars())


def tamper(stream: Stream, statement: str, **values: object) -> None:
    """Run raw SQL where the stream lies; {rows} is its table."""
    with writing(stream) as connection:
        statement = statement.replace("{rows}", stream.rows.name)
        changed = connection.execute(text(statement), {"stream": stream.name} | values)
        assert changed.rowcount, "nothing was tampered with"


def insert_row(stream: Stream, row_id: str, minute: float) -> None:
    """A row that nobody's screen wrote."""
    tamper(stream, "insert into {rows} (id, happened_at, actor_kind, action, subject_kind, subject_id, detail)"
                   " values (:id, :at, 'user', 'read', 'case', 'c1', :detail)",
           id=row_id, at=stamp(minute), detail="{}")


def stamp(minute: float) -> object:
    """The moment as the database's driver takes it."""
    return f"{at(minute):%Y-%m-%d %H:%M:%S.%f}" if db.engine.dialect.name == "sqlite" else at(minute)


def kept_heads() -> list[Head]:
    """The heads in the file beside the database."""
    return list(read_heads(get_heads_path(get_settings(current_app))))
