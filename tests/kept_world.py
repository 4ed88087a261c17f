"""A world that is built once in each test process and put back as it was for every test that asks for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
from psycopg import sql

from clinic.audit import audit_engine, reads_metadata
from clinic.db import Base, db, set_mode
from tests.postgresql import Emptier
from tests.world import World, build_world


class KeptWorld:
    """To build it takes seconds, to put it back milliseconds.

    Of SQLite the folder is kept, with the database in it; of PostgreSQL the rows too, which are put into the emptied
    tables, those first to which others refer. What a test did to the world before is gone with that test's database.
    For tests that read: what the application remembers of a version of a row it remembers in the next test too.
    """

    def __init__(self, folder: Path, kept: Path, url: str) -> None:
        self._folder, self._kept, self._url = folder, kept, url.replace("+psycopg", "")
        self._world: World | None = None
        self._rows: list[tuple[sql.Composable, bytes]] = []

    def give(self) -> World:
        """The world in an empty database; a unit of work that writes is open afterwards, as in any test."""
        if self._world is None:
            world = build_world()
            db.session.commit()
            self._let_go()
            shutil.copytree(self._folder, self._kept)
            if self._url:
                self._read_rows()
            self._world = world
        else:
            self._let_go()
            shutil.rmtree(self._folder)
            shutil.copytree(self._kept, self._folder)
            if self._url:
                self._write_rows()
        set_mode("write")
        return self._world

    @staticmethod
    def _let_go() -> None:
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()

    def _read_rows(self) -> None:
        with psycopg.connect(self._url) as connection:
            names = [table.name for table in (*Base.metadata.sorted_tables, *reads_metadata.sorted_tables)]
            for table in (sql.Identifier(name) for name in names if name not in Emptier.KEPT):
                with connection.cursor().copy(sql.SQL("copy {} to stdout (format binary)").format(table)) as rows:
                    self._rows.append((table, b"".join(bytes(part) for part in rows)))

    def _write_rows(self) -> None:
        with psycopg.connect(self._url) as connection:
            for table, kept in self._rows:
                with connection.cursor().copy(sql.SQL("copy {} from stdin (format binary)").format(table)) as rows:
                    rows.write(kept)
