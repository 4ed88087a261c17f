"""What a fault of disk or database means for the person who waits: one sentence that says what to do.

Drivers tell such faults by numbers and words of their own; only this file knows them.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from enum import StrEnum

import psycopg
from flask_babel import gettext as _
from psycopg import errors as postgresql
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from clinic.db import current_mode
from clinic.errors import ClearwayError, DamagedStore, StorageFull, Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
UNWRITABLE = frozenset({errno.EROFS, errno.EIO})


class StorageFault(StrEnum):
    """What is wrong with disk or database."""

    FULL = "full"
    UNWRITABLE = "unwritable"  # read-only, or the device answers with faults
    BUSY = "busy"
    GONE = "gone"  # nobody answers, or the connection broke
    UPGRADING = "upgrading"  # the tables are not those that this code knows
    DAMAGED = "damaged"


# Primary result codes of https://sqlite.org/rescode.html
SQLITE = {
    sqlite3.SQLITE_FULL: StorageFault.FULL, sqlite3.SQLITE_BUSY: StorageFault.BUSY,
    sqlite3.SQLITE_LOCKED: StorageFault.BUSY, sqlite3.SQLITE_READONLY: StorageFault.UNWRITABLE,
    sqlite3.SQLITE_IOERR: StorageFault.UNWRITABLE, sqlite3.SQLITE_CANTOPEN: StorageFault.UNWRITABLE,
    sqlite3.SQLITE_CORRUPT: StorageFault.DAMAGED, sqlite3.SQLITE_NOTADB: StorageFault.DAMAGED,
}  # fmt: skip
SQLITE_TABLES = ("no such table", "no such column")
POSTGRESQL: tuple[tuple[type[psycopg.Error], StorageFault], ...] = (
    (postgresql.DiskFull, StorageFault.FULL), (postgresql.DataCorrupted, StorageFault.DAMAGED),
    (postgresql.IndexCorrupted, StorageFault.DAMAGED), (postgresql.LockNotAvailable, StorageFault.BUSY),
    (postgresql.DeadlockDetected, StorageFault.BUSY), (postgresql.SerializationFailure, StorageFault.BUSY),
    (postgresql.TooManyConnections, StorageFault.BUSY), (postgresql.UndefinedTable, StorageFault.UPGRADING),
    (postgresql.UndefinedColumn, StorageFault.UPGRADING),
)  # fmt: skip


def find_storage_fault(error: BaseException) -> StorageFault | None:
    """What is wrong with disk or database when `error` says so itself, or by what caused it; else None."""
    for one in _list_causes(error):
        found = _judge(one)
        if found is not None:
            return found
    return None


def describe_storage_fault(fault: StorageFault) -> ClearwayError:
    """The error to answer with, its sentence in the reader's language."""
    if fault is StorageFault.FULL:
        return StorageFull(_("The disk is full, so nothing was saved and no record can be opened. Tell the clinic "
                             "administrator to make room; then do the same again."))
    if fault is StorageFault.DAMAGED:
        return DamagedStore(_("The database is damaged, and nothing was saved. Tell the clinic administrator at once: "
                              "the backup is needed."))
    return Unavailable({
        StorageFault.UNWRITABLE: _("The disk cannot be written to, so nothing was saved. Tell the clinic "
                                   "administrator; then do the same again."),
        StorageFault.BUSY: _("The database is busy and nothing was saved. Please try again."),
        StorageFault.UPGRADING: _("The system is being updated; nothing was saved. Try again in a minute."),
    }.get(fault, _("The database does not answer; nothing was saved. Try again in a minute.")))


def is_double(error: DBAPIError) -> bool:
    """Whether a unique key refused a row because the same was written a moment ago."""
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return isinstance(error.orig, postgresql.UniqueViolation) or code in (
        sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def _list_causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = getattr(current, "orig", None) or current.__cause__ or current.__context__


def _judge(error: BaseException) -> StorageFault | None:
    if isinstance(error, OSError):
        if error.errno in FULL:
            return StorageFault.FULL
        return StorageFault.UNWRITABLE if error.errno in UNWRITABLE else None
    if isinstance(error, sqlite3.Error):
        return _judge_sqlite(error)
    if isinstance(error, psycopg.Error):
        return _judge_postgresql(error)
    if isinstance(error, PoolExhausted):
        return StorageFault.BUSY
    if isinstance(error, PendingRollbackError):
        return StorageFault.GONE  # the connection broke a moment ago, in this very unit of work
    return StorageFault.GONE if isinstance(error, DBAPIError) and error.connection_invalidated else None


def _judge_sqlite(error: sqlite3.Error) -> StorageFault | None:
    words = str(error)
    if words.startswith(SQLITE_TABLES) or " has no column named " in words:
        return StorageFault.UPGRADING
    return SQLITE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)


def _judge_postgresql(error: psycopg.Error) -> StorageFault | None:
    for kind, fault in POSTGRESQL:
        if isinstance(error, kind):
            return fault
    if isinstance(error, postgresql.ReadOnlySqlTransaction):
        # In a unit that only reads it is a mistake in our code; else the server itself takes no writes.
        return StorageFault.UNWRITABLE if current_mode() == "write" else None
    return StorageFault.GONE if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
