"""What a physician may conclude from the rules' decision: accept, choose among the options, or override."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from clinic.errors import InvalidInput, NotNow
from clinic.models import ConclusionKind
from clinic.rules import compute_validity, list_classes

NEVER_SIGNED = {"undecided", "incomplete", "pending-culture", "not-required"}


@dataclass(frozen=True)
class ConclusionInput:
    """The physician's choice as it came from the screen; what does not apply to the programme stays empty."""

    kind: ConclusionKind
    reason: str = ""
    classes: tuple[str, ...] = ()  # US: tuberculosis classes
    grades: dict[str, str] = field(default_factory=dict)  # CA, AU, NZ: examination -> A or B
    certificate: str | None = None  # UK: issue or refuse


def conclude(facts: dict[str, Any], decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    """The conclusion to be signed: classes, overall, grades, certificate and validity.

    Raises NotNow when the decision may not be signed at all, InvalidInput when the choice is not open.
    """
    if decision["status"] in NEVER_SIGNED:
        raise NotNow(_("The exam is not complete, so it cannot be signed. See what is outstanding on the case page."),
                     status=decision["status"])
    outcome = {
        key: decision[key]
        for key in ("classes", "other_classes", "overall", "grades", "certificate", "valid_from", "valid_until",
                    "reexam_not_before", "vaccines")
    }
    if choice.kind is ConclusionKind.ACCEPTED:
        return outcome | _accept(facts, decision, choice)
    if not choice.reason.strip():
        raise _invalid("reason", _("Write why: the reason stays with the exam."))
    if choice.kind is ConclusionKind.CHOSEN:
        if not choice.classes or not set(choice.classes) <= set(decision["options"]):
            raise _invalid("classes", _("Choose among the classes that the rules leave open."))
        return outcome | _with_classes(facts, decision, list(choice.classes))
    return outcome | _override(facts, decision, choice)


def _accept(facts: dict[str, Any], decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    if decision["status"] != "physician-decision":
        return {}
    if not choice.reason.strip():
        # A physician-decision is taken with its reason, the proposed one too (product.md, "Signable").
        raise _invalid("reason", _("The sources leave this to you: write why you accept the proposal."))
    if decision["proposal"] is None:
        raise _invalid("kind", _("The rules propose nothing here: choose a class and write why."))
    return _with_classes(facts, decision, [decision["proposal"]])


def _override(facts: dict[str, Any], decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    if decision["programme"] == "us":
        if not choice.classes or not set(choice.classes) <= set(list_classes()):
            raise _invalid("classes", _("Choose at least one tuberculosis class."))
        return _with_classes(facts, decision, list(choice.classes))
    if decision["programme"] == "uk":
        if choice.certificate not in ("issue", "refuse"):
            raise _invalid("certificate", _("Choose whether the certificate is issued or refused."))
        if choice.certificate == "issue" and decision["status"] == "not-cleared":
            raise _invalid("certificate", _("A certificate cannot be issued while tuberculosis is not excluded."))
        refused: dict[str, Any] = {"certificate": choice.certificate}
        return refused | ({"valid_from": None, "valid_until": None} if choice.certificate == "refuse" else {})
    grades = {exam: dict(grade) for exam, grade in decision["grades"].items()}
    for exam, grade in choice.grades.items():
        if exam not in grades or grade not in ("A", "B"):
            raise _invalid("grades", _("Grade only the examinations of this case, with A or B."))
        if grade == "A" and grades[exam]["suggested"] == "B":
            # The grading handbook allows A to B with a comment, never B to A (ca-au-nz-uk-addendum.md 2.2).
            raise _invalid("grades", _("A grade B cannot become A: correct the finding instead."))
        grades[exam]["given"] = grade
    return {"grades": grades}


def _with_classes(facts: dict[str, Any], decision: dict[str, Any], classes: list[str]) -> dict[str, Any]:
    if "NONE" in classes and len(classes) > 1:
        raise _invalid("classes", _("“No class” excludes every other class."))
    others: list[str] = decision["other_classes"]
    is_a = any(name.startswith("A") for name in classes) or any(name.endswith(":A") for name in others)
    is_b = any(name.startswith("B") for name in classes) or any(name.endswith(":B") for name in others)
    valid_from, valid_until = compute_validity(facts, classes)
    return {
        "classes": classes,
        "overall": "class-a" if is_a else "class-b" if is_b else "no-apparent-defect",
        "valid_from": valid_from,
        "valid_until": valid_until,
    }


def _invalid(name: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={name: [sentence]})
