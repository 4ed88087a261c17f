"""The newest seals' hashes, kept where somebody who writes the database does not reach.

A file of the process's own state folder, one line a seal: `change 12 <hash> <moment>`. It is only ever appended to;
send it to another machine (docs/operating.md), and compare with `flask verify-audit --heads FILE`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from clinic.config import Settings

FILE = "audit-heads.log"
_LINE = re.compile(r"^(change|read)[ :](\d{1,12})[ :]([0-9a-f]{64})\b")


@dataclass(frozen=True)
class Head:
    """One seal by its hash; with it every seal before is fixed."""

    stream: str
    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.stream}:{self.number}:{self.hash}"


def get_heads_path(settings: Settings) -> Path:
    """The file of this installation's state folder."""
    return settings.var_dir / FILE


def append_head(path: Path, head: Head, sealed_at: datetime) -> None:
    """Add the seal just made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f"{head.stream} {head.number} {head.hash} {sealed_at.isoformat(timespec='seconds')}\n")


def read_heads(path: Path) -> Iterator[Head]:
    """Every head that was kept; a line half written by a machine that stopped is passed over."""
    with path.open(encoding="ascii", errors="replace") as file:
        for line in file:
            if head := parse_head(line):
                yield head


def parse_head(text: str) -> Head | None:
    """A head as a line of the file or as `verify-audit` prints it; None when it is neither."""
    match = _LINE.match(text.strip())
    return Head(match[1], int(match[2]), match[3]) if match else None
