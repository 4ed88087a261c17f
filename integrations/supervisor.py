"""`make run`: starts everything, keeps it running, and ends it all with one Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from clinic.config import PREFIX, ROOT, Settings, load_settings
from clinic.errors import ClearwayError, Misconfigured
from integrations.child import Child, end_all, say
from integrations.transport.http import NoAnswer, NotSent, Patience, exchange
from integrations.worker import stop_on_signal

HOST = "127.0.0.1"  # the demo's sign-ins are public: reached from this machine, or through a proxy of yours
READY_SECONDS = 90.0
PORTS_OF = {"web": ("WEB_PORT",), "mllp": ("MLLP_PORT", "MLLP_TLS_PORT"),
            "sandbox": ("SANDBOX_PORT", "SANDBOX_MLLP_PORT", "SANDBOX_LAB_MLLP_PORT")}
WATCH_SECONDS = 0.25


def main() -> int:
    """Prepare, start, watch, end; the exit code is 0 when it was asked to end."""
    stop = Event()
    stop_on_signal(stop)
    signal.signal(signal.SIGHUP, lambda _signal, _frame: stop.set())
    try:
        settings = load_own_settings()
        check_ports(list_ports(settings))
        prepare(stop)
    except ClearwayError as error:
        say("clearway", error.message)
        return 1
    children = [] if stop.is_set() else list_children(settings)
    try:
        for child in children:
            child.start()
        watch(children, settings, stop)
    finally:
        say("clearway", "ending")
        end_all(children)
    return 0


def load_own_settings() -> Settings:
    """The settings; without a BASE_URL it follows the port, for us and for every process we start."""
    settings = load_settings()
    if PREFIX + "BASE_URL" in os.environ:
        return settings
    os.environ[PREFIX + "BASE_URL"] = f"http://localhost:{settings.web_port}"
    return load_settings()


def list_ports(settings: Settings) -> dict[str, int]:
    """The ports that our processes will listen on, by the setting that names each."""
    ports = {"WEB_PORT": settings.web_port}
    ports["MLLP_PORT"] = settings.mllp_port
    if settings.mllp_tls_port:
        ports["MLLP_TLS_PORT"] = settings.mllp_tls_port
    if settings.demo:
        ports |= {"SANDBOX_PORT": settings.sandbox_port, "SANDBOX_MLLP_PORT": settings.sandbox_mllp_port,
                  "SANDBOX_LAB_MLLP_PORT": settings.sandbox_lab_mllp_port}
    return ports


def check_ports(ports: dict[str, int]) -> None:
    """Raise Misconfigured naming the first port that somebody else listens on, and what to do."""
    for setting, port in ports.items():
        try:
            socket.create_server((HOST, port)).close()
        except OSError:
            raise Misconfigured(
                f"Port {port} is taken; set {PREFIX}{setting} to another one or stop what uses it."
            ) from None


def prepare(stop: Event) -> None:
    """Bring the database forward in a process of its own; raises Misconfigured when that fails."""
    command = [sys.executable, "-m", "integrations.preparation"]
    child = Child("prepare", command, ROOT, build_environment())
    child.start()
    while child.process is not None and child.process.poll() is None and not stop.wait(0.05):
        pass
    code = child.process.poll() if child.process is not None else None
    end_all([child])
    if code and not stop.is_set():
        raise Misconfigured("The database could not be prepared; the lines above say why. Nothing was started.")


def list_children(settings: Settings) -> list[Child]:
    """Every process of an installation."""
    commands = {
        "web": build_web_command(settings),
        "worker": [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
        "mllp": [sys.executable, "-m", "flask", "--app", "wsgi", "listen", "mllp"],
    }
    if settings.demo:
        commands["sandbox"] = [sys.executable, "-m", "integrations.sandbox"]
    environment = build_environment()
    return [Child(name, command, ROOT, environment) for name, command in commands.items()]


def build_web_command(settings: Settings) -> list[str]:
    """granian, one worker a core."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", HOST,
        "--port", str(settings.web_port), "--workers", str(len(os.sched_getaffinity(0))),
        "--blocking-threads", str(count_threads(settings)), "--respawn-failed-workers", "--workers-kill-timeout", "10",
        "--log-level", "warning", "wsgi:app",
    ]  # fmt: skip


def count_threads(settings: Settings) -> int:
    """Threads of a web worker: more on SQLite, where those that wait for the disk share its fsync (decision 13)."""
    return 8 if settings.effective_database_url.startswith("sqlite") else 4


def build_environment() -> dict[str, str]:
    """Our own environment, with output that is not held back and the sources found first."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}


def watch(children: Sequence[Child], settings: Settings, stop: Event) -> None:
    """Keep the children running until `stop` is set; say once when the application is ready."""
    begun, announced = time.monotonic(), False
    while not stop.wait(WATCH_SECONDS):
        for child in children:
            if child.keep_running():
                explain_end(child.name, settings)
        if announced:
            continue
        if is_ready(settings.web_port):
            announce(settings)
            announced = True
        elif time.monotonic() - begun > READY_SECONDS:
            say("clearway", f"not ready yet; http://{HOST}:{settings.web_port}/readyz says what is missing")
            announced = True


def explain_end(name: str, settings: Settings) -> None:
    """Say when a process probably ended because somebody took its port after we had looked."""
    ports = list_ports(settings)
    own = {setting: ports[setting] for setting in PORTS_OF.get(name, ()) if setting in ports}
    try:
        check_ports(own)
    except Misconfigured as error:
        say(name, error.message)


def is_ready(port: int) -> bool:
    """Whether the application answers that everything it needs is there."""
    try:
        return exchange("GET", f"http://{HOST}:{port}/readyz", {}, None, Patience(0.5, 2)).status == 200
    except (NotSent, NoAnswer):
        return False


def announce(settings: Settings) -> None:
    """Print the addresses, and in a demo who may sign in."""
    lines = ["", f"Clearway is ready at {settings.base_url}", ""]
    if settings.demo:
        from clinic.demo.seed import PASSWORD, list_sign_ins  # only a demo needs it

        lines += [f"Sandbox authorities at http://{HOST}:{settings.sandbox_port}/", ""]
        lines += [f"Demo sign-ins, password {PASSWORD}:"]
        lines += [f"  {sign_in:<32} {role}" for sign_in, role in list_sign_ins()]
        lines += [""]
    lines += [f"State is kept in {_shorten(settings.var_dir)}. Stop with Ctrl-C.", ""]
    for line in lines:
        say("clearway", line)


def _shorten(path: Path) -> str:
    return f"{path.relative_to(ROOT)}/" if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
