"""One real installation on this machine for a drill: its processes, a signed-in person, a sender of HL7."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask

from clinic.audit import audit_engine
from clinic.config import ROOT, Settings, load_settings
from clinic.db import db
from clinic.models import User
from integrations.hl7.frame import FrameReader, wrap
from tests.postgresql import start_postgresql
from tests.sign_in import sign_in

SECRET = "a drill's secret, long enough to be one"
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
PATIENCE = 180.0  # seconds for anything that should happen; a busy machine takes long to start a process


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP, names of headers in lower case; status 0 when nobody answered."""

    status: int
    text: str
    headers: Mapping[str, str]

    def say(self) -> str:
        """The sentence that the person sees when something did not work."""
        found = re.search(r'<p class="lead">(.*?)</p>', self.text, re.S)
        return re.sub(r" Reference: \S+|\s+", " ", found[1]).strip() if found else ""


@dataclass
class Person:
    """A member of staff in a browser: the cookie that the application gave."""

    cookie: str


class Installation:
    """The processes of one installation; each is started by its usual command."""

    def __init__(self, settings: Settings, extra: Mapping[str, str] | None = None) -> None:
        self.settings = settings
        self.extra = dict(extra or {})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """What its processes and commands are told."""
        settings = self.settings
        return os.environ | {
            "CLEARWAY_VAR_DIR": str(settings.var_dir), "CLEARWAY_DATABASE_URL": settings.database_url,
            "CLEARWAY_SECRET_KEY": settings.secret_key, "CLEARWAY_WEB_PORT": str(settings.web_port),
            "CLEARWAY_MLLP_PORT": str(settings.mllp_port), "CLEARWAY_SANDBOX_PORT": str(settings.sandbox_port),
            "CLEARWAY_SANDBOX_MLLP_PORT": str(settings.sandbox_mllp_port), "CLEARWAY_BASE_URL": settings.base_url,
            "CLEARWAY_SANDBOX_LAB_MLLP_PORT": str(settings.sandbox_lab_mllp_port),
            "CLEARWAY_DEMO": "1", "CLEARWAY_RECORDS_AN_HOUR": str(settings.records_an_hour),
        } | self.extra  # fmt: skip

    def start(self, *names: str, root: Path = ROOT, port: int | None = None) -> None:
        """Start processes by name: web, mllp, sandbox, anything else is a worker."""
        for name in names:
            self.processes[name] = start(self.list_command(name, port), self.environment, root)

    def list_command(self, name: str, port: int | None = None) -> list[str]:
        """The usual command of a process."""
        moved = "DRILL_HANDS" in self.extra
        commands = {
            "web": [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port",
                    str(port or self.settings.web_port), "--workers", "1", "--respawn-failed-workers", "--log-level",
                    "warning", "bench.fault.moved_clock:app" if moved else "wsgi:app"],
            "mllp": [sys.executable, "-m", "flask", "--app", "wsgi", "listen", "mllp"],
            "sandbox": [sys.executable, "-m", "integrations.sandbox"],
        }  # fmt: skip
        worker = ["bench.fault.moved_clock"] if moved else ["flask", "--app", "wsgi", "worker"]
        return commands.get(name.split("-", 1)[0], [sys.executable, "-m", *worker])

    def run(self, *command: str, root: Path = ROOT, **extra: str) -> str:
        """One `flask` command to its end; gives what it printed. Raises CalledProcessError with the output."""
        done = subprocess.run([sys.executable, "-m", "flask", "--app", "wsgi", *command], cwd=root, text=True,
                              env=self.environment | {"PYTHONPATH": str(root)} | extra, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300, check=False)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def is_alive(self, name: str) -> bool:
        """Whether the process still runs."""
        return self.processes[name].poll() is None

    def end(self, *names: str) -> None:
        """Ask processes to end; all of them without a name."""
        for name in names or tuple(self.processes):
            process = self.processes.pop(name)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            kill(process)

    def visit(self, person: Person | None, path: str, form: Mapping[str, str] | None = None,
              body: tuple[bytes, str] | None = None, port: int | None = None) -> Answer:
        """GET, or POST a `form` or a `body` (bytes, content type)."""
        data, headers = None, {"Accept": "text/html"}
        if form is not None:
            data, headers["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        if body is not None:
            data, headers["Content-Type"] = body
        if person is not None:
            headers["Cookie"] = person.cookie
        request = urllib.request.Request(
            f"http://127.0.0.1:{port or self.settings.web_port}{path}", data=data, headers=headers)
        try:
            with _OPENER.open(request, timeout=60) as answer:
                return _read(answer, person)
        except urllib.error.HTTPError as error:
            with error:
                return _read(error, person)
        except OSError:
            return Answer(0, "", {})

    def send_hl7(self, message: bytes) -> bytes | None:
        """Send one message to the listener; its answer, None when it hung up or nobody was there."""
        reader = FrameReader()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.settings.mllp_port), 5) as line:
            line.settimeout(60)
            line.sendall(wrap(message))
            while piece := line.recv(65536):
                for frame in reader.feed(piece):
                    return frame
        return None

    def wait_ready(self, port: int | None = None) -> None:
        """Wait until the application says that everything it needs is there."""
        wait_until(lambda: self.visit(None, "/readyz", port=port).status == 200, "the application is ready")


def _read(answer: Any, person: Person | None) -> Answer:
    for cookie in answer.headers.get_all("Set-Cookie") or ():
        if person is not None and cookie.startswith(person.cookie.split("=", 1)[0] + "="):
            person.cookie = cookie.split(";", 1)[0]
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, answer.read().decode(errors="replace"), headers)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: object) -> None:
        """Stay: an answer that leads elsewhere is an answer."""


_OPENER = urllib.request.build_opener(_Stay)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Wait for a condition; gives how long it took. Raises TimeoutError naming it."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.1)
    return time.monotonic() - began


def make_settings(folder: Path, url: str) -> Settings:
    """Settings of an installation in `folder` on free ports."""
    ports = find_free_ports(5)
    return replace(
        load_settings(), var_dir=folder, database_url=url, secret_key=SECRET, web_port=ports[0], mllp_port=ports[1],
        sandbox_port=ports[2], sandbox_mllp_port=ports[3], sandbox_lab_mllp_port=ports[4],
        base_url=f"http://127.0.0.1:{ports[0]}", demo=True,
    )  # fmt: skip


def find_free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def open_database(kind: str) -> Iterator[str]:
    """The URL of an empty database: nothing for SQLite, a server of its own, durable, for PostgreSQL."""
    if kind == "sqlite":
        yield ""
        return
    with start_postgresql(Path(tempfile.gettempdir()), is_durable=True) as url:
        yield url


@contextmanager
def look_inside(app: Flask) -> Iterator[None]:
    """The drill's own look at the installation's database; leaves no connection behind."""
    with app.app_context():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()
            audit_engine().dispose()


def make_person(app: Flask, user: User, case_id: str | None = None) -> Person:
    """`user` signed in, before the person of the case at every station; within `look_inside`."""
    client = sign_in(app, user, case_id)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return Person(f"{cookie.key}={cookie.value}")


def start(command: list[str], environment: Mapping[str, str], root: Path = ROOT) -> subprocess.Popen[bytes]:
    """Start a process of an installation; its output goes to the file `DRILL_LOG`, nowhere without one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = os.open(environment.get("DRILL_LOG", os.devnull), flags, 0o600)
    try:
        return subprocess.Popen(command, cwd=root, env={**environment, "PYTHONPATH": str(root)}, stdout=output,
                                stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
    finally:
        os.close(output)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
