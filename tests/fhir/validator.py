"""Two validators that we did not write: google-fhir-r4 in its own environment, @medplum/core under Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from clinic.config import ROOT

PEERS = ROOT / "tests" / "peers"
GOOGLE_PYTHON = ROOT / ".venv-fhir-validator" / "bin" / "python"
PATIENCE_SECONDS = 120


class PeerMissing(RuntimeError):
    """A validator is not installed; the sentence says which command installs it."""


def validate_with_google(bodies: Sequence[bytes]) -> dict[int, list[str]]:
    """Errors by position among `bodies`, only of those that have any; raises PeerMissing."""
    if not GOOGLE_PYTHON.exists():
        raise PeerMissing("Run `make .venv-fhir-validator/ready`: the google FHIR validator is not installed.")
    return _run([str(GOOGLE_PYTHON), "-W", "ignore", str(PEERS / "google_fhir.py")], bodies)


def validate_with_medplum(bodies: Sequence[bytes]) -> dict[int, list[str]]:
    """Errors by position among `bodies`, only of those that have any; raises PeerMissing."""
    node = shutil.which("node")
    if node is None:
        raise PeerMissing("Install Node.js 20 or newer: the medplum validator runs on it.")
    if not (PEERS / "node_modules" / "@medplum" / "core").exists():
        raise PeerMissing("Run `npm ci` in tests/peers: the medplum validator is not installed.")
    return _run([node, str(PEERS / "medplum.mjs")], bodies)


def _run(command: list[str], bodies: Sequence[bytes]) -> dict[int, list[str]]:
    if any(b"\n" in body for body in bodies):
        raise ValueError("one resource a line")
    done = subprocess.run(
        command, input=b"\n".join(bodies) + b"\n", capture_output=True, timeout=PATIENCE_SECONDS, cwd=Path(PEERS)
    )
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(verdicts) != len(bodies):
        raise RuntimeError(f"{command[0]} judged {len(verdicts)} of {len(bodies)}: {done.stderr.decode()[-2000:]}")
    return {verdict["line"]: verdict["errors"] for verdict in verdicts if verdict["errors"]}
