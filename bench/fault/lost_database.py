"""The database is gone under load and comes back: in-flight requests are told, and every process recovers by itself.

On PostgreSQL the server is ended at once and started again; on SQLite a stranger holds the file longer than anybody
waits.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections import Counter
from pathlib import Path

from bench.fault.check import Check
from bench.fault.clinic_day import Act, ClinicDay
from bench.fault.postgresql_server import Server
from bench.installation import Installation, look_inside, make_settings, open_database, wait_until
from clinic import migration

ROUNDS = 3


def run(database: str) -> list[Check]:
    """Work, take the database away several times, see what people were told and what is kept."""
    from wsgi import create_app

    with tempfile.TemporaryDirectory(prefix="clearway-gone-") as folder, open_database(database) as url:
        settings = make_settings(Path(folder) / "var", url)
        app = create_app(settings)
        with look_inside(app):
            migration.upgrade()
        installation = Installation(settings)
        day = ClinicDay(app, installation)
        try:
            installation.start("web", "worker", "mllp", "sandbox")
            installation.wait_ready()
            for act in day.list_acts():
                act.do()  # opens each page once: the tokens of its forms are kept
            before, load = day.count_kept(), _Load(day)
            load.start()
            waits = []
            for _round in range(ROUNDS):
                _take_away(settings.var_dir / "clearway.sqlite3", url, load)
                waits.append(_wait_recovered(day))
            load.stop()
            wait_until(lambda: installation.visit(None, "/readyz").status == 200, "ready again, worker included")
            alive = {name: installation.is_alive(name) for name in installation.processes}
            after = day.count_kept()
        finally:
            installation.end()
    checks = [
        Check("no process was started again", all(alive.values()), str(alive)),
        Check("everything works again by itself", True, f"after {', '.join(f'{wait:.1f} s' for wait in waits)}"),
        Check("whoever was refused got a sentence", not load.rude, f"{dict(load.said)}; without: {dict(load.rude)}"),
    ]
    for name in load.told:
        grown = after[name] - before[name]
        checks.append(Check(f"{name}: nothing that was acknowledged is lost", grown >= load.told[name],
                            f"{load.told[name]} said, {grown} kept"))
    return checks


class _Load(threading.Thread):
    """People and machines at work, one act after the other."""

    def __init__(self, day: ClinicDay) -> None:
        super().__init__(daemon=True)
        self.day, self._ended = day, threading.Event()
        self.told: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.rude: Counter[str] = Counter()

    def run(self) -> None:
        acts = [Act("photo", self.day.take_photo), Act("message over MLLP", self.day.send_message),
                Act("registration", self.day.register)]
        while not self._ended.is_set():
            for act in acts:
                kept, words = act.do()
                if kept:
                    self.told[act.name] += 1
                elif "nothing was saved" in words or "Nothing of yours was saved" in words or "not ack" in words:
                    self.said[words] += 1
                else:
                    self.rude[f"{act.name}: {words}"] += 1

    def stop(self) -> None:
        """Let the present act end."""
        self._ended.set()
        self.join(120)


def _take_away(file: Path, url: str, load: _Load) -> None:
    refused = load.said.total()

    def is_felt() -> bool:
        return load.said.total() > refused

    if url:
        server = Server(url)
        server.stop()
        wait_until(is_felt, "somebody was refused")
        server.start()
        return
    stranger = sqlite3.connect(file, isolation_level=None)
    stranger.execute("begin exclusive")
    try:
        wait_until(is_felt, "somebody was refused")
    finally:
        stranger.rollback()
        stranger.close()


def _wait_recovered(day: ClinicDay) -> float:
    return wait_until(lambda: all(act.do()[0] for act in day.list_acts()[:4:3]), "a photo and a message are kept again")
