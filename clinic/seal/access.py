"""Units of work on the database that a stream of the audit lies in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from clinic.audit import audit_engine
from clinic.db import read_unit, write_unit
from clinic.seal.table import CHANGE, Stream


@contextmanager
def reading(stream: Stream) -> Iterator[Connection]:
    """A connection that only reads the stream's rows and seals."""
    if stream is CHANGE:
        with read_unit() as session:
            yield session.connection()
    else:
        with audit_engine().connect() as connection:
            yield connection


@contextmanager
def writing(stream: Stream) -> Iterator[Connection]:
    """A short unit that writes a seal; it commits at its end."""
    if stream is CHANGE:
        with write_unit() as session:
            yield session.connection()
    else:
        with audit_engine().begin() as connection:
            yield connection
