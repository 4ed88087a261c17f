"""What is installed is exactly what was locked: every package with its hash, from no address that a lock names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from clinic.config import ROOT

PYTHON = sorted((ROOT / "requirements").glob("*.txt"))
NODE = [ROOT / "tests" / "peers" / "package-lock.json", ROOT / "tools" / "assets" / "package-lock.json"]


@pytest.mark.parametrize("lock", PYTHON, ids=lambda path: path.name)
def test_every_locked_package_has_one_version_and_its_hashes(lock: Path) -> None:
    text = re.sub(r"(?m)^\s*#.*$", "", lock.read_text()).replace("\\\n", " ")
    rows = [line.split() for line in text.splitlines() if line.strip()]
    assert len(rows) > 3
    for name, *hashes in rows:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[A-Za-z0-9.!+]+", name), name
        marks = [mark for mark in hashes if mark.startswith("--hash=")]
        assert marks and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", mark) for mark in marks), name
    assert "://" not in text and "--index" not in text and "--find-links" not in text


def test_every_python_lock_has_its_source() -> None:
    assert {path.stem for path in PYTHON} == {path.stem for path in (ROOT / "requirements").glob("*.in")}


@pytest.mark.parametrize("lock", NODE, ids=lambda path: path.parent.name)
def test_node_packages_have_their_hash_and_no_address(lock: Path) -> None:
    packages = {name: row for name, row in json.loads(lock.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, row in packages.items() if not str(row.get("integrity", "")).startswith("sha512-")] == []
    assert "resolved" not in lock.read_text()


@pytest.mark.parametrize("lock", PYTHON, ids=lambda path: path.name)
def test_whatever_is_asked_for_is_locked(lock: Path) -> None:
    asked, files = set(), [lock.with_suffix(".in")]
    while files:
        for line in files.pop().read_text().splitlines():
            if included := re.match(r"-r (\S+)", line):
                files.append(lock.with_name(included[1]))
            elif name := re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line):
                asked.add(re.sub(r"[-_.]+", "-", name[0]).lower())
    locked = {re.split(r"[\[=]", line)[0] for line in lock.read_text().splitlines() if "==" in line}
    assert asked - locked == set()
