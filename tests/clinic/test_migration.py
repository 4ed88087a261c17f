"""Migrations: one process at a time, never in the clinic's way, and only adding within a release."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.operations import AbstractOperations, ops
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import ROOT, Settings
from clinic.db import db, set_mode
from clinic.errors import Unavailable
from clinic.migration import RevisionAge, alembic_config, compare_revisions
from clinic.migration_rule import BASE, find_breach
from wsgi import create_app

# Revision → why it may take something away: the version that used it is one release past.
CONTRACTS: dict[str, str] = {}


def make_application(folder: Path, url: str = "") -> Flask:
    return create_app(Settings(var_dir=folder, database_url=url, secret_key="s" * 40))


def test_migrations_since_the_base_only_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: dict[str, list[Any]] = defaultdict(list)
    revision = ""
    invoke = AbstractOperations.invoke

    def record(self: Any, operation: Any) -> Any:
        done[revision].append(operation)
        return invoke(self, operation)

    monkeypatch.setattr(AbstractOperations, "invoke", record)
    app = make_application(tmp_path)
    with app.app_context():
        config = alembic_config()
        scripts = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][::-1]
        set_mode("write")
        try:
            for revision in scripts:
                command.upgrade(config, revision)
        finally:
            set_mode("read")
            db.engine.dispose()
            audit_engine().dispose()
    assert done["0001"] and any(find_breach(one, set()) for one in done[BASE]), "the recorder sees what is done"
    breaches, fresh = [], set()
    for one in scripts[scripts.index(BASE) + 1:]:
        fresh |= {each.table_name for each in done[one] if isinstance(each, ops.CreateTableOp)}
        found = [find_breach(each, fresh) for each in done[one]]
        breaches += [f"{one}: {words}" for words in found if words and one not in CONTRACTS]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize(("operation", "word"), [
    (ops.DropColumnOp("applicant", "name"), "takes away"),
    (ops.DropTableOp("applicant"), "takes away"),
    (ops.RenameTableOp("applicant", "person"), "takes away"),
    (ops.AddColumnOp("applicant", sa.Column("age", sa.Integer(), nullable=False)), "NOT NULL"),
    (ops.AlterColumnOp("applicant", "age", modify_nullable=False), "NOT NULL"),
    (ops.AlterColumnOp("applicant", "age", modify_name="years"), "renamed"),
    (ops.AlterColumnOp("applicant", "age", existing_type=sa.Integer(), modify_type=sa.String(9)), "another type"),
    (ops.AlterColumnOp("applicant", "n", existing_type=sa.String(9), modify_type=sa.String(5)), "another type"),
    (ops.CreateUniqueConstraintOp("uq", "applicant", ["age"]), "forbids"),
    (ops.CreateIndexOp("ix", "applicant", ["age"], unique=True), "forbids"),
    (ops.ExecuteSQLOp("alter table applicant drop age"), "another kind"),
])
def test_operation_that_breaks_the_version_before_is_named(operation: Any, word: str) -> None:
    assert word in (find_breach(operation, set()) or "")
    if getattr(operation, "table_name", None):
        assert find_breach(operation, {"applicant"}) is None, "nobody uses a table of the same release yet"


@pytest.mark.parametrize("operation", [
    ops.AddColumnOp("applicant", sa.Column("age", sa.Integer())),
    ops.AddColumnOp("applicant", sa.Column("age", sa.Integer(), nullable=False, server_default="0")),
    ops.AlterColumnOp("applicant", "age", modify_nullable=True),
    ops.AlterColumnOp("applicant", "n", existing_type=sa.String(5), modify_type=sa.String(9)),
    ops.CreateIndexOp("ix", "applicant", ["age"]),
    ops.DropIndexOp("ix", "applicant"),
    ops.ExecuteSQLOp("update applicant set age = 0"),
])
def test_operation_that_only_adds_passes(operation: Any) -> None:
    assert find_breach(operation, set()) is None


def test_database_before_and_after_this_code_is_told_apart(app: Flask) -> None:
    assert compare_revisions() is RevisionAge.CURRENT
    client = app.test_client()
    for found, age, fine in (("9999", RevisionAge.NEWER, True), ("0003", RevisionAge.OLDER, False)):
        head = db.session.execute(text("select version_num from alembic_version")).scalar_one()
        try:
            set_mode("write")
            db.session.execute(text("update alembic_version set version_num = :found"), {"found": found})
            db.session.commit()
            assert compare_revisions() is age
            answer = client.get("/readyz").get_json()
            assert answer["checks"]["migrations"] is fine
            assert any("newer than this program" in note for note in answer.get("notes", [])) is fine
        finally:
            db.session.rollback()
            set_mode("write")
            db.session.execute(text("update alembic_version set version_num = :head"), {"head": head})
            db.session.commit()


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    environment = {**os.environ, "CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_DATABASE_URL": "",
                   "CLEARWAY_SECRET_KEY": "s" * 40}  # fmt: skip
    started = [
        subprocess.Popen([sys.executable, "-m", "flask", "--app", "wsgi", "migrate"], cwd=ROOT, env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)


def test_migration_makes_way_for_a_long_read_and_changes_nothing(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.database_url:
        pytest.skip("SQLite's migrations wait under the lock of its writers")
    monkeypatch.setattr(migration, "PATIENCE_SECONDS", 0.0)
    db.session.rollback()
    head = migration.current_revision()
    with db.engine.connect() as reader:
        reader.execute(text("select count(*) from site"))
        waited: list[BaseException] = []

        def change(_config: Any, _revision: str) -> None:
            with db.engine.begin() as connection:
                connection.execute(text("set local lock_timeout = '100ms'"))
                connection.execute(text("alter table site add column extra integer"))

        monkeypatch.setattr(command, "upgrade", change)

        def run() -> None:
            with app.app_context():
                try:
                    migration.upgrade()
                except Unavailable as error:
                    waited.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(30)
    assert [str(error)[:35] for error in waited] == ["The tables could not be changed, be"]
    assert migration.current_revision() == head


def test_audit_of_an_earlier_version_is_brought_forward(tmp_path: Path) -> None:
    app = make_application(tmp_path)
    with app.app_context():
        try:
            migration.upgrade()
            made = _list_read_indexes()
            with audit_engine().begin() as connection:
                connection.exec_driver_sql("CREATE INDEX ix_audit_read_case_id ON audit_read (case_id)")
                connection.exec_driver_sql("DROP INDEX ix_audit_read_case")
                connection.exec_driver_sql("ALTER TABLE audit_seal DROP COLUMN witness")
            migration.upgrade()  # a database of an earlier version
            assert _list_read_indexes() == made
            assert "witness" in {column["name"] for column in sa.inspect(audit_engine()).get_columns("audit_seal")}
            assert {"ix_audit_read_case", "ix_audit_read_authority", "ix_audit_read_outside"} <= made
        finally:
            db.engine.dispose()
            audit_engine().dispose()


def _list_read_indexes() -> set[str | None]:
    return {index["name"] for index in sa.inspect(audit_engine()).get_indexes("audit_read")}
