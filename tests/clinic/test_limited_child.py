"""The limits of the process that opens strangers' files hold, and nothing of ours reaches it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clinic import limited_child, picture_child
from clinic.dicom import child as film_child
from clinic.errors import Unavailable
from clinic.limited_child import ROOT, Limits, run_limited, take_slot

TAKE = "from clinic.limited_child import *; take_limits(Limits({cpu}, {memory}, {file}))\n"


def _run(body: str, cpu: int = 5, memory: int = 2**30, file: int = 2**20) -> subprocess.CompletedProcess[bytes]:
    program = TAKE.format(cpu=cpu, memory=memory, file=file) + body
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60, check=False)


def test_processor_memory_files_and_handles_are_limited(tmp_path: Path) -> None:
    assert _run("while True: pass", cpu=1).returncode < 0
    assert b"MemoryError" in _run("bytes(2**30)", memory=2**29).stderr
    written = tmp_path / "written"
    assert _run(f"open({str(written)!r}, 'wb').write(bytes(2**21))").returncode != 0
    assert written.stat().st_size <= 2**20
    assert b"Too many open files" in _run("kept = [open('/dev/null') for _ in range(100)]").stderr


@pytest.mark.parametrize("module", ["clinic.dicom.child", "clinic.picture_child", "clinic.documents.pdf_child"])
def test_child_loads_nothing_before_its_limits(module: str) -> None:
    """Neither the application, which takes a second, nor what reads the bytes."""
    look = f"import sys, {module}; print({{'flask', 'sqlalchemy', 'numpy', 'pydicom', 'PIL'}} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", look], cwd=ROOT) == b"set()\n"


def test_every_child_of_ours_has_limits() -> None:
    for limits in (film_child.LIMITS, picture_child.LIMITS):
        assert isinstance(limits, Limits)
        assert limits.cpu_seconds <= 60 and limits.memory_bytes <= 2 * 1024**3 and limits.file_bytes <= 256 * 1024**2


def test_child_reaches_no_network_where_the_kernel_can_forbid_it() -> None:
    """Where it cannot (a container without the right), the child says so itself and the connection is not asked for."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        own = os.readlink("/proc/self/ns/net")
        done = _run("import os, socket\nprint(os.readlink('/proc/self/ns/net'))\n"
                    f"socket.create_connection(('127.0.0.1', {port}))")
    is_apart = done.stdout.decode().strip() != own
    assert is_apart == (done.returncode != 0), "a network of its own has no way to ours"
    assert is_apart or os.geteuid() != 0, "root may always have one"


def test_child_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARWAY_SECRET_KEY", "not for children")
    seen = tmp_path / "seen.py"
    seen.write_text("import os\nprint(sorted(os.environ))")
    monkeypatch.setattr(limited_child, "ROOT", tmp_path)
    ended = run_limited("seen", [], tmp_path / "slots", 30)
    assert ended.status == 0 and b"CLEARWAY" not in ended.output and b"PATH" in ended.output


def test_third_file_waits_and_gives_up_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_child, "PATIENCE_SECONDS", 0.1)
    with take_slot(tmp_path), take_slot(tmp_path), pytest.raises(Unavailable), take_slot(tmp_path):
        raise AssertionError("a third child was let in")
    with take_slot(tmp_path):
        pass
