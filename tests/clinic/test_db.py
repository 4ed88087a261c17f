"""Units of work: readers cannot write, writers queue, and every table comes from the migrations."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.util.exc import CommandError
from flask import Flask
from sqlalchemy import event

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.counter import next_number
from clinic.db import WriteInReadUnit, db, read_unit, set_mode, write_unit
from clinic.models import Site
from integrations.supervisor import count_threads
from wsgi import create_app


def _site(code: str) -> Site:
    return Site(code=code, name="A", city="B", country="KEN", time_zone="Africa/Nairobi")


def test_write_in_read_unit_raises(app: Flask) -> None:
    set_mode("read")
    with read_unit(), pytest.raises(WriteInReadUnit):
        db.session.add(_site("AAA"))
        db.session.flush()


def test_files_are_our_accounts_alone_in_a_folder_that_others_may_read(settings: Settings, tmp_path: Path) -> None:
    if settings.database_url.startswith("postgresql"):
        pytest.skip("the server keeps its own files")
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    app = create_app(replace(settings, var_dir=folder, database_url=""))
    with app.app_context():
        migration.upgrade()
        with write_unit():
            db.session.add(_site("AAA"))
        db.session.remove()
    found = {path.name: oct(path.stat().st_mode & 0o077) for path in folder.glob("*.sqlite3*")}
    assert len(found) >= 2 and set(found.values()) == {"0o0"}, found


def test_write_unit_commits_and_error_rolls_back(app: Flask) -> None:
    set_mode("read")
    with write_unit():
        db.session.add(_site("AAA"))
    with pytest.raises(ZeroDivisionError), write_unit():
        db.session.add(_site("BBB"))
        db.session.flush()
        raise ZeroDivisionError
    with read_unit():
        assert [s.code for s in db.session.query(Site)] == ["AAA"]


def test_every_thread_of_a_web_worker_keeps_a_connection(app: Flask, settings: Settings) -> None:
    made: list[object] = []
    event.listen(db.engine, "connect", note := lambda driver, _record: made.append(driver))
    together = threading.Barrier(count_threads(settings), timeout=30)

    def read() -> None:
        with app.app_context(), read_unit():
            db.session.query(Site).all()
            together.wait()

    def read_together() -> None:
        threads = [threading.Thread(target=read) for _each in range(together.parties)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    try:
        read_together()
        before = len(made)
        read_together()
    finally:
        event.remove(db.engine, "connect", note)
    assert len(made) == before


def test_four_writers_at_once_give_each_number_once(app: Flask) -> None:
    set_mode("read")
    with write_unit():
        site = _site("AAA")
        db.session.add(site)
        db.session.flush()
        site_id = site.id
    numbers: list[int] = []

    def work() -> None:
        with app.app_context():
            for _ in range(10):
                with write_unit():
                    number = next_number(site_id, "case")
                numbers.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))


def test_migrations_make_exactly_the_tables_of_the_models(app: Flask) -> None:
    db.session.rollback()
    try:
        command.check(migration.alembic_config())
    except CommandError as error:
        pytest.fail(f"make a migration: {error}")


def test_older_database_with_rows_is_brought_forward(tmp_path: Path) -> None:
    """SQLite makes changed tables anew; rows that others point at must not be in the way, and none may be lost."""
    app = create_app(Settings(var_dir=tmp_path, secret_key="test-secret"))
    tables = ("site", "user", "applicant", "authority", "health_case", "requirement", "requirement_reason")
    with app.app_context():
        set_mode("write")
        command.upgrade(migration.alembic_config(), "0004")
        with db.engine.connect() as connection:
            connection.exec_driver_sql("pragma defer_foreign_keys = on")
            for table in tables:
                needed = [row for row in connection.exec_driver_sql(f'pragma table_info("{table}")') if row[3]]
                values = ["2026-01-01 00:00:00" if "DATE" in row[2] else "1" for row in needed]
                names = ", ".join(f'"{row[1]}"' for row in needed)
                places = ", ".join("?" for _row in needed)
                connection.exec_driver_sql(f'insert into "{table}" ({names}) values ({places})', tuple(values))
            connection.commit()
        command.upgrade(migration.alembic_config(), "head")
        with db.engine.connect() as connection:
            for table in tables:
                assert connection.exec_driver_sql(f'select count(*) from "{table}"').scalar() == 1, table
            assert connection.exec_driver_sql("pragma foreign_keys").scalar() == 1
            connection.rollback()
        set_mode("read")
        db.engine.dispose()
        audit_engine().dispose()


TAKES_ALL = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    except OSError:
        print("somebody reads it")
"""  # SQLite's bytes of who has the database open (sqlite.org/fileformat2.html#the_lock_byte_page)


def test_who_connects_takes_no_lock_from_another_connection(tmp_path: Path) -> None:
    """A file that is closed takes its locks from the whole process, and other processes would write over ours."""
    app = create_app(Settings(var_dir=tmp_path, secret_key="test-secret"))
    with app.app_context():
        path = str(db.engine.url.database)

        def is_open() -> bool:
            return "reads" in subprocess.run([sys.executable, "-c", TAKES_ALL, path], capture_output=True, text=True,
                                             check=True).stdout

        with db.engine.connect() as one:
            one.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            assert is_open()
            with db.engine.connect() as other:
                other.exec_driver_sql("SELECT count(*) FROM sqlite_master")
                assert is_open()
        db.engine.dispose()
        audit_engine().dispose()
        assert not is_open()
