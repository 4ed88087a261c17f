"""`verify-audit`: what it prints, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from clinic import clock
from clinic.config import get_settings
from clinic.seal.head import get_heads_path
from clinic.seal.table import CHANGE, READ, Stream
from clinic.signing_key import load_signing_key
from tests.clinic.seal.audited import at, close_unit, insert_row, kept_heads, seal, tamper, write


def _run(app: Flask, *words: str, minute: float = 30) -> tuple[int, str]:
    with clock.stopped_at(at(minute)):
        result = app.test_cli_runner().invoke(args=["verify-audit", *words])
    return result.exit_code, result.output


def test_sound_audit_ends_well_with_heads_that_can_be_expected(app: Flask) -> None:
    close_unit()
    write(READ, [0, 1])
    write(CHANGE, [2])
    seal(READ, 10)
    seal(CHANGE, 10)
    write(READ, [20])
    code, output = _run(app)
    assert code == 0
    assert "read: 3 rows, 1 seals, 1 rows not sealed yet, the oldest for 0:10:00." in output
    assert "0 findings" in output
    heads = [str(head) for head in kept_heads()]
    assert all(head in output for head in heads)
    assert _run(app, "--expect", heads[0], "--expect", heads[1])[0] == 0
    assert _run(app, "--expect", f"read:9:{'0' * 64}")[0] == 1
    assert _run(app, "--expect", "the last one")[0] == 1


def test_finding_or_old_tail_ends_with_one(app: Flask) -> None:
    close_unit()
    ids = write(READ, [0, 1])
    assert _run(app, minute=59)[0] == 0
    code, output = _run(app, minute=62)
    assert code == 1 and "see whether the worker runs" in output
    assert _run(app, "--tail-limit", "90", minute=62)[0] == 0
    seal(READ, 62)
    tamper(READ, "delete from {rows} where id = :id", id=ids[0])
    code, output = _run(app, minute=62)
    assert code == 1 and f"read {ids[0]} (seal 1): row removed after it was sealed" in output


def test_table_that_is_gone_is_one_finding_and_the_other_stream_is_checked(app: Flask) -> None:
    close_unit()
    write(CHANGE, [2])
    seal(CHANGE, 10)
    tamper(READ, "alter table {rows} rename to gone")
    try:
        code, output = _run(app)
    finally:
        tamper(READ, "alter table gone rename to {rows}")
    assert code == 1 and "read: cannot be read (" in output and "1 findings" in output
    assert "change: 1 rows, 1 seals" in output and "Traceback" not in output


def test_late_row_is_explained_with_a_reason(app: Flask) -> None:
    close_unit()
    write(READ, [0, 20])
    seal(READ, 25)
    insert_row(READ, "late", minute=1)
    assert _run(app)[0] == 1
    assert _run(app, "--explain", "late")[0] == 1
    code, output = _run(app, "--explain", "late", "--reason", "written by hand after the disk was full")
    assert code == 0 and "row late came late; somebody explained it" in output


def test_seals_of_an_earlier_key_are_checked_with_its_certificate(app: Flask, tmp_path: Path) -> None:
    close_unit()
    write(READ, [0])
    seal(READ, 10)
    old = get_settings(app).var_dir / "signing.pem"
    certificate = tmp_path / "old.pem"
    certificate.write_bytes(old.read_bytes())
    kid = load_signing_key(get_settings(app)).kid
    old.unlink()
    assert load_signing_key(get_settings(app)).kid != kid
    code, output = _run(app)
    assert code == 1 and "signed with a key that is not known here" in output
    assert _run(app, "--certificate", str(certificate))[0] == 0


def test_heads_kept_elsewhere_are_compared(app: Flask, tmp_path: Path) -> None:
    close_unit()
    write(READ, [0])
    seal(READ, 10)
    kept = get_heads_path(get_settings(app))
    copy = tmp_path / "kept-elsewhere.log"
    copy.write_text(kept.read_text() + "read 2 half a li")
    kept.unlink()
    code, output = _run(app, "--heads", str(copy))
    assert code == 0 and "not in the state folder" in output
    tamper(READ, "delete from audit_seal where number = 1 and stream = :stream")
    tamper(READ, "delete from audit_seal_member where number = 1 and stream = :stream")
    code, output = _run(app, "--heads", str(copy))
    assert code == 1 and "read 1: seal whose hash was kept outside, or in the other stream, is gone" in output


@pytest.mark.parametrize(("emptied", "other"), [(CHANGE, READ), (READ, CHANGE)], ids=["change", "read"])
def test_stream_that_was_emptied_with_the_heads_is_told_by_the_other(
    app: Flask, emptied: Stream, other: Stream
) -> None:
    close_unit()
    for minute in (0, 100, 200):
        for stream in (emptied, other):
            write(stream, [minute])
            assert seal(stream, minute + 5) == 1
    assert _run(app, minute=210)[0] == 0
    get_heads_path(get_settings(app)).unlink()
    for table in ("audit_seal", "audit_seal_member"):
        tamper(emptied, f"delete from {table} where stream = :stream")
    tamper(emptied, "delete from {rows}")
    write(emptied, [211])
    seal(emptied, 215)  # the worker goes on as if nothing had been before
    code, output = _run(app, minute=220)
    assert code == 1
    assert f"{emptied.name} 1: seal is not the one whose hash was kept outside, or in the other stream" in output
    assert f"{emptied.name} 2: seal whose hash was kept outside, or in the other stream, is gone" in output


def test_seals_of_before_and_a_backup_between_two_copies_accuse_nobody(app: Flask) -> None:
    close_unit()
    write(CHANGE, [0])
    seal(CHANGE, 1)
    write(READ, [2])
    seal(READ, 3)  # names no seal as young as that one, which a copy may lack
    for table in ("audit_seal", "audit_seal_member"):
        tamper(CHANGE, f"delete from {table} where stream = :stream")
    get_heads_path(get_settings(app)).unlink()
    assert _run(app)[0] == 0
