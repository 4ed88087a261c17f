"""Backup while the clinic works, restore into an empty installation; nothing is sent or numbered twice afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import text

from clinic import clock
from clinic.audit import audit_engine, record_read
from clinic.backup import KEYS, MANIFEST, make_backup, read_manifest
from clinic.config import Settings
from clinic.counter import next_number
from clinic.db import db, read_unit, set_mode, write_unit
from clinic.errors import Misconfigured
from clinic.file_check import check_files, list_unnamed
from clinic.file_store import open_store
from clinic.models import Delivery, DeliveryState, Lease, Photo, PhotoSource, User
from clinic.restoration import MARKER, compute_leap, ensure_no_restore, restore
from fhir.projection import list_differences
from integrations import command_backup
from integrations.dispatcher import Dispatcher, run_once
from integrations.lease import acquire_lease
from tests.factory import find_site
from tests.integrations.conftest import Sandbox
from tests.integrations.factory import START, Hand, close_unit, make_delivery, make_signed_case
from tests.postgresql import start_postgresql
from wsgi import create_app

PASSPHRASE = "four words that nobody says"
HOUR = timedelta(hours=1)


@pytest.fixture
def empty_settings(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Another installation, with nothing in it."""
    values = replace(settings, var_dir=tmp_path / "other", database_url="")
    if not settings.database_url:
        yield values
        return
    with start_postgresql(tmp_path) as url:
        yield replace(values, database_url=url)


@contextmanager
def installation(settings: Settings) -> Iterator[Flask]:
    """Another application beside the test's own, as another machine would be."""
    before = db.session.registry()
    before.rollback()
    app = create_app(settings)
    with app.app_context():
        set_mode("read")
        yield app
        db.session.remove()
        db.engine.dispose()
        audit_engine().dispose()


def fill(app: Flask, settings: Settings, endpoint: str) -> str:
    """A photo, a signed exam that waits for its authority, a number, a lease; gives the delivery's id."""
    case = make_signed_case()
    delivery_id = make_delivery(case, endpoint).id
    sha256 = open_store(settings).write(b"a face")
    db.session.add(Photo(case_id=case.id, sha256=sha256, size=6, source=PhotoSource.FILE, taken_at=START,
                         taken_by_id=case.opened_by_id))
    next_number(case.site_id, "message")
    acquire_lease(db.session(), "clock-work", "old", START, timedelta(seconds=30))
    close_unit()
    record_read("user", "somebody", "read", "case", "x")
    return delivery_id


def test_restored_backup_is_whole_and_sends_and_numbers_nothing_twice(
    app: Flask, settings: Settings, empty_settings: Settings, tmp_path: Path, sandbox: Sandbox, hand: Hand
) -> None:
    delivery_id = fill(app, settings, sandbox.endpoint)
    signed_in = db.session.query(User).first().fs_uniquifier
    db.session.rollback()
    (settings.var_dir / "signing.pem").write_bytes(b"a key")
    manifest = make_backup(tmp_path / "backup", settings, PASSPHRASE)
    assert manifest.keys == "sealed" and not manifest.damaged
    assert b"a key" not in (tmp_path / "backup" / KEYS).read_bytes()

    # The clinic goes on after the backup: the exam is sent, a number is given.
    assert run_once(Dispatcher(worker="old")) == 1
    hand.turn(hours=1)
    with write_unit():
        given = next_number(find_site().id, "message")
        first = next_number(find_site().id, "specimen")  # of a kind that the backup has no counter of
    db.session.remove()

    with installation(empty_settings) as other:
        found, advice = restore(tmp_path / "backup", empty_settings, PASSPHRASE)
        assert found == manifest and any("Enter it again from paper" in sentence for sentence in advice)
        assert not (empty_settings.var_dir / MARKER).exists()
        assert (empty_settings.var_dir / "signing.pem").read_bytes() == b"a key"
        with read_unit() as session:
            assert list(check_files(session, open_store(empty_settings))) == []
            assert list(list_differences(session)) == []
            row = session.get_one(Delivery, delivery_id)
            assert row.state is DeliveryState.UNKNOWN and "restored from the backup" in row.history[-1].detail
            assert session.query(Lease).count() == 0
            assert session.query(User).first().fs_uniquifier != signed_in, "everybody signs in again"
        with audit_engine().connect() as audit:
            assert audit.execute(text("select count(*) from audit_read")).scalar_one() == 1
        assert run_once(Dispatcher(worker="new")) >= 1
        with read_unit() as session:
            assert session.get_one(Delivery, delivery_id).state is DeliveryState.ACCEPTED
        with write_unit():
            assert next_number(find_site().id, "message") > given
            assert next_number(find_site().id, "specimen") > first
        assert other.extensions
    assert len(sandbox.list_received()) == 1, "the authority stored it once"


def test_backup_in_a_folder_that_everybody_reads_is_read_by_nobody_else(
    app: Flask, settings: Settings, tmp_path: Path, sandbox: Sandbox
) -> None:
    """As `mkdir` makes it, and as the command takes it; copied elsewhere the files keep their rights."""
    fill(app, settings, sandbox.endpoint)
    folder = tmp_path / "backup"
    folder.mkdir(mode=0o755)
    make_backup(folder, settings, PASSPHRASE)
    places = [place for place in folder.rglob("*") if place.is_file()]
    assert len(places) >= 3 and [place.name for place in places if place.stat().st_mode & 0o077] == []


def test_same_backup_restored_twice_gives_other_numbers_each_time() -> None:
    made_at = START
    first = compute_leap("message", made_at, made_at + HOUR)
    used = 300  # in the hour until it was restored again
    assert compute_leap("message", made_at, made_at + 2 * HOUR) > first + used
    assert compute_leap("case", made_at, made_at - HOUR) >= 1000, "a clock that went back takes nothing away"
    assert compute_leap("visit-2026-11-20", made_at, made_at + HOUR) == 100


def test_changed_or_unfinished_backup_is_refused_before_anything_is_written(
    app: Flask, settings: Settings, empty_settings: Settings, tmp_path: Path, hand: Hand
) -> None:
    close_unit()
    folder = tmp_path / "backup"
    make_backup(folder, settings, "")
    with pytest.raises(Misconfigured, match="empty or does not exist"):
        make_backup(folder, settings, "")
    with pytest.raises(Misconfigured, match="not empty, so nothing was restored"):
        restore(folder, settings, "")
    name = next(name for name in read_manifest(folder).parts if name.startswith("database"))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Misconfigured, match="was changed since the backup"):
        restore(folder, empty_settings, "")
    (folder / MANIFEST).unlink()
    with pytest.raises(Misconfigured, match="not finished"):
        restore(folder, empty_settings, "")
    assert not (empty_settings.var_dir / "clearway.sqlite3").exists()


def test_backup_of_a_newer_version_is_refused(app: Flask, settings: Settings, tmp_path: Path) -> None:
    close_unit()
    make_backup(tmp_path / "backup", settings, "")
    place = tmp_path / "backup" / MANIFEST
    place.write_text(json.dumps(json.loads(place.read_text()) | {"revision": "9999"}))
    with pytest.raises(Misconfigured, match="newer version"):
        restore(tmp_path / "backup", settings, "")


def test_restore_that_was_broken_off_keeps_everything_from_starting(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, secret_key="s" * 40)
    ensure_no_restore(settings)
    (tmp_path / MARKER).write_text("")
    with pytest.raises(Misconfigured, match="restore again"):
        ensure_no_restore(settings)


def test_keys_need_the_passphrase_they_were_sealed_with(app: Flask, settings: Settings, tmp_path: Path) -> None:
    close_unit()
    (settings.var_dir / "signing.pem").write_bytes(b"a key")
    with pytest.raises(Misconfigured, match="at least 16 characters"):
        make_backup(tmp_path / "one", settings, "short")
    make_backup(tmp_path / "two", settings, PASSPHRASE)
    with pytest.raises(Misconfigured, match="not the one"):
        restore(tmp_path / "two", settings, "another one of those")
    assert make_backup(tmp_path / "three", settings, "").keys == "left out"
    assert not (tmp_path / "three" / KEYS).exists()


def test_check_names_missing_and_damaged_files_and_a_changed_document(
    app: Flask, settings: Settings, tmp_path: Path, sandbox: Sandbox, hand: Hand
) -> None:
    fill(app, settings, sandbox.endpoint)
    store = open_store(settings)
    unnamed = store.write(b"refused")
    with read_unit() as session:
        assert list(check_files(session, store)) == []
        assert list_unnamed(session, store) == [unnamed]
        sha256 = session.query(Photo).one().sha256
    (store.folder / sha256[:2] / sha256).write_bytes(b"a fa")
    runner = app.test_cli_runner()
    said = runner.invoke(args=["check-files", "--set-aside"])
    assert said.exit_code == 1 and f": {sha256}" in said.output and said.output.startswith("damaged: photo ")
    assert (store.folder / "damaged" / sha256).exists()
    assert runner.invoke(args=["check-files"]).output.startswith("missing: photo ")
    store.write(b"a face")
    assert runner.invoke(args=["check-files"]).exit_code == 0
    with write_unit() as session:
        session.execute(text("update signed_exam set sha256 = :other"), {"other": "0" * 64})
    assert "damaged: signed exam" in runner.invoke(args=["check-files"]).output


def test_restore_by_a_newer_version_says_what_to_do_about_resources_written_otherwise(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It named resources as wrong, ended with 1, and left the operator to think that the backup was bad."""
    manifest = SimpleNamespace(made_at=clock.now())
    monkeypatch.setattr(command_backup, "restore", lambda *_given: (manifest, ["Ask laboratories."]))
    monkeypatch.setattr(command_backup, "check_files", lambda *_given: [])
    monkeypatch.setattr(command_backup, "list_differences", lambda _session: [
        SimpleNamespace(what="changed", kind="Observation", id="1")])
    done = app.test_cli_runner().invoke(command_backup.restore_command, [str(tmp_path)])
    assert done.exit_code == 1 and "changed: Observation/1" in done.output
    assert "1 FHIR resources are not what the rows say." in done.output and "rebuild-fhir appends" in done.output
    monkeypatch.setattr(command_backup, "list_differences", lambda _session: [])
    done = app.test_cli_runner().invoke(command_backup.restore_command, [str(tmp_path)])
    assert done.exit_code == 0 and "rebuild-fhir" not in done.output
