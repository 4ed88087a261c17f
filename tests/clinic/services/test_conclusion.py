"""What a physician may conclude where the rules leave the class open."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from clinic.errors import InvalidInput
from clinic.models import ConclusionKind
from clinic.services.conclusion import ConclusionInput, conclude

OPEN: dict[str, Any] = {
    "programme": "us", "status": "physician-decision", "proposal": "B1P", "options": ["B1P", "NONE"], "classes": [],
    "other_classes": [], "overall": None, "grades": {}, "certificate": None, "valid_from": None, "valid_until": None,
    "reexam_not_before": None, "vaccines": [],
}


@pytest.mark.parametrize("kind", [ConclusionKind.CHOSEN, ConclusionKind.OVERRIDDEN])
def test_no_class_beside_another_is_refused_however_it_was_concluded(app: Flask, kind: ConclusionKind) -> None:
    choice = ConclusionInput(kind, reason="film normal, treated 2011", classes=("B1P", "NONE"))
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        conclude({}, OPEN, choice)
    assert refused.value.fields == {"classes": ["“No class” excludes every other class."]}


def test_class_that_was_not_left_open_is_refused(app: Flask) -> None:
    choice = ConclusionInput(ConclusionKind.CHOSEN, reason="film normal, treated 2011", classes=("B2",))
    with app.test_request_context(), pytest.raises(InvalidInput):
        conclude({}, OPEN, choice)


def test_accepting_what_was_left_to_the_physician_needs_its_reason(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        conclude({}, OPEN, ConclusionInput(ConclusionKind.ACCEPTED))
    assert list(refused.value.fields) == ["reason"]
