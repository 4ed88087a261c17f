"""The rule engine: facts in, decision out; pure, without Flask, database or clock (docs: the decision contract)."""

from __future__ import annotations

from datetime import date

from clinic.rules.catalogue import get_exam_label, get_rule, list_questions
from clinic.rules.conclusion import compute_validity, list_classes
from clinic.rules.decision import decide, is_exam_outstanding
from clinic.rules.fact import FactError
from clinic.rules.igra import interpret_igra
from clinic.rules.programme import Circumstance, list_programmes

__all__ = [
    "Circumstance", "FactError", "compute_validity", "decide", "get_exam_label", "get_rule", "interpret_igra",
    "is_exam_outstanding", "list_circumstances", "list_classes",
]


def list_circumstances(programme: str, category: str, on: date | None = None) -> list[Circumstance]:
    """The circumstances that a category's rules consult on an exam day (default: under the newest edition)."""
    day = on or list_programmes()[programme].editions[-1].first
    return [question.circumstance for question in list_questions(programme, category, day)]
