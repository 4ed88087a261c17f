"""One process that the supervisor keeps running: its output prefixed, restarted with back-off, ended in one go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

BACK_OFF: tuple[float, ...] = (0.5, 1, 2, 5, 10, 30)  # seconds before each restart in a row
STEADY_SECONDS = 60.0  # a child that lived this long begins its back-off afresh
GRACE_SECONDS = 15.0  # between asking a child to end and ending it


class Child:
    """A command that should always run. Its terminal is not ours, so Ctrl-C reaches the supervisor alone."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.command = list(command)
        self.folder = folder
        self.environment = dict(environment)
        self.process: subprocess.Popen[str] | None = None
        self.starts = 0
        self._started_at = 0.0
        self._restart_at: float | None = None
        self._faults = 0
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process and a thread that passes its output on, line by line."""
        self.process = subprocess.Popen(
            self.command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self.starts += 1
        self._started_at, self._restart_at = time.monotonic(), None
        self._reader = threading.Thread(target=self._pass_on, args=(self.process,), daemon=True)
        self._reader.start()

    def keep_running(self) -> bool:
        """Restart the process if it ended, once its back-off has passed; call this again and again.

        True when its end was noticed just now.
        """
        if self.process is None or self.process.poll() is None:
            return False
        now = time.monotonic()
        if self._restart_at is None:
            if now - self._started_at > STEADY_SECONDS:
                self._faults = 0
            wait = BACK_OFF[min(self._faults, len(BACK_OFF) - 1)]
            self._faults += 1
            self._restart_at = now + wait
            say(self.name, f"ended with code {self.process.returncode}; starting again in {wait:g} s")
            return True
        if now >= self._restart_at:
            self.start()
        return False

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_until_ended(self, deadline: float) -> None:
        """Wait for the end until `deadline` (monotonic seconds), then end the process and whatever it started."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(self.name, "does not end by itself and is ended")
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self._reader is not None:
            self._reader.join(1)

    def _pass_on(self, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        with process.stdout as output:
            for line in output:
                say(self.name, line.rstrip("\n"))


def end_all(children: Sequence[Child], grace_seconds: float = GRACE_SECONDS) -> None:
    """Ask every child to end, and end those that have not within the grace."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + grace_seconds
    for child in children:
        child.wait_until_ended(deadline)


def say(name: str, line: str) -> None:
    """One line of output with its source before it; lost when the output takes nothing (a full disk, a closed pipe).

    A fault here must not end the thread that empties a child's pipe: the child would stand still once it is full.
    """
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{name:<8}| {line}\n")
        sys.stdout.flush()
