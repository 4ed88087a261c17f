"""Files of a laboratory: taken whole and once, half-written ones left alone, what cannot be trusted put aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.config import get_settings
from clinic.db import db, write_unit
from clinic.models import InboundMessage, InboundState, InboundWay
from integrations.hl7.batch import BatchFault, split_file
from integrations.inbound.folder import find_incoming, take_files
from tests.factory import make_laboratory
from tests.integrations.factory import close_unit
from tests.integrations.test_laboratory_intake import ORU

SECOND = ORU.replace("|L1|", "|L2|")


@pytest.fixture
def folder(app: Flask) -> Path:
    """The laboratory's folder."""
    make_laboratory(folder="central")
    close_unit()
    place = find_incoming(get_settings(app)) / "central"
    place.mkdir(parents=True)
    return place


def put(folder: Path, name: str, content: str, age: float = 60) -> None:
    path = folder / name
    path.write_bytes(content.encode())
    moment = path.stat().st_mtime - age
    os.utime(path, (moment, moment))


def take(app: Flask) -> int:
    db.session.rollback()
    return take_files(get_settings(app))


def list_rows() -> list[tuple[str, InboundState, InboundWay]]:
    db.session.rollback()
    rows = db.session.execute(select(InboundMessage).order_by(InboundMessage.id)).scalars()
    return [(row.control_id, row.state, row.way) for row in rows]


def list_names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_file_is_taken_once_and_moved_away_with_its_acknowledgements(app: Flask, folder: Path) -> None:
    put(folder, "a.hl7", ORU + SECOND)
    assert (take(app), take(app)) == (1, 0)
    assert list_rows() == [(one, InboundState.NEW, InboundWay.FILE) for one in ("L1", "L2")]
    assert list_names(folder) == ["done/a.hl7", "done/a.hl7.ack"]
    assert (folder / "done" / "a.hl7.ack").read_text().count("MSA|AA|") == 2
    put(folder, "a.hl7", ORU)
    assert take(app) == 1 and len(list_rows()) == 2
    assert "done/a-2.hl7" in list_names(folder)


def test_half_written_file_is_left_alone_until_it_is_whole(app: Flask, folder: Path) -> None:
    for name in ("a.hl7.part", "b.tmp", ".c.hl7"):
        put(folder, name, ORU)
    put(folder, "d.hl7", ORU[:40], age=0)
    (folder / "link.hl7").symlink_to("/etc/hostname")
    assert take(app) == 0 and list_rows() == []
    put(folder, "d.hl7", ORU, age=0)
    (folder / "d.hl7.ok").touch()
    assert take(app) == 1
    assert list_rows() == [("L1", InboundState.NEW, InboundWay.FILE)]
    assert not (folder / "d.hl7.ok").exists()


def test_what_a_worker_that_ended_had_claimed_is_taken_by_the_next(app: Flask, folder: Path) -> None:
    (folder / "work").mkdir()
    put(folder / "work", "a.hl7", ORU)
    assert take(app) == 1
    assert list_rows() == [("L1", InboundState.NEW, InboundWay.FILE)]


@pytest.mark.parametrize(("content", "reason"), [
    (f"FHS|^~\\&\rBHS|^~\\&\r{ORU}{SECOND}BTS|3\rFTS|1\r", "BTS-1 counts 3"),
    (f"FHS|^~\\&\rBHS|^~\\&\r{ORU}BTS|1\rFTS|2\r", "FTS-1 counts 2"),
    (f"BHS|^~\\&\r{ORU}", "cut off"), ("", "no message"), ("Dear laboratory", "does not begin"),
    (ORU + ORU.replace("LAB01|CLEAR", "LAB09|CLEAR"), "so none is taken: sender 'CENTRALLAB|LAB09|NBO': MSH-3"),
])  # fmt: skip
def test_file_that_cannot_be_trusted_is_put_aside_whole_and_seen(
    app: Flask, folder: Path, content: str, reason: str
) -> None:
    put(folder, "a.hl7", content)
    assert take(app) == 1
    assert list_names(folder) == ["refused/a.hl7", "refused/a.hl7.reason.txt"]
    assert reason in (folder / "refused" / "a.hl7.reason.txt").read_text()
    assert list_rows() == [("a.hl7", InboundState.HELD, InboundWay.FILE)]


def test_another_laboratory_s_messages_are_refused_in_this_folder(app: Flask, folder: Path) -> None:
    with write_unit():
        make_laboratory(application="OTHER", folder="other")
    put(folder, "a.hl7", ORU.replace("CENTRALLAB", "OTHER"))
    take(app)
    assert "refused/a.hl7" in list_names(folder)


def test_batches_and_bare_files_are_split_byte_for_byte() -> None:
    whole = ORU.encode()
    for wrapped in (ORU, f"\ufeff{ORU}", f"FHS|^~\\&\rBHS|^~\\&\r{ORU}BTS|1\rFTS|1\r", f"BHS|^~\\&\r{ORU}BTS\r",
                    f"# a comment\n{ORU}", f"\x0b{ORU}\x1c\r"):  # fmt: skip
        assert split_file(wrapped.replace("\r", "\n").encode() if wrapped[0] != "\x0b" else wrapped.encode()) == [whole]
    assert split_file((ORU + SECOND).encode()) == [whole, SECOND.encode()]
    with pytest.raises(BatchFault):
        split_file(b"\n\n")
