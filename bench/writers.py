"""Several processes write one database through the clinic's own write units: how much, and who waits longest."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.measure import ROUNDS, Figure, to_figure
from bench.place import make_settings, open_app
from clinic import clock
from clinic.config import ROOT, Settings, load_settings
from clinic.db import write_unit
from clinic.models import AuditChange
from wsgi import create_app

WRITERS = 4
SECONDS = 2.0


def run(database: str, _full: bool = False) -> list[Figure]:
    """Commits a second of one process and of four, and the longest wait among the four."""
    with make_settings(database) as settings, open_app(settings):
        one: list[float] = []
        four: list[float] = []
        waits: list[float] = []
        for _ in range(ROUNDS):
            one.append(_write(settings, 1)[0])
            total, wait = _write(settings, WRITERS)
            four.append(total)
            waits.append(wait)
    longest = statistics.median(waits)
    return [
        to_figure("one writer", one, None),
        to_figure(f"{WRITERS} writers, together", four, one, "/s", "one writer", "G7"),
        Figure("longest wait of a writer", longest * 1000, "ms", longest, (min(waits), max(waits)), "a second", "G7b"),
    ]


def _write(settings: Settings, writers: int) -> tuple[float, float]:
    """Commits a second of all together, and the longest of one in seconds."""
    environ = os.environ | {
        "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_SECRET_KEY": settings.secret_key,
        "CLEARWAY_DATABASE_URL": settings.database_url, "CLEARWAY_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    processes = [
        subprocess.Popen([sys.executable, "-m", "bench.writers", "--work"], cwd=ROOT, env=environ, text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(writers)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    return sum(result["commits"] / result["seconds"] for result in results), max(r["longest"] for r in results)


def _work() -> None:
    """One writer: says that it is ready, waits for a line, commits for SECONDS, says how often."""
    app = create_app(load_settings())
    with app.app_context():
        _commit()
        print("ready", flush=True)
        sys.stdin.readline()
        commits, longest, start = 0, 0.0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            began = time.perf_counter()
            _commit()
            longest = max(longest, time.perf_counter() - began)
            commits += 1
        print(json.dumps({"commits": commits, "longest": longest, "seconds": time.perf_counter() - start}))


def _commit() -> None:
    with write_unit() as session:
        session.add(AuditChange(happened_at=clock.now(), actor_kind="system", action="bench", subject_kind="bench",
                                subject_id="bench", detail={"note": "x" * 400}))


def main(arguments: Sequence[str]) -> None:
    """What `_write` starts."""
    assert list(arguments) == ["--work"]
    _work()


if __name__ == "__main__":
    main(sys.argv[1:])
