"""The demo's journey, as a newcomer runs it: one command, one acknowledged delivery, one pull with the same digest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clinic.config import ROOT


@pytest.mark.parametrize("programme", ["us", "uk"])  # by FHIR, and by HL7 to one that asks for few cases
def test_journey_on_a_bare_checkout_prints_an_acknowledged_delivery(tmp_path: Path, programme: str) -> None:
    environment = {**os.environ, "CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_BASE_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "journey", "--programme", programme],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"opened case NBO-\d\d-\d{6}-\w", done.stdout)
    assert re.search(rf"Delivered and acknowledged at .* receipt {programme.upper()}-?\w+, attempts 1\.", done.stdout)
    assert "the digest is the signed one" in done.stdout
