"""Settings come from the environment, each readable or refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinic.config import PREFIX, ROOT, Settings, load_settings
from clinic.errors import Misconfigured


def test_values_are_read_by_kind(tmp_path: Path) -> None:
    settings = load_settings({"CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_WEB_PORT": "8123", "CLEARWAY_DEMO": "1"})
    assert (settings.web_port, settings.demo, settings.var_dir) == (8123, True, tmp_path)
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/clearway.sqlite3"


@pytest.mark.parametrize(("name", "value"), [("WEB_PORT", "eighty"), ("DEMO", "perhaps")])
def test_unreadable_value_names_its_variable(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=PREFIX + name):
        load_settings({"CLEARWAY_VAR_DIR": str(tmp_path), PREFIX + name: value})


def test_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    environ = {"CLEARWAY_VAR_DIR": str(tmp_path)}
    first = load_settings(environ).secret_key
    assert len(first) > 40
    assert load_settings(environ).secret_key == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_every_setting_has_its_line_of_explanation() -> None:
    source = (ROOT / "clinic" / "config.py").read_text()
    for name in Settings.__annotations__:
        line = next(line for line in source.splitlines() if line.strip().startswith(f"{name}:"))
        assert "#" in line or name == "extra", f"{name} has no comment"


def test_command_with_an_unreadable_setting_ends_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "doctor"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "CLEARWAY_VAR_DIR": str(tmp_path), "CLEARWAY_WEB_PORT": "eighty"}, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "Set CLEARWAY_WEB_PORT to a whole number; it is not one now."
