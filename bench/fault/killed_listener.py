"""The listener is killed at random while laboratories send: what was acknowledged is stored, byte for byte, once."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select

from bench.fault.check import Check
from bench.installation import Installation, look_inside, make_settings, open_database
from clinic import migration
from clinic.config import ROOT
from clinic.db import db, read_unit, write_unit
from clinic.models import InboundMessage
from integrations.hl7.frame import FrameReader, wrap
from tests.factory import make_laboratory, make_site

KILLS = int(os.environ.get("LISTENER_KILLS", "100"))
SENDERS = 8
PAUSE = (0.05, 0.6)  # seconds that a listener lives once it has answered
PATIENCE = 20.0
MESSAGE = (
    "MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20261120080000+0300||ORU^R01^ORU_R01|{number}|P|2.5.1\r"
    "PID|1||NBO-26-000001-R^^^CLEARWAY^MR||Wanjiru^Grace||19910105|F\r"
    "OBR|1|NBO-L-000001-X^CLEARWAY|{number}^LAB01|20507-0^RPR^LN|||20261119\r"
    "OBX|1|CWE|20507-0^RPR^LN||NEG^Negative^99LAB||||||F\r"
)


def run(database: str, kills: int = KILLS) -> list[Check]:
    """Send from several connections, kill and start the listener, then look for every acknowledged message."""
    from wsgi import create_app

    chance = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="clearway-listener-") as folder, open_database(database) as url:
        settings = make_settings(Path(folder) / "var", url)
        app = create_app(settings)
        with look_inside(app):
            migration.upgrade()
            with write_unit():
                make_laboratory(make_site())
        load, listeners = _Load(settings.mllp_port), _Listeners(Installation(settings).environment)
        began = time.monotonic()
        try:
            load.begin()
            for _kill in range(kills):
                load.wait_for_answer()
                time.sleep(chance.uniform(*PAUSE))
                listeners.kill()
            load.wait_for_answer()
        finally:
            load.end()
            listeners.end()
        seconds = time.monotonic() - began
        with look_inside(app), read_unit() as session:
            rows = session.execute(select(InboundMessage.control_id, InboundMessage.sha256, InboundMessage.raw)).all()
            kept = {row.control_id: hashlib.sha256(row.raw).hexdigest() for row in rows}
            whole = all(row.sha256 == kept[row.control_id] for row in rows)
            db.session.remove()
    missing = [number for number, digest in load.acknowledged.items() if kept.get(number) != digest]
    sent, told = load.count, len(load.acknowledged)
    return [
        Check("what was acknowledged is stored", not missing, f"{told} acknowledged, {len(missing)} missing, "
              f"{kills} kills, {sent} sent by {SENDERS} connections in {seconds:.0f} s"),
        Check("every message is stored once, byte for byte", whole and len(rows) == len(kept),
              f"{len(rows)} rows, {len(rows) - told} of them never acknowledged"),
        Check("a message that came twice got one row and the same answer", not load.changed,
              f"{load.repeated} sent again after a kill"),
    ]


class _Listeners:
    """One listener after the other: each a process of its own, killed with signal 9, the next begun at once."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._keeper = subprocess.Popen([sys.executable, "-m", "bench.fault.killed_listener"], cwd=ROOT, text=True,
                                        env=environment, stdout=subprocess.PIPE)
        self._pid = self._read()

    def kill(self) -> None:
        """End the one that runs, without a word, and wait until the next has begun."""
        os.kill(self._pid, signal.SIGKILL)
        self._pid = self._read()

    def end(self) -> None:
        """End the keeper first, so that it begins no other."""
        self._keeper.kill()
        self._keeper.wait()
        os.kill(self._pid, signal.SIGKILL)
        if self._keeper.stdout is not None:
            self._keeper.stdout.close()

    def _read(self) -> int:
        assert self._keeper.stdout is not None
        return int(self._keeper.stdout.readline())


def keep_listening() -> None:
    """Run the listener in a child, and another whenever it ended: the application is imported once for all of them."""
    from integrations.inbound.listener import run_listener
    from wsgi import create_app

    app = create_app()
    while True:
        pid = os.fork()
        if pid == 0:
            run_listener(app)
            os._exit(0)
        print(pid, flush=True)
        os.waitpid(pid, 0)


class _Load:
    """Laboratories that keep a connection, wait for each answer, and send again what was not answered."""

    def __init__(self, port: int) -> None:
        self.port, self.count, self.repeated = port, 0, 0
        self.acknowledged: dict[str, str] = {}
        self.changed: list[str] = []
        self._ended, self._answered, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,), daemon=True)
                         for number in range(SENDERS)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for_answer(self) -> None:
        """Until the listener that runs now has answered; raises TimeoutError."""
        self._answered.clear()
        if not self._answered.wait(60):
            raise TimeoutError("the listener answered nobody within a minute")

    def _send(self, sender: int) -> None:
        number, first = 0, True
        while not self._ended.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as line:
                    reader = FrameReader()
                    while not self._ended.is_set():
                        name = f"D{sender}-{number}"
                        body = MESSAGE.format(number=name).encode()
                        with self._lock:
                            self.count += 1
                            self.repeated += not first
                        line.sendall(wrap(body))
                        found: list[bytes] = []
                        while not found:
                            piece = line.recv(65536)
                            if not piece:
                                raise OSError
                            found = reader.feed(piece)
                        if f"MSA|AA|{name}".encode() not in found[0]:
                            self.changed.append(name)
                        with self._lock:
                            self.acknowledged[name] = hashlib.sha256(body).hexdigest()
                        self._answered.set()
                        number, first = number + 1, True
            except OSError:
                first = False
                time.sleep(0.02)


if __name__ == "__main__":
    keep_listening()
