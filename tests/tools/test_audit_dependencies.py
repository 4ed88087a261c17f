"""The audit of what we build on: a finding fails, a skipped package never passes for a sound one."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from types import ModuleType

import pytest

from clinic.config import ROOT

TODAY = date(2026, 11, 29)


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_dependencies", ROOT / "tools" / "audit_dependencies.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


audit = _load()


def _pip(*rows: dict[str, object]) -> str:
    return json.dumps({"dependencies": list(rows), "fixes": []})


SOUND = {"name": "click", "version": "8.1", "vulns": []}
FAULTY = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"]}]}
SKIPPED = {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.17.0)"}


def test_finding_fails_unless_it_is_accepted_under_any_of_its_names() -> None:
    answers = [audit.read_pip_audit("a", _pip(SOUND, FAULTY))]
    status, lines = audit.judge(answers, {}, False)
    assert status == 1 and any("pillow 1.0 has PYSEC-1" in line for line in lines)
    for name in ("PYSEC-1", "CVE-2026-1"):
        assert audit.judge(answers, {name: "does not reach us"}, True)[0] == 0
    assert audit.judge([audit.read_pip_audit("a", _pip(SOUND))], {}, True)[0] == 0


@pytest.mark.parametrize("text", ["", "no JSON", "[]", _pip(SKIPPED, SKIPPED)])
def test_nothing_learnt_is_said_and_fails_where_an_answer_is_required(text: str) -> None:
    answers = [audit.read_pip_audit("a", text)]
    status, lines = audit.judge(answers, {}, False)
    assert status == 0 and "NOT CHECKED" in lines[0]
    assert audit.judge(answers, {}, True)[0] == 1


def test_single_package_without_data_is_named() -> None:
    answers = [audit.read_pip_audit("a", _pip(SOUND, SKIPPED))]
    assert any("NOT CHECKED, no data on six" in line for line in audit.judge(answers, {}, False)[1])
    assert audit.judge(answers, {}, True)[0] == 1


def test_npm_is_read_the_same_way() -> None:
    found = {"via": [{"url": "https://example.org/advisories/GHSA-1"}, "other"], "range": "<2"}
    report = {"metadata": {"dependencies": {"total": 9}}, "vulnerabilities": {"left-pad": found}}
    status, lines = audit.judge([audit.read_npm_audit("n", json.dumps(report))], {}, False)
    assert status == 1 and "left-pad <2 has GHSA-1" in lines[0] and "9 packages" in lines[1]
    refused = audit.read_npm_audit("n", json.dumps({"message": "405 Method Not Allowed", "statusCode": 405}))
    assert "NOT CHECKED" in audit.judge([refused], {}, False)[1][0]


def test_accepted_entry_needs_a_reason_and_a_day_to_come() -> None:
    reason = "The faulty function is not called by us."
    whole = f'[[accepted]]\nid = "A"\nreason = "{reason}"\nuntil = {{}}\n'
    assert audit.read_accepted(whole.format("2026-12-01"), TODAY)[0] == {"A": reason}
    assert "decide again" in audit.read_accepted(whole.format("2026-11-28"), TODAY)[1][0]
    assert audit.read_accepted('[[accepted]]\nid = "A"\n', TODAY) == ({}, ["A: give id, a reason in a sentence, and "
                                                                          "until (a date)"])


def test_committed_list_can_be_read() -> None:
    assert isinstance(audit.read_accepted((ROOT / "requirements" / "accepted.toml").read_text(), TODAY)[0], dict)
