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


CLEAR = OPEN | {"status": "final", "proposal": None, "options": [], "classes": ["B2"], "overall": "class-b",
                "valid_from": "2026-03-01", "valid_until": "2026-08-31"}
ACTIVE = OPEN | {"status": "not-cleared", "proposal": None, "options": [], "classes": ["A"], "overall": "class-a"}
UNSETTLED = ACTIVE | {"classes": [], "overall": None}
UK = OPEN | {"programme": "uk", "status": "final", "proposal": None, "options": [], "certificate": "issue",
             "valid_from": "2026-03-01", "valid_until": "2026-09-01"}
GRADED = OPEN | {"programme": "ca", "status": "final", "proposal": None, "options": [], "grades": {
    "medical-exam": {"suggested": "A", "because": []}, "chest-xray": {"suggested": "B", "because": []}}}


def _refuse(app: Flask, decision: dict[str, Any], choice: ConclusionInput) -> str:
    """The field that refuses."""
    with app.test_request_context(), pytest.raises(InvalidInput) as refused:
        conclude({}, decision, choice)
    return next(iter(refused.value.fields))


def _otherwise(**choice: Any) -> ConclusionInput:
    return ConclusionInput(ConclusionKind.OVERRIDDEN, reason="seen by the specialist", **choice)


@pytest.mark.parametrize(("decision", "choice", "field"), [
    (CLEAR, _otherwise(classes=("B2",)), "kind"), (OPEN, _otherwise(classes=("NONE",)), "kind"),
    (UK, _otherwise(certificate="issue"), "kind"), (GRADED, _otherwise(grades={"chest-xray": "B"}), "kind"),
    (UK, _otherwise(certificate="refuse"), "not_issued"), (GRADED, _otherwise(grades={"chest-xray": "A"}), "grades"),
    (ACTIVE, _otherwise(classes=("B1P",)), "classes"), (UNSETTLED, ConclusionInput(ConclusionKind.ACCEPTED), "kind"),
    (CLEAR, _otherwise(classes=("A-W", "B3")), "classes"),
    (CLEAR, _otherwise(classes=("B2", "B1P")), "classes"), (CLEAR, _otherwise(classes=("B0", "B1P")), "classes"),
    (GRADED, ConclusionInput(ConclusionKind.ACCEPTED), "reason"),
])
def test_conclusion_that_may_not_be_is_refused_with_a_word(
    app: Flask, monkeypatch: pytest.MonkeyPatch, decision: dict[str, Any], choice: ConclusionInput, field: str
) -> None:
    monkeypatch.setattr("clinic.services.conclusion.compute_validity", lambda _facts, _classes: (None, None))
    assert _refuse(app, decision, choice) == field


def test_grade_a_is_lowered_to_b_with_its_comment(app: Flask) -> None:
    with app.test_request_context():
        outcome = conclude({}, GRADED, _otherwise(grades={"medical-exam": "B"}))
    assert outcome["grades"]["medical-exam"]["given"] == "B"


def test_refused_certificate_says_why_and_is_valid_for_nothing(app: Flask) -> None:
    with app.test_request_context():
        outcome = conclude({}, UK, _otherwise(certificate="refuse", not_issued="testing-postponed"))
        accepted = conclude({}, UK | {"status": "not-cleared", "certificate": "refuse"},
                            ConclusionInput(ConclusionKind.ACCEPTED))
    assert (outcome["certificate"], outcome["not_issued"], outcome["valid_until"]) == (
        "refuse", "testing-postponed", None)
    assert accepted["not_issued"] == "confirmed-or-suspected-tb"


def test_active_tuberculosis_is_stated_as_class_a_without_validity(app: Flask) -> None:
    with app.test_request_context():
        outcome = conclude({}, UNSETTLED, _otherwise(classes=("A", "B3")))
    assert (outcome["overall"], outcome["valid_until"]) == ("class-a", None)


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
