"""One line of a drill: what was looked at, whether it was as it should be, what was seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What should be so, and what was."""

    should: str
    fine: bool
    seen: str
