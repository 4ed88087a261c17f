"""The web server that an installation runs, in a process of its own, and what its processors cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import drive
from clinic.config import ROOT, Settings
from integrations.supervisor import count_threads

_TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server; `drive` loads it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    def drive(
        self, requests: list[bytes], status: int, seconds: float, connections: int = 8
    ) -> tuple[float, float]:
        """Answers a second, and microseconds of processor time the server's processes took for one."""
        before, start = self._read_ticks(), time.perf_counter()
        answers = drive(self.port, requests, status, seconds, connections)
        count = max(answers * (time.perf_counter() - start), 1.0)
        return answers, (self._read_ticks() - before) / _TICK * 1e6 / count

    def _read_ticks(self) -> int:
        """User and system time of the process and its children, in clock ticks; a database's server is not among."""
        family = {self._process.pid}
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        rows = {pid: stat for pid in pids if (stat := _read_stat(pid))}
        while more := {pid for pid, stat in rows.items() if int(stat[1]) in family} - family:
            family |= more
        return sum(int(rows[pid][11]) + int(rows[pid][12]) for pid in family if pid in rows)


def _read_stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@contextmanager
def serve(settings: Settings) -> Iterator[Server]:
    """One worker with as many threads as an installation gives it on this database."""
    environ = os.environ | {
        "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_SECRET_KEY": settings.secret_key,
        "CLEARWAY_BASE_URL": settings.base_url, "CLEARWAY_LOG_LEVEL": "ERROR",
        "CLEARWAY_DATABASE_URL": settings.database_url, "PYTHONPATH": str(ROOT),
        "CLEARWAY_RECORDS_AN_HOUR": str(settings.records_an_hour),
    }  # fmt: skip
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1",
               "--port", str(settings.web_port), "--workers", "1", "--blocking-threads", str(count_threads(settings)),
               "--log-level", "error", "bench.served_app:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        _wait_until_live(settings.base_url)
        yield Server(process, settings.web_port)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_live(base: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{base}/bench-empty", timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
