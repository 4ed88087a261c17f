"""A database that is filled once and put back to what it was before every walk, on SQLite or on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from flask import g
from sqlalchemy import event, text

from clinic import clock, migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import current_mode, db, read_unit, set_mode
from fhir.projection import list_differences
from tests.fuzz.harness import Finding
from wsgi import create_app

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TICK, LONGEST = timedelta(milliseconds=1), timedelta(seconds=20)


class Ticking:
    """A clock that moves by a millisecond whenever somebody looks: ids, which begin with the time, keep their order."""

    def __init__(self, start: datetime = START) -> None:
        self.moment = self.begun = start

    def now(self) -> datetime:
        """A little later than before."""
        self.moment += TICK
        return self.moment

    def hold(self) -> None:
        """From here on it goes, again and again."""
        self.begun = self.moment

    def go_back(self) -> None:
        """Before sign-ins end and waits are over, and seldom: what the house remembers by the time is another's."""
        if self.moment - self.begun > LONGEST:
            self.moment = self.begun


@contextmanager
def ticking(start: datetime = START) -> Iterator[Ticking]:
    """Let everybody look at such a clock."""
    given, made = clock.now, Ticking(start)
    clock.now = made.now
    try:
        yield made
    finally:
        clock.now = given


def _hurry(connection: Any, _record: Any) -> None:
    """Nobody pulls the plug here, so nothing waits for the disk."""
    connection.execute("pragma synchronous = off")


class World:
    """The whole application over a database of its own."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.url = database_url
        self.var = folder / "var"
        self.app = create_app(Settings(var_dir=self.var, secret_key="fuzz-secret", database_url=database_url))
        self.app.config.update(TESTING=True)
        if self.is_sqlite:
            with self.app.app_context():
                for engine in (db.engine, audit_engine()):
                    event.listen(engine, "connect", _hurry)
        self._kept, self._commits = folder / "kept", 0
        if not self.is_sqlite:
            with self.app.app_context():
                event.listen(db.engine, "commit", self._count_commit)

    @property
    def is_sqlite(self) -> bool:
        """Whether it lies in files."""
        return not self.url

    def build(self, make: Callable[[], None]) -> None:
        """Migrate, let `make` write and commit, and keep what is there now as the beginning of every walk."""
        with self.app.app_context():
            migration.upgrade()
            set_mode("write")
            make()
            db.session.commit()
            db.session.remove()
            set_mode("read")
            self._let_go()
        if self.is_sqlite:
            self._kept.mkdir()
            for file in self._list_files():
                shutil.copy(file, self._kept)
        else:
            self._recreate(self.url + "_kept", self.url)

    def reset(self) -> None:
        """Everything as it was after `build`."""
        with self.app.app_context():
            self._let_go()
        if self.is_sqlite:
            for file in self._list_files():
                file.unlink()
            for file in self._kept.iterdir():
                shutil.copy(file, self.var)
        else:
            self._recreate(self.url, self.url + "_kept")

    def close(self) -> None:
        """Let the database go."""
        with self.app.app_context():
            self._let_go()
        if not self.is_sqlite:
            with psycopg.connect(self._server(), autocommit=True) as connection:
                connection.execute(f'drop database if exists "{self.url.rsplit("/", 1)[1]}_kept" with (force)')

    def check(self, compares: bool = True) -> None:
        """References lead somewhere, and, if `compares`, the stored resources equal what the rows say."""
        with self.app.app_context(), read_unit() as session:
            if self.is_sqlite:
                broken = session.execute(text("pragma foreign_key_check")).all()
                if broken:
                    raise Finding(f"rows that refer to nothing: {broken[:5]}")
            differences = [f"{one.what}: {one.kind}" for one in list_differences(session)] if compares else []
        if differences:
            raise Finding(f"the stored resources differ from the rows: {differences[:5]}")

    def find_version(self) -> int:
        """A number that changes when somebody else commits to the clinic's tables."""
        if not self.is_sqlite:
            return self._commits
        with self.app.app_context():
            if not hasattr(self, "_watch"):
                self._watch = db.engine.raw_connection()
            return int(self._watch.cursor().execute("pragma data_version").fetchone()[0])

    def forget_request(self) -> None:
        """Nothing of one request is seen by the next."""
        for name in list(g) if g else ():
            g.pop(name)

    def _count_commit(self, _connection: Any) -> None:
        if current_mode() == "write":
            self._commits += 1

    def _let_go(self) -> None:
        if hasattr(self, "_watch"):
            self._watch.close()
            del self._watch
        db.engine.dispose()
        audit_engine().dispose()

    def _list_files(self) -> list[Path]:
        return [file for file in self.var.iterdir() if ".sqlite3" in file.name]

    def _server(self) -> str:
        return self.url.replace("+psycopg", "").rsplit("/", 1)[0] + "/postgres"

    def _recreate(self, url: str, template: str) -> None:
        name, source = url.rsplit("/", 1)[1], template.rsplit("/", 1)[1]
        with psycopg.connect(self._server(), autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')
            connection.execute(f'create database "{name}" template "{source}"')
