"""The supervisor: ports, restarts, and one signal that ends everything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from clinic.config import ROOT, Settings
from clinic.errors import Misconfigured
from integrations.child import BACK_OFF, Child, end_all, say
from integrations.supervisor import build_web_command, check_ports, explain_end, list_ports


def test_taken_port_gives_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as caught:
            check_ports({"WEB_PORT": port})
    assert caught.value.message == (
        f"Port {port} is taken; set CLEARWAY_WEB_PORT to another one or stop what uses it."
    )
    check_ports({"WEB_PORT": port})


def test_every_port_of_an_installation_is_looked_at() -> None:
    demo = Settings(demo=True)
    for setting in list_ports(demo):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            found = list_ports(replace(demo, **{setting.lower(): port}))
            with pytest.raises(Misconfigured, match=f"Port {port} is taken; set CLEARWAY_{setting} "):
                check_ports({setting: found[setting]})


def test_port_taken_after_the_look_is_named_when_the_process_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        explain_end("mllp", Settings(mllp_port=port))
        explain_end("worker", Settings(mllp_port=port))
    assert capsys.readouterr().out.splitlines() == [
        f"mllp    | Port {port} is taken; set CLEARWAY_MLLP_PORT to another one or stop what uses it."
    ]


def test_output_that_takes_nothing_does_not_stop_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        say("probe", "a line that finds no room")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


def test_sandbox_ports_are_needed_in_the_demo_only() -> None:
    ours = {"WEB_PORT": 8000, "MLLP_PORT": 2575}
    assert list_ports(Settings(demo=False)) == ours
    assert list_ports(Settings(demo=True)) == ours | {
        "SANDBOX_PORT": 8090, "SANDBOX_MLLP_PORT": 2576, "SANDBOX_LAB_MLLP_PORT": 2577}


def test_web_worker_has_several_threads() -> None:
    sqlite = build_web_command(Settings())
    postgresql = build_web_command(Settings(database_url="postgresql+psycopg://x/y"))
    assert sqlite[sqlite.index("--blocking-threads") + 1] == "8"
    assert postgresql[postgresql.index("--blocking-threads") + 1] == "4"


def run(tmp_path: Path, code: str) -> Child:
    return Child("probe", [sys.executable, "-c", code], tmp_path, dict(os.environ))


def test_ended_process_is_started_again_after_its_back_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.child.BACK_OFF", (0.0, 30.0))
    child = run(tmp_path, "print('hello')")
    child.start()
    deadline = time.monotonic() + 60
    while child.starts < 2 and time.monotonic() < deadline:
        child.keep_running()
        time.sleep(0.02)
    time.sleep(0.3)
    child.keep_running()
    child.keep_running()
    end_all([child])
    assert child.starts == 2, "the second restart waits thirty seconds"
    assert "probe   | hello" in capsys.readouterr().out
    assert list(BACK_OFF) == sorted(BACK_OFF)


def test_process_that_does_not_end_by_itself_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    child = run(tmp_path, stubborn)
    child.environment["PYTHONUNBUFFERED"] = "1"
    child.start()
    deadline = time.monotonic() + 60
    while "up" not in capsys.readouterr().out and time.monotonic() < deadline:
        time.sleep(0.02)
    end_all([child], grace_seconds=0.2)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_everything_starts_from_nothing_and_one_signal_ends_it(tmp_path: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLEARWAY_")}
    environment |= {f"CLEARWAY_{name}": str(free_port()) for name in (
        "MLLP_PORT", "SANDBOX_PORT", "SANDBOX_MLLP_PORT", "SANDBOX_LAB_MLLP_PORT")}
    environment |= {"CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_WEB_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "integrations.supervisor"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    lines = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "ready at" in line:
                break
        assert f"http://localhost:{port}" in lines[-1], "".join(lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
    check_ports({"WEB_PORT": port})
    assert (tmp_path / "clearway.sqlite3").exists()
