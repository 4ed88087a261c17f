"""A file under check: its text, the lines of its tables, and what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong in a file; `line` counts from 1."""

    file: str
    line: int
    message: str


@dataclass(frozen=True)
class Reference:
    """What rule files may name."""

    exams: frozenset[str]
    findings: frozenset[str]
    countries: frozenset[str]


class Source:
    """One file with the lines of its tables, and the problems found in it."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        self.problems: list[Problem] = []
        try:
            self.text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self.text = ""
            self.add(1, "cannot be read as UTF-8 text")
        self.lines = self.text.splitlines()

    def add(self, line: int, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(self.name, line, message))

    def parse_toml(self) -> dict[str, Any] | None:
        """The file's data, or None with a problem noted."""
        try:
            return tomllib.loads(self.text)
        except ValueError as error:  # TOMLDecodeError is one; so is a number of thousands of digits
            match = re.search(r"at line (\d+)", str(error))
            self.add(int(match[1]) if match else len(self.lines), f"is not TOML: {error}")
            return None

    def find_line(self, table: str, place: int, key: str = "") -> int:
        """The line of the `place`-th `[[table]]`, or of a key in it."""
        starts = [n for n, line in enumerate(self.lines, 1) if re.match(rf"\[\[?\s*{re.escape(table)}\s*\]", line)]
        if place >= len(starts):
            return 1
        start = starts[place]
        for number, line in enumerate(self.lines[start:], start + 1):
            if line.startswith("["):
                break
            if key and re.match(rf"{re.escape(key)}\s*[=.]", line):
                return number
        return start
