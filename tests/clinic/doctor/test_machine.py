"""Files that others can read, full disks, clocks that disagree: each planted."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from clinic import clock
from clinic.audit import record_change, record_read
from clinic.config import Settings
from clinic.db import db
from clinic.doctor import machine
from clinic.doctor.finding import Check, Verdict
from clinic.models import Heartbeat

Usage = namedtuple("Usage", "total used free")


def list_verdicts(check: Check, settings: Settings) -> list[Verdict]:
    return [one.verdict for one in check(settings)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "var"
    folder.mkdir()
    for name in ("secret_key", "signing.pem", "clearway.sqlite3", "clearway.sqlite3-wal"):
        (folder / name).touch(mode=0o600)
    (folder / "demo" / "authorities").mkdir(parents=True)
    (folder / "demo" / "authorities" / "us.jwk.json").touch(mode=0o600)
    folder.chmod(0o755)
    return folder


@pytest.mark.parametrize(("name", "mode"), [
    ("secret_key", 0o644), ("secret_key", 0o640), ("signing.pem", 0o604), ("clearway.sqlite3", 0o644),
    ("clearway.sqlite3-wal", 0o666), ("demo/authorities/us.jwk.json", 0o640)])
def test_file_that_others_can_read_is_wrong_unless_its_folder_is_shut(state: Path, name: str, mode: int) -> None:
    settings = Settings(var_dir=state)
    assert list_verdicts(machine.check_files, settings) == [Verdict.GOOD]
    (state / name).chmod(mode)
    found = list(machine.check_files(settings))
    assert [one.verdict for one in found] == [Verdict.WRONG]
    assert Path(name).name in found[0].words
    state.chmod(0o700)
    assert list_verdicts(machine.check_files, settings) == [Verdict.GOOD]


def test_folder_that_others_write_into_or_that_is_missing_is_wrong(state: Path) -> None:
    state.chmod(0o777)
    assert list_verdicts(machine.check_files, Settings(var_dir=state)) == [Verdict.WRONG]
    assert list_verdicts(machine.check_files, Settings(var_dir=state / "none")) == [Verdict.WRONG]


def test_key_elsewhere_that_others_can_read_is_wrong(state: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch(mode=0o644)
    key.chmod(0o644)
    state.chmod(0o700)
    assert list_verdicts(machine.check_files, Settings(var_dir=state, signing_key=str(key))) == [Verdict.WRONG]
    assert list_verdicts(machine.check_files, Settings(var_dir=state, mllp_certificate=str(key))) == [Verdict.WRONG]


def test_state_of_another_account_is_said(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert Verdict.WARNING in list_verdicts(machine.check_files, Settings(var_dir=state))


@pytest.mark.parametrize(("free", "verdict"), [
    (1 << 29, Verdict.WRONG), (3 << 30, Verdict.WARNING), (50 << 30, Verdict.GOOD)])
def test_room_on_the_disk_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: Usage(100 << 30, 0, free))
    assert set(list_verdicts(machine.check_disk, Settings(var_dir=tmp_path))) == {verdict}


def test_missing_folder_of_films_is_wrong(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, files_url=str(tmp_path / "none"))
    assert list_verdicts(machine.check_disk, settings)[-1] is Verdict.WRONG


def test_clocks_that_agree_are_good(app: Flask, settings: Settings) -> None:
    record_change("open", "case", "1")
    db.session.commit()
    assert set(list_verdicts(machine.check_clocks, settings)) == {Verdict.GOOD}


@pytest.mark.parametrize("where", ["change", "look", "heartbeat"])
def test_anything_recorded_in_the_future_is_wrong(app: Flask, settings: Settings, where: str) -> None:
    with clock.stopped_at(clock.now() + timedelta(minutes=10)):
        if where == "change":
            record_change("open", "case", "1")
        elif where == "look":
            record_read("user", "1", "read", "case", "1")
        else:
            db.session.add(Heartbeat(name="worker", beat_at=clock.now()))
    db.session.commit()
    found = list(machine.check_clocks(settings))[-1]
    assert found.verdict is Verdict.WRONG
    assert where in found.words
    assert "went backwards" in found.words


def test_database_with_another_clock_is_wrong(app: Flask, settings: Settings) -> None:
    if not settings.database_url:
        pytest.skip("an embedded database has our own clock")
    db.session.rollback()
    with clock.stopped_at(clock.now() + timedelta(seconds=30)):
        assert list_verdicts(machine.check_clocks, settings)[0] is Verdict.WRONG
