"""How the listener stores: new messages by a statement of their own, everything else in a unit, whoever else writes."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from clinic.db import db, find_lock_path, write_connection
from clinic.errors import Unavailable
from clinic.key import new_id
from clinic.lone_insert import LoneInsert
from integrations.hl7.frame import END, wrap
from integrations.inbound import line as line_module
from integrations.inbound import listener as listener_module
from integrations.inbound.intake import Arrival, build_lone_insert, judge
from integrations.inbound.line import Line
from integrations.inbound.listener import Listener, listening
from integrations.inbound.refusal import Refusals
from integrations.inbound.sender import KnownLaboratory, Senders
from tests.factory import make_laboratory
from tests.integrations.factory import close_unit
from tests.integrations.test_laboratory_intake import ORU, converse, list_rows


@pytest.fixture
def laboratory_id(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """A laboratory that is known for as long as the test lasts, once it was looked up; the disk is quick enough."""
    monkeypatch.setattr(listener_module, "SENDERS_SECONDS", 3600.0)
    monkeypatch.setattr(listener_module, "PAUSE_SECONDS", 3600.0)  # whoever else works on this machine
    made = make_laboratory().id
    close_unit()
    return made


@dataclass
class AtOnce:
    """What was stored by statements of their own: how many rows each was asked to, and by whom."""

    asked: list[int] = field(default_factory=list)
    insert: LoneInsert | None = None

    def break_connection(self) -> None:
        """End it from the other side; on SQLite close the file under it."""
        if db.engine.dialect.name == "sqlite":
            assert self.insert is not None
            self.insert._connection.close()
            return
        db.session.execute(text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"))
        close_unit()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> AtOnce:
    """Looks at what the listener stores at once; what failed is not counted."""
    seen, run = AtOnce(), LoneInsert.run

    def look(self: LoneInsert, rows: Sequence[dict[str, Any]]) -> set[Any]:
        found = run(self, rows)
        seen.asked.append(len(rows))
        seen.insert = self
        return found

    monkeypatch.setattr(LoneInsert, "run", look)
    return seen


@contextmanager
def another_writer(app: Flask) -> Iterator[None]:
    """Somebody else's write unit: on SQLite it has the file, on PostgreSQL the table."""
    with write_connection() as connection:
        if connection.dialect.name != "sqlite":
            connection.execute(text("LOCK TABLE inbound_message IN EXCLUSIVE MODE"))
        yield


def write(number: str, filling: str = "") -> bytes:
    return wrap((ORU.replace("|L1|", f"|{number}|") + filling).encode())


def warm_up(port: int) -> None:
    """Let it look up who may send, so that the loop itself may store from now on."""
    assert b"MSA|AA|warm" in converse(port, write("warm"))[0]


def read_answer(line: socket.socket) -> bytes:
    got = b""
    while not got.endswith(END):
        piece = line.recv(65536)
        assert piece, got
        got += piece
    return got


def test_new_messages_are_stored_by_a_statement_and_repetitions_are_answered_as_before(
    app: Flask, laboratory_id: str, at_once: AtOnce
) -> None:
    with listening(app) as port:
        warm_up(port)
        first = converse(port, write("A1"))
        at_once.asked.clear()
        lines = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(6)]
        for number, line in enumerate(lines):
            line.sendall(write("A1" if number % 2 else f"B{number}"))
        answers = [read_answer(line) for line in lines]
        for line in lines:
            line.close()
    assert [answer[1:-2] for answer in answers[1::2]] == first * 3
    assert [f"MSA|AA|B{number}".encode() in answers[number] for number in (0, 2, 4)] == [True] * 3
    assert at_once.asked, "the first at least; while the thread has a repetition, what follows goes to it too"
    assert {row.control_id: row.times for row in list_rows()} == {"warm": 1, "A1": 4, "B0": 1, "B2": 1, "B4": 1}


def test_those_who_were_answered_together_are_waited_for_a_moment(
    app: Flask, laboratory_id: str, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an embedded database, whose commit the loop itself waits for."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the thread stores, and what comes meanwhile waits for it anyway")
    made: list[Listener] = []
    monkeypatch.setattr(Listener, "_begin", lambda self: made.append(self) or Line(self._lines, self._take, Refusals()))
    with listening(app) as port:
        warm_up(port)
        one, other = (socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(2))
        one.sendall(write("A1"))
        assert b"MSA|AA|A1" in read_answer(one)
        listener = made[0]
        assert listener._pause > 0, "the loop stored it"
        monkeypatch.setattr(listener_module, "PATIENCE", 3600 / listener._pause)
        listener._expected = 2
        at_once.asked.clear()
        one.sendall(write("A2"))
        one.settimeout(0.3)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(20)
        other.sendall(write("B2"))
        assert b"MSA|AA|A2" in read_answer(one) and b"MSA|AA|B2" in read_answer(other)
        assert at_once.asked == [2]
        monkeypatch.setattr(listener_module, "PATIENCE", 0.0)
        one.sendall(write("A3"))
        assert b"MSA|AA|A3" in read_answer(one) and listener._expected == 1
        one.close()
        other.close()


def test_what_is_stored_at_once_is_what_a_unit_stores(app: Flask, laboratory_id: str, at_once: AtOnce) -> None:
    """A large message goes the other way."""
    small, large = "OBX|2|TX|A||x||||||F\r", "OBX|2|TX|A||" + "x" * listener_module.SMALL + "||||||F\r"
    with listening(app) as port:
        warm_up(port)
        at_once.asked.clear()
        for number, filling in (("S", small), ("L", large)):
            assert f"MSA|AA|{number}".encode() in converse(port, write(number, filling))[0]
    assert at_once.asked == ([1] if db.engine.dialect.name == "sqlite" else [1, 1])
    _warm, one, other = list_rows()
    assert (one.raw, other.raw) == (write("S", small)[1:-2], write("L", large)[1:-2])
    alike = ("sender", "kind", "way", "laboratory_id", "times", "state", "state_reason", "delivery_id", "processed_at")
    assert [getattr(one, name) for name in alike] == [getattr(other, name) for name in alike]
    assert one.answer is not None and b"MSA|AA|S\r" in one.answer and one.peer.startswith("127.0.0.1:")


def test_thread_stores_where_the_disk_is_slow(
    app: Flask, laboratory_id: str, at_once: AtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop finds out by trying; it would stand still, and leave other writers little time between."""
    monkeypatch.setattr(listener_module, "PAUSE_SECONDS", 1e-9)
    with listening(app) as port:
        warm_up(port)
        at_once.asked.clear()
        for number in range(4):
            assert f"MSA|AA|N{number}".encode() in converse(port, write(f"N{number}"))[0]
    assert at_once.asked == ([1] if db.engine.dialect.name == "sqlite" else [1, 1, 1, 1])
    assert len(list_rows()) == 5


def test_nobody_loses_while_another_writes_for_long_and_the_loop_goes_on(
    app: Flask, laboratory_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It still looks after connections: one that drips is hung up on, a new one is let in."""
    monkeypatch.setattr(line_module, "MESSAGE_SECONDS", 0.3)
    with listening(app) as port:
        warm_up(port)
        with another_writer(app):
            lines = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(8)]
            for number, line in enumerate(lines):
                line.sendall(write(f"N{number}"))
            time.sleep(0.5)
            with socket.create_connection(("127.0.0.1", port), timeout=5) as dripping:
                dripping.sendall(write("never")[:50])
                assert dripping.recv(10) == b""
            time.sleep(1)
            lines[0].settimeout(0.05)
            with pytest.raises(TimeoutError):
                lines[0].recv(10)
            lines[0].settimeout(20)
        answers = [read_answer(line) for line in lines]
        for number, line in enumerate(lines):
            line.sendall(write(f"M{number}"))
        answers += [read_answer(line) for line in lines]
        for line in lines:
            line.close()
    names = [f"{letter}{number}" for letter in "NM" for number in range(8)]
    assert [f"MSA|AA|{name}\r".encode() in answer for name, answer in zip(names, answers, strict=True)] == [True] * 16
    assert sorted(row.control_id for row in list_rows()) == sorted(["warm", *names])


def test_connection_that_broke_is_opened_anew_and_the_message_is_kept(
    app: Flask, laboratory_id: str, at_once: AtOnce
) -> None:
    with listening(app) as port:
        warm_up(port)
        assert b"MSA|AA|A" in converse(port, write("A"))[0]
        at_once.break_connection()
        at_once.asked.clear()
        assert b"MSA|AA|B" in converse(port, write("B"))[0]
        assert b"MSA|AA|C" in converse(port, write("C"))[0]
        assert at_once.asked == [1], "B went the other way, C over a new connection"
    assert [(row.control_id, row.times) for row in list_rows()] == [("warm", 1), ("A", 1), ("B", 1), ("C", 1)]


def test_embedded_database_is_not_waited_for(app: Flask, laboratory_id: str) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("on a server the thread asks, which may wait")
    senders = Senders(frozenset(), {"CENTRALLAB|LAB01|NBO": KnownLaboratory(laboratory_id, "", True, "")})
    row = judge(Arrival(ORU.encode(), "127.0.0.1:1"), senders).row
    assert row is not None
    insert = build_lone_insert(db.engine)
    assert insert.is_embedded and find_lock_path(db.engine)
    with another_writer(app):
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            insert.run([row])
        assert time.monotonic() - begun < 10, "a writer's patience is longer"
    again, other = row | {"id": new_id()}, row | {"id": new_id(), "control_id": "L2"}
    assert insert.run([row]) == {row["id"]} and insert.run([again]) == set()
    assert insert.run([again, other, other | {"id": new_id()}]) == {other["id"]}, "of two alike the first"
    insert.close()
