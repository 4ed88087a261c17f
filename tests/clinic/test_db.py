"""Units of work: readers cannot write, writers queue, and every table comes from the migrations."""

from __future__ import annotations

import threading

import pytest
from alembic import command
from alembic.util.exc import CommandError
from flask import Flask

from clinic import migration
from clinic.counter import next_number
from clinic.db import WriteInReadUnit, db, read_unit, set_mode, write_unit
from clinic.models import Site


def _site(code: str) -> Site:
    return Site(code=code, name="A", city="B", country="KEN", time_zone="Africa/Nairobi")


def test_write_in_read_unit_raises(app: Flask) -> None:
    set_mode("read")
    with read_unit(), pytest.raises(WriteInReadUnit):
        db.session.add(_site("AAA"))
        db.session.flush()


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
