"""What a physician may conclude from the rules' decision: accept, choose among the options, or override."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from clinic.errors import InvalidInput, NotNow
from clinic.models import ConclusionKind
from clinic.rules import compute_validity, list_classes

NEVER_SIGNED = {"undecided", "incomplete", "pending-culture", "not-required"}
# Classes that do not stand beside one another (us.md 1.6); NONE stands alone.
EXCLUSIVE = (({"B2"}, {"A", "B0", "B1P", "B1E"}), ({"B0"}, {"B1P"}))


class NotIssued(StrEnum):
    """Why the United Kingdom's certificate is not issued, one of three (ca-au-nz-uk-addendum.md 2.1)."""

    TUBERCULOSIS = "confirmed-or-suspected-tb"
    POSTPONED = "testing-postponed"
    WITHDREW = "applicant-withdrew"


@dataclass(frozen=True)
class ConclusionInput:
    """The physician's choice as it came from the screen; what does not apply to the programme stays empty."""

    kind: ConclusionKind
    reason: str = ""
    classes: tuple[str, ...] = ()  # US: tuberculosis classes
    grades: dict[str, str] = field(default_factory=dict)  # CA, AU, NZ: examination -> A or B
    certificate: str | None = None  # UK: issue or refuse
    not_issued: str | None = None  # UK, refused otherwise than the rules propose: why


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
        return _check(decision, outcome | _accept(facts, decision, choice), choice)
    if not choice.reason.strip():
        raise _invalid("reason", _("Write why: the reason stays with the exam."))
    if choice.kind is ConclusionKind.CHOSEN:
        if not choice.classes or not set(choice.classes) <= set(decision["options"]):
            raise _invalid("classes", _("Choose among the classes that the rules leave open."))
        return _check(decision, outcome | _with_classes(facts, decision, list(choice.classes)), choice)
    return _check(decision, outcome | _override(facts, decision, choice), choice)


def _check(decision: dict[str, Any], outcome: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    """What no conclusion may be, however it came about. Raises InvalidInput."""
    if decision["programme"] == "us" and decision["status"] == "not-cleared" and outcome["overall"] != "class-a":
        # product.md, "Signable": not cleared only as what it is
        if choice.kind is ConclusionKind.ACCEPTED:
            raise _invalid("kind", _("Disease is not excluded and the rules give no class yet: wait for what is "
                                     "outstanding, or state Class A yourself with the reason."))
        raise _invalid("classes", _("Disease was found or is not excluded: this exam can only be signed as Class A. "
                                    "If a finding is wrong, correct the finding."))
    given = [grade.get("given") or grade["suggested"] for grade in outcome["grades"].values()]
    if "B" in given and not choice.reason.strip():
        # A comment is compulsory with B (ca-au-nz-uk-addendum.md 2.2, P9).
        raise _invalid("reason", _("Grade B needs a comment: write what was found and what it means."))
    return outcome


def _accept(facts: dict[str, Any], decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    if decision["certificate"] == "refuse":
        return {"not_issued": NotIssued.TUBERCULOSIS.value}  # the rules refuse for nothing else
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
        return _override_classes(facts, decision, choice)
    if decision["programme"] == "uk":
        return _override_certificate(decision, choice)
    return _override_grades(decision, choice)


def _override_classes(facts: dict[str, Any], decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    if not choice.classes or not set(choice.classes) <= set(list_classes()):
        raise _invalid("classes", _("Choose at least one tuberculosis class."))
    concluded = _with_classes(facts, decision, list(choice.classes))
    if set(choice.classes) == set(decision["classes"]):
        raise _invalid("kind", _("These are the classes that the rules propose: accept the proposal instead."))
    if set(choice.classes) <= set(decision["options"]):
        raise _invalid("kind", _("The rules leave this open to you: choose it among the classes left open."))
    return concluded


def _override_certificate(decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    if choice.certificate not in ("issue", "refuse"):
        raise _invalid("certificate", _("Choose whether the certificate is issued or refused."))
    if choice.certificate == "issue" and decision["status"] == "not-cleared":
        raise _invalid("certificate", _("A certificate cannot be issued while tuberculosis is not excluded."))
    if choice.certificate == decision["certificate"]:
        raise _invalid("kind", _("This is what the rules propose: accept the proposal instead."))
    if choice.not_issued not in {one.value for one in NotIssued}:
        raise _invalid("not_issued", _("Choose why the certificate is not issued."))
    return {"certificate": "refuse", "not_issued": choice.not_issued, "valid_from": None, "valid_until": None}


def _override_grades(decision: dict[str, Any], choice: ConclusionInput) -> dict[str, Any]:
    grades = {exam: dict(grade) for exam, grade in decision["grades"].items()}
    for exam, grade in choice.grades.items():
        if exam not in grades or grade not in ("A", "B"):
            raise _invalid("grades", _("Grade only the examinations of this case, with A or B."))
        if grade == "A" and grades[exam]["suggested"] == "B":
            # Nobody may (ca-au-nz-uk-addendum.md 2.2; decide-contract.md, `grades`): the authorities refuse it too.
            raise _invalid("grades", _("A grade B cannot become A: correct the finding instead."))
        grades[exam]["given"] = grade
    if all(grade.get("given", grade["suggested"]) == grade["suggested"] for grade in grades.values()):
        raise _invalid("kind", _("These are the grades that the rules propose: accept the proposal instead."))
    return {"grades": grades}


def _with_classes(facts: dict[str, Any], decision: dict[str, Any], classes: list[str]) -> dict[str, Any]:
    if "NONE" in classes and len(classes) > 1:
        raise _invalid("classes", _("“No class” excludes every other class."))
    if any(set(classes) & one and set(classes) & other for one, other in EXCLUSIVE):
        raise _invalid("classes", _("These classes exclude each other: B2 stands beside B3 alone, B0 not beside B1."))
    if "A-W" in classes and not facts.get("results", {}).get("tb_waiver", {}).get("granted"):
        raise _invalid("classes", _("Class A with a waiver needs the waiver: record it and its last evaluation first."))
    others: list[str] = decision["other_classes"]
    is_a = any(name.startswith("A") for name in classes) or any(name.endswith(":A") for name in others)
    is_b = any(name.startswith("B") for name in classes) or any(name.endswith(":B") for name in others)
    is_barred = "A" in classes or any(name.endswith(":A") for name in others)
    valid_from, valid_until = (None, None) if is_barred else compute_validity(facts, classes)
    return {
        "classes": classes,
        "overall": "class-a" if is_a else "class-b" if is_b else "no-apparent-defect",
        "valid_from": valid_from,
        "valid_until": valid_until,
    }


def _invalid(name: str, sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={name: [sentence]})
