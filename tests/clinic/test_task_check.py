"""A role or permission of the tasks' table that nobody has is told before a task is lost or a page fails."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from clinic import task_check
from clinic.config import Settings
from clinic.doctor.configuration import check_tasks
from clinic.doctor.finding import Finding, Verdict
from clinic.rules.command import check_programmes_command
from clinic.rules.programme import PROGRAMMES
from clinic.task_check import FILE, check_task_names


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the programmes to break."""
    shutil.copytree(PROGRAMMES, tmp_path / "programmes")
    return tmp_path / "programmes"


def spoil(root: Path, old: str, new: str) -> int:
    """Replace the first occurrence in the tasks' table; the line it stands on."""
    text = (root / FILE).read_text(encoding="utf-8")
    assert old in text
    (root / FILE).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_shipped_table_names_nobody_unknown() -> None:
    assert check_task_names() == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('role = "physician"', 'role = "phycisian"', "role names the unknown role 'phycisian'"),
        ('role = "tbteam" }', 'role = "tb-team" }', "escalation names the unknown role 'tb-team'"),
        ('work = ["sign"]', 'work = ["signs"]', "work names the unknown permission 'signs'"),
        ("work_by_key = { ", 'work_by_key = { x = ["see-all"], ', "work_by_key names the unknown permission 'see-all'"),
    ],
)
def test_unknown_name_is_told_with_its_line_by_the_command(copied: Path, old: str, new: str, words: str) -> None:
    line = spoil(copied, old, new)
    result = CliRunner().invoke(check_programmes_command, [str(copied)])
    assert result.exit_code == 1
    said = next(one for one in result.output.splitlines() if words in one)
    assert said.startswith(f"reference/task.toml:{line}: ")


def test_step_without_a_role_is_told_and_rows_of_another_shape_are_left_to_their_own_check(copied: Path) -> None:
    spoil(copied, 'work = ["sign"]', "work = 3")
    text = (copied / FILE).read_text(encoding="utf-8")
    (copied / FILE).write_text(f"loose = 3\n{text}\n[odd]\nescalation = [{{ days = 1 }}]\n", encoding="utf-8")
    assert [fault.message for fault in check_task_names(copied)] == [
        "table odd: escalation names the unknown role ''"]


def test_folder_without_the_table_or_with_a_broken_one_names_nobody(copied: Path) -> None:
    (copied / FILE).write_text("[", encoding="utf-8")
    assert check_task_names(copied) == []
    (copied / FILE).unlink()
    assert check_task_names(copied) == []


def test_doctor_tells_it_too(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.verdict for one in check_tasks(Settings(secret_key="test-secret"))] == [Verdict.GOOD]
    spoil(copied, 'role = "physician"', 'role = "doctor"')
    monkeypatch.setattr("clinic.doctor.configuration.check_task_names", lambda: task_check.check_task_names(copied))
    found: list[Finding] = list(check_tasks(Settings(secret_key="test-secret")))
    assert [one.verdict for one in found] == [Verdict.WRONG]
    assert "'doctor'" in found[0].words and "task.toml" in found[0].words
