"""The database: units of work that say at their start whether they write, on SQLite and on PostgreSQL.

A read unit never writes (a write in it raises); a write unit takes, on SQLite, a file lock and `BEGIN IMMEDIATE`
before it reads anything, so that several processes neither starve nor deadlock
(docs/decisions/0002-units-of-work.md).
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock
from typing import Any, Literal

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session

from clinic.file_lock import take_file_lock

Mode = Literal["read", "write"]
LOCK_PATIENCE_SECONDS = 15.0  # longer than any write unit we allow; a person would have given up by then
TRUST_SECONDS = 10.0  # since its last use, in which a connection to PostgreSQL is not asked whether it is there
_USED = "used"  # key of a pooled connection's record
_beginning = Lock()  # nobody connects to a file that is just being made

_mode: ContextVar[Mode] = ContextVar("unit_of_work", default="read")
_patience: ContextVar[float | None] = ContextVar("patience", default=None)  # None: LOCK_PATIENCE_SECONDS

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of every table of all three packages: one metadata, one line of migrations."""

    metadata = MetaData(naming_convention=NAMING)


db = SQLAlchemy(model_class=Base)


class WriteInReadUnit(RuntimeError):
    """A programmer's error: something tried to write in a unit of work that said it only reads."""


def set_mode(mode: Mode) -> None:
    """Say what the unit of work that starts now will do; called by the web layer for each request."""
    _mode.set(mode)


def current_mode() -> Mode:
    """What the present unit of work said it would do."""
    return _mode.get()


@contextmanager
def read_unit() -> Iterator[Session]:
    """A unit that only reads; whatever transaction was open before is ended first."""
    with _unit("read") as session:
        yield session


@contextmanager
def write_unit() -> Iterator[Session]:
    """A unit that writes and commits once at its end; rolled back if anything raises.

    Raises Unavailable when another writer keeps the embedded database too long; nothing is saved then.
    """
    with _unit("write") as session:
        yield session
        session.commit()


@contextmanager
def write_at_once() -> Iterator[Connection]:
    """A short write on a connection of its own, beside whatever unit is open and independent of its fate.

    It never waits: raises Unavailable at once where the embedded database has another writer just now.
    """
    mode, patience = _mode.set("write"), _patience.set(0.0)
    try:
        with db.engine.begin() as connection:
            yield connection
    finally:
        _patience.reset(patience)
        _mode.reset(mode)


@contextmanager
def write_connection() -> Iterator[Connection]:
    """A write unit without a session, for statements alone: what many small commits a second can afford.

    It waits for other writers as every write unit does, and commits once at its end. Nothing may be open before.
    """
    mode = _mode.set("write")
    try:
        with db.engine.begin() as connection:
            yield connection
    finally:
        _mode.reset(mode)


@contextmanager
def _unit(mode: Mode) -> Iterator[Session]:
    session = db.session()
    if _mode.get() == "write" and session.in_transaction():
        raise RuntimeError("a write unit is already open; services must not open their own")
    session.rollback()
    token = _mode.set(mode)
    try:
        yield session
    except BaseException:
        session.rollback()
        raise
    finally:
        session.rollback()
        _mode.reset(token)


def install_units(engine: Engine) -> None:
    """Make `engine` begin its transactions as the current unit of work says."""
    if engine.dialect.name == "sqlite":
        _install_sqlite(engine)
    else:
        _install_postgresql(engine)


def _install_sqlite(engine: Engine) -> None:
    lock_path = find_lock_path(engine)
    keep_to_ourselves(engine)

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # we emit BEGIN ourselves
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # WAL + NORMAL may lose the last commits on power loss
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA busy_timeout = 15000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if _mode.get() == "write":
            if lock_path:
                patience = _patience.get()
                connection.info["write_lock"] = take_file_lock(
                    lock_path, LOCK_PATIENCE_SECONDS if patience is None else patience)
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except BaseException:
                _release(connection)
                raise
        else:
            _driver(connection).execute("BEGIN")

    @event.listens_for(engine, "commit")
    def _commit(connection: Connection) -> None:
        # The event comes before the COMMIT itself, and a commit may still fail: do it here, then let go.
        lock = connection.info.get("write_lock")
        if lock is not None:
            _driver(connection).commit()
            _release(connection)

    @event.listens_for(engine, "rollback")
    def _rollback(connection: Connection) -> None:
        if connection.info.get("write_lock") is not None:
            _driver(connection).rollback()
            _release(connection)

    @event.listens_for(engine, "checkin")
    def _checkin(_dbapi_connection: Any, record: Any) -> None:
        lock = record.info.pop("write_lock", None)
        if lock is not None:
            os.close(lock)


def _install_postgresql(engine: Engine) -> None:
    check_before_use(engine)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if _mode.get() == "read":
            _driver(connection).read_only = True  # which the driver says with its BEGIN

    @event.listens_for(engine, "checkin")
    def _checkin(driver: Any, _record: Any) -> None:
        if driver is not None and driver.read_only and not driver.closed:
            driver.read_only = None


def check_before_use(engine: Engine) -> None:
    """Let no unit begin on a connection to PostgreSQL that the server has closed, as `pool_pre_ping` does.

    A question for each unit would cost as much as one of its own. Whoever hangs up says so on the socket, which is
    looked at instead; a connection that nobody has used for a while is asked all the same.
    """
    dialect = engine.dialect

    @event.listens_for(engine, "checkin")
    def _note_use(_driver: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _check(driver: Any, record: Any, _proxy: Any) -> None:
        used = record.info.get(_USED)
        if used is None:
            return  # just made
        try:
            if _says_something(driver) or time.monotonic() - used > TRUST_SECONDS:
                dialect.do_ping(driver)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _says_something(driver: Any) -> bool:
    """Whether the server sent something without being asked: that it hung up, mostly."""
    socket = select.poll()
    socket.register(driver.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(socket.poll(0))


class DriverLine:
    """Statements in the words of the database, without SQLAlchemy's own part of them, in one transaction.

    Faults are SQLAlchemy's, without values: a connection that broke is not used again, and the error says that it did.
    """

    def __init__(self, connection: Connection) -> None:
        """`connection` has begun its transaction, which the line is not used after."""
        self.dialect = connection.dialect
        self._connection, self._driver = connection, _driver(connection)
        self._watchers = tuple(connection.dispatch.before_cursor_execute)  # who watches statements sees these too
        self._fault: type[Exception] = connection.dialect.loaded_dbapi.Error

    def run(self, statement: str, values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        cursor = self._driver.cursor()
        for listen in self._watchers:
            listen(self._connection, cursor, statement, values, None, False)
        try:
            cursor.execute(statement, values)
            result = getattr(cursor, "pgresult", None)  # psycopg makes its description anew whenever it is asked for
            return cursor.fetchall() if (cursor.description if result is None else result.nfields) else []
        except self._fault as error:
            raise say_fault(self._connection, cursor, statement, error) from error


def run_by_driver(connection: Connection, statement: str, values: Any) -> list[tuple[Any, ...]]:
    """The rows of one statement as a `DriverLine` gives them."""
    return DriverLine(connection).run(statement, values)


def say_fault(connection: Connection, cursor: Any, statement: str, error: BaseException) -> BaseException:
    """A driver's fault as SQLAlchemy says it, without values; a connection that broke is not used again."""
    dialect = connection.dialect
    is_broken = dialect.is_disconnect(error, _driver(connection), cursor)  # type: ignore[arg-type]
    if is_broken:
        connection.invalidate(error)
    return DBAPIError.instance(statement, None, error, dialect.loaded_dbapi.Error, hide_parameters=True,
                               connection_invalidated=is_broken, dialect=dialect)


@contextmanager
def without_waiting(connection: Connection) -> Iterator[None]:
    """Let what `run_by_driver` says in here go to PostgreSQL on one way there and back.

    For statements whose answers nobody needs. The fault of any of them is raised at the end at the latest, as
    SQLAlchemy's. SQLite has no way there and back.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    try:
        with _driver(connection).pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise say_fault(connection, None, "several statements", error) from error


def keep_to_ourselves(engine: Engine) -> None:
    """Let an embedded database begin as a file that nobody else can read, and its log with it, whatever the folder.

    A file that is there is never opened here: to close it would take SQLite's own locks of it from every connection of
    this process, and another process would write over what they write (sqlite.org/howtocorrupt.html, 2.2).
    """
    path = engine.url.database

    @event.listens_for(engine, "do_connect")
    def _begin(_dialect: Any, _record: Any, _arguments: Any, _named: Any) -> None:
        if path and path != ":memory:":
            with _beginning, suppress(OSError):  # it is there; else the connection itself says what is wrong
                os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def find_lock_path(engine: Engine) -> str | None:
    """The file whose lock orders the writers of an embedded database; None where there is none."""
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    return f"{path}.lock" if path and path != ":memory:" else None


def _release(connection: Connection) -> None:
    lock = connection.info.pop("write_lock", None)
    if lock is not None:
        os.close(lock)


@event.listens_for(Session, "before_flush")
def _refuse_flush_in_read_unit(session: Session, _context: Any, _instances: Any) -> None:
    if _mode.get() == "read" and (session.new or session.deleted or _has_changes(session)):
        raise WriteInReadUnit("a read unit tried to write; mark the route as writing or use write_unit()")


@event.listens_for(Session, "do_orm_execute")
def _refuse_statement_in_read_unit(state: ORMExecuteState) -> None:
    if _mode.get() == "read" and (state.is_insert or state.is_update or state.is_delete):
        raise WriteInReadUnit("a read unit tried to write; mark the route as writing or use write_unit()")


def _has_changes(session: Session) -> bool:
    return any(session.is_modified(row) for row in session.dirty)
