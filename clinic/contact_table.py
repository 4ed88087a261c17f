"""The table of tuberculosis contacts (clinic/programmes/reference/contact.toml), read once: windows, days, ages."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "contact.toml"


@cache
def read_table() -> dict[str, Any]:
    """The whole table, as it stands in the file."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
