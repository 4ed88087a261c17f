"""A PostgreSQL server for the suite: the one it is given, or Debian's, started in the system's temporary folder.

Between tests its database is emptied, not made anew.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest


@contextmanager
def start_postgresql(_folder: Path, is_durable: bool = False) -> Iterator[str]:
    """A URL of an empty database; `$TEST_DATABASE_URL` names a server to use instead of starting one.

    Tests need no durability and are faster without; what is measured must pay for it.
    """
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        with _own_database(given) as url:
            yield url
        return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        pytest.fail("No PostgreSQL server found: run `make test`, which installs it, or set TEST_DATABASE_URL.")
    binaries = programs[-1].parent
    # The server refuses to run as root and must reach its folder, so the data lies in the system's own temporary one.
    data = Path(tempfile.mkdtemp(prefix="clearway-postgresql-"))
    data.chmod(0o700)
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(data, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port = _free_port()
    settings = f"-p {port} -k {data} -c listen_addresses=127.0.0.1"
    if not is_durable:
        # Whatever runs by itself every minute would make one run unlike another.
        settings += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off"
    try:
        subprocess.run([*as_user, str(binaries / "initdb"), "-D", str(data / "db"), "-A", "trust", "-U", "postgres",
                        "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], check=True, capture_output=True, cwd="/")
        subprocess.run([*as_user, str(binaries / "pg_ctl"), "-D", str(data / "db"), "-w", "-o", settings,
                        "-l", str(data / "log"), "start"], check=True, capture_output=True, cwd="/")
        with _own_database(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres") as url:
            yield url
    finally:
        subprocess.run([*as_user, str(binaries / "pg_ctl"), "-D", str(data / "db"), "-m", "immediate", "stop"],
                       capture_output=True, cwd="/", check=False)
        shutil.rmtree(data, ignore_errors=True)


class Emptier:
    """Takes the rows of one test out before the next, over a connection of its own that has met the tables before.

    By truncation: where rows were deleted instead, the next ones take their places in any order, and the costs of plans
    depend on what ran before.
    """

    KEPT = ("alembic_version", "role")

    def __init__(self, url: str) -> None:
        self._url = url.replace("+psycopg", "")
        self._connection = psycopg.connect(self._url)
        found = self._connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        names = [f'"{name}"' for (name,) in sorted(found) if name not in self.KEPT]
        self._connection.commit()
        self._statement = f"truncate {', '.join(names)}"

    def empty(self) -> None:
        """Leave no row but of what the migrations made and of roles."""
        try:
            self._run(self._statement)
        except psycopg.OperationalError:  # a test ended every connection of the server
            self.close()
            self._connection = psycopg.connect(self._url)
            self._run(self._statement)

    def _run(self, statement: str) -> None:
        self._connection.execute(statement)
        self._connection.commit()

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()


@contextmanager
def _own_database(server: str) -> Iterator[str]:
    name = f"clearway_test_{uuid.uuid4().hex[:12]}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    try:
        yield server.rsplit("/", 1)[0] + "/" + name
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
