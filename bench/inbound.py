"""HL7 v2 in: the listener as a process of its own, beside a raw durable insert and beside two other libraries' servers.

Every side stores before it answers, durable on disk. hl7apy's server parses, as its users do; python-hl7's inserts the
text. The load comes from this process: K connections, each waits for its answer before it sends the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg

from bench.measure import ROUNDS, Figure, to_figure
from bench.place import find_port, make_settings, open_app
from bench.sender import MESSAGE, load
from bench.slow_disk import MILLISECONDS, slow_disk
from clinic.config import ROOT, Settings
from clinic.db import db, write_unit
from integrations.inbound.intake import Arrival, build_lone_insert, build_row
from tests.factory import make_laboratory, make_site

SECONDS = 1.5
ALONE, BARE, PEERS = "alone", "bare", ("hl7apy", "python-hl7")


def run(database: str, _full: bool = False) -> list[Figure]:
    """Messages a second beside raw inserts, the loop alone and the peers; then with a slow disk."""
    values = _measure(database)
    raw, batch = values["raw, one row"], values["raw, 32 rows"]
    sixteen = values["ours, 16 connections"]
    return [
        *_compare(values, ("G3", "G3b", "G3b2")),
        to_figure("our row and its indexes, without a listener", values["own row"], raw, "/s", "raw, one row"),
        to_figure("our row and its indexes, 32 at once", values["own rows"], batch, "/s", "raw, 32 rows"),
        to_figure("the loop alone, nothing stored, 1 connection", values["alone, 1"], raw, "/s", "raw, one row"),
        to_figure("the loop alone, nothing stored, 32 connections", values["alone, 32"], raw, "/s", "raw, one row"),
        to_figure("the loop alone, nothing stored, 32 connections", values["alone, 32"], batch, "/s", "raw, 32 rows"),
        *_compare_bare(values),
        to_figure("ours, 16 connections", sixteen, values["hl7apy"], "/s", "hl7apy server, parsing", "G3c"),
        to_figure("ours, 16 connections", sixteen, values["python-hl7"], "/s", "python-hl7 server", "G3c2"),
        to_figure("hl7apy server, 16 connections", values["hl7apy"], None),
        to_figure("python-hl7 server, 16 connections", values["python-hl7"], None),
        *_run_slowly(database),
    ]


def _compare(values: dict[str, list[float]], goals: tuple[str, str, str], of: str = "") -> list[Figure]:
    raw, batch = values["raw, one row"], values["raw, 32 rows"]
    one, many = values["ours, 1 connection"], values["ours, 32 connections"]
    return [
        to_figure(f"raw durable insert, one row{of}", raw, None),
        to_figure(f"raw durable insert, 32 rows at once{of}", batch, None),
        to_figure(f"ours, 1 connection{of}", one, raw, "/s", "raw, one row", goals[0]),
        to_figure(f"ours, 32 connections{of}", many, raw, "/s", "raw, one row", goals[1]),
        to_figure(f"ours, 32 connections{of}", many, batch, "/s", "raw, 32 rows", goals[2]),
    ]


def _compare_bare(values: dict[str, list[float]]) -> list[Figure]:
    """The least that stores before it answers: whatever a listener is missing beside a raw insert that this is too."""
    if f"{BARE}, 1" not in values:
        return []
    raw, bare, one = values["raw, one row"], values[f"{BARE}, 1"], values["ours, 1 connection"]
    batch, bares, many = values["raw, 32 rows"], values[f"{BARE}, 32"], values["ours, 32 connections"]
    return [
        to_figure("the loop and one bare row, 1 connection", bare, raw, "/s", "raw, one row"),
        to_figure("ours, 1 connection", one, bare, "/s", "the loop and one bare row"),
        to_figure("the loop and bare rows, 32 connections", bares, batch, "/s", "raw, 32 rows"),
        to_figure("ours, 32 connections", many, bares, "/s", "the loop and bare rows, 32 connections"),
    ]


def _run_slowly(database: str) -> list[Figure]:
    """Inserts and listener once more, in processes for which the disk is slow."""
    with slow_disk() as environ:
        if environ is None:
            print("… inbound on a slow disk left out: there is no gcc here", file=sys.stderr)
            return []
        done = subprocess.run([sys.executable, "-m", "bench.inbound", "slowly", database], cwd=ROOT, env=environ,
                              stdout=subprocess.PIPE, check=True)
    return _compare(json.loads(done.stdout), ("", "", ""), f", fsync {MILLISECONDS} ms")


def _measure(database: str, is_slow: bool = False) -> dict[str, list[float]]:
    """Rates by name, one of each round; nothing but ours and the inserts when `is_slow`."""
    values: dict[str, list[float]] = {}
    with make_settings(database) as settings, open_app(settings):
        settings = Settings(**{**settings.__dict__, "mllp_port": find_port()})
        with write_unit():
            make_laboratory(make_site())
        others = () if is_slow else (ALONE, *PEERS) if database == "postgresql" else (ALONE, BARE, *PEERS)
        with serving(settings) as port, beside(others) as ports:
            for _round in range(ROUNDS):
                for name, rate in _measure_round(settings, database, port, ports):
                    values.setdefault(name, []).append(rate)
    return values


def _measure_round(
    settings: Settings, database: str, port: int, ports: dict[str, int]
) -> Iterator[tuple[str, float]]:
    yield "raw, one row", _insert(settings, database, 1)
    for count in (1, 32, 16) if ports else (1, 32):
        yield f"ours, {count} connection{'s' if count > 1 else ''}", load(port, count, SECONDS)
    yield "raw, 32 rows", _insert(settings, database, 32)
    if ports:
        yield "own row", _insert_own(1)
        yield "own rows", _insert_own(32)
    for name, server in ports.items():
        if name in (ALONE, BARE):
            yield from ((f"{name}, {count}", load(server, count, SECONDS)) for count in (1, 32))
        else:
            yield name, load(server, 16, SECONDS)


def _insert(settings: Settings, database: str, rows: int) -> float:
    """Rows a second, `rows` in each transaction, made durable before the next begins."""
    count, end = 0, time.perf_counter() + SECONDS
    start = time.perf_counter()
    if database == "sqlite":
        line = sqlite3.connect(settings.var_dir / "raw.sqlite3", isolation_level=None)
        line.execute("pragma journal_mode = wal")
        line.execute("pragma synchronous = full")
        line.execute("create table if not exists raw (id integer primary key, name text, body blob)")
        while time.perf_counter() < end:
            line.execute("begin immediate")
            line.executemany("insert into raw (name, body) values (?, ?)", [("1", MESSAGE)] * rows)
            line.execute("commit")
            count += rows
        line.close()
        return count / (time.perf_counter() - start)
    with psycopg.connect(settings.database_url.replace("+psycopg", ""), autocommit=True) as server:
        server.execute("create table if not exists raw (id bigserial primary key, name text, body bytea)")
        while time.perf_counter() < end:
            with server.transaction(), server.cursor() as cursor:
                cursor.executemany("insert into raw (name, body) values (%s, %s)", [("1", MESSAGE)] * rows)
            count += rows
    return count / (time.perf_counter() - start)


def _insert_own(rows: int) -> float:
    """The same in the table that the listener fills, by the statement that it says."""
    insert = build_lone_insert(db.engine)
    arrival, count, end = Arrival(MESSAGE, "bench"), 0, time.perf_counter() + SECONDS
    start = time.perf_counter()
    mark = f"{time.time_ns():x}"
    while time.perf_counter() < end:
        insert.run([build_row(arrival, "BENCH|LAB", f"{mark}-{count + number}", "ORU^R01", None, b"MSA|AA")
                    for number in range(rows)])
        count += rows
    insert.close()
    return count / (time.perf_counter() - start)


@contextmanager
def serving(settings: Settings) -> Iterator[int]:
    """Our listener as `make run` starts it."""
    environ = os.environ | {
        "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_SECRET_KEY": settings.secret_key,
        "CLEARWAY_DATABASE_URL": settings.database_url, "CLEARWAY_LOG_LEVEL": "ERROR",
        "CLEARWAY_MLLP_PORT": str(settings.mllp_port), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with _process([sys.executable, "-m", "flask", "--app", "wsgi", "listen", "mllp"], settings.mllp_port, environ):
        yield settings.mllp_port


@contextmanager
def beside(names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Other servers, each a process over a file of its own; gives their ports."""
    ports = {name: find_port() for name in names}
    with tempfile.TemporaryDirectory(prefix="clearway-peer-") as folder, ExitStack() as servers:
        for name, port in ports.items():
            command = [sys.executable, "-m", "bench.inbound", name, str(port), f"{folder}/{name}"]
            servers.enter_context(_process(command, port, dict(os.environ)))
        yield ports


@contextmanager
def _process(command: list[str], port: int, environ: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _turn in range(2400):  # a busy machine takes long to start a process
            try:
                asyncio.run(_knock(port))
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise TimeoutError(f"nobody listens on {port}")
        yield
    finally:
        process.kill()
        process.wait()


async def _knock(port: int) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def _open_store(path: str) -> sqlite3.Connection:
    line = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    line.execute("pragma journal_mode = wal")
    line.execute("pragma synchronous = full")
    line.execute("create table if not exists raw (id integer primary key, body blob)")
    return line


def _serve_hl7apy(port: int, path: str) -> None:
    """hl7apy's MLLPServer as its documentation has it: the message is parsed, stored, and answered by an ACK built."""
    from hl7apy.core import Message
    from hl7apy.mllp import AbstractHandler, MLLPServer
    from hl7apy.parser import parse_message

    _open_store(path).close()

    class Handler(AbstractHandler):
        def reply(self) -> str:
            message = parse_message(self.incoming_message)
            line = _open_store(path)
            line.execute("insert into raw (body) values (?)", (self.incoming_message,))
            line.close()
            answer = Message("ACK", version="2.5.1")
            answer.msh.msh_9 = "ACK^R01^ACK"
            answer.msa.msa_1, answer.msa.msa_2 = "AA", message.msh.msh_10.value
            return str(answer.to_mllp())

    socketserver.TCPServer.request_queue_size = 128
    MLLPServer("127.0.0.1", port, {"ORU^R01^ORU_R01": (Handler,)}).serve_forever()


async def _serve_python_hl7(port: int, path: str) -> None:
    """python-hl7's asyncio server: the message is stored and answered by its own ACK."""
    from hl7.mllp import start_hl7_server

    line = _open_store(path)

    async def take(reader: Any, writer: Any) -> None:
        while not writer.is_closing():
            try:
                message = await reader.readmessage()
            except asyncio.IncompleteReadError:
                return
            line.execute("insert into raw (body) values (?)", (str(message),))
            writer.writemessage(message.create_ack())
            await writer.drain()

    server = await start_hl7_server(take, "127.0.0.1", port, limit=2**20, encoding="utf-8")
    async with server:
        await server.serve_forever()


async def _serve_alone(port: int, path: str = "") -> None:
    """What is left of a listener that judges nothing: our own lines in the loop, and always the same answer.

    It stores nothing; with a `path`, what came in one turn of the loop as rows of two columns in that SQLite file.
    """
    from integrations.inbound.intake import Verdict
    from integrations.inbound.line import Line
    from integrations.inbound.refusal import Refusals

    loop, lines = asyncio.get_running_loop(), set[Line]()
    store = _open_store(path) if path else None
    verdict = Verdict(b"MSH|^~\\&|CLEARWAY|NBO|CENTRALLAB|LAB01|20261120080000+0300||ACK^R01^ACK|1|P|2.5.1\rMSA|AA|1\r",
                      None)

    waiting: list[tuple[bytes, Line]] = []

    def take(arrival: Arrival, line: Line) -> None:
        waiting.append((arrival.frame, line))
        if len(waiting) == 1:
            loop.call_soon(end_turn)

    def end_turn() -> None:
        batch = waiting.copy()
        waiting.clear()
        if store is not None:
            store.execute("begin immediate")
            store.executemany("insert into raw (body) values (?)", [(frame,) for frame, _line in batch])
            store.execute("commit")
        for _frame, line in batch:
            line.answer(verdict)

    server = await loop.create_server(lambda: Line(lines, take, Refusals()), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """One server beside ours, until it is ended; or, `slowly`, the rates on the disk as this process finds it."""
    name, *given = sys.argv[1:]
    if name == "slowly":
        print(json.dumps(_measure(given[0], is_slow=True)))
    elif name == "hl7apy":
        _serve_hl7apy(int(given[0]), given[1])
    elif name == "python-hl7":
        asyncio.run(_serve_python_hl7(int(given[0]), given[1]))
    else:
        asyncio.run(_serve_alone(int(given[0]), given[1] if name == BARE else ""))


if __name__ == "__main__":
    main()
