"""What follows from the classes a physician chose: the validity, by the same rules as the decision's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clinic.rules.fact import parse_facts
from clinic.rules.situation import build_situation
from clinic.rules.tuberculosis import find_validity

CLASSES = ("NONE", "A", "A-W", "B0", "B1P", "B1E", "B2", "B3")  # us.md 1.6; no code system has them


def list_classes() -> tuple[str, ...]:
    """The tuberculosis classes of the United States programme, in the order of the form."""
    return CLASSES


def compute_validity(facts: Mapping[str, Any], classes: Sequence[str]) -> tuple[str | None, str | None]:
    """First and last valid day (ISO) of an exam concluded with `classes`; none for Class A (us.md 1.10)."""
    if "A" in classes:
        return None, None
    first, last = find_validity(build_situation(parse_facts(facts)), tuple(classes))
    return first.isoformat(), last.isoformat()
