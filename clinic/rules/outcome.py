"""What the rules conclude for one set of circumstances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from clinic.rules.programme import Rule
from clinic.rules.requirement import ORDER

NOT_REQUIRED = "not-required"
NOT_CLEARED = "not-cleared"
UNDECIDED = "undecided"
INCOMPLETE = "incomplete"
PENDING = "pending-culture"
PHYSICIAN = "physician-decision"
FINAL = "final"

Because = dict[str, list[Rule]]


@dataclass(slots=True)
class Outcome:
    """A decision before it is written down; examinations map to the rules that ask for them."""

    status: str
    required: Because = field(default_factory=dict)
    next: Because = field(default_factory=dict)
    suggested: Because = field(default_factory=dict)
    options: tuple[str, ...] = ()
    proposal: str | None = None
    reexam_not_before: date | None = None
    classes: tuple[str, ...] = ()
    other_classes: tuple[str, ...] = ()
    overall: str | None = None
    grades: dict[str, tuple[str, list[Rule]]] = field(default_factory=dict)
    certificate: str | None = None
    vaccines: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    alerts: tuple[str, ...] = ()

    def signature(self) -> tuple[Any, ...]:
        """All that makes two answers differ; not the reasons, of which a certain one is enough."""
        return (
            self.status, tuple(self.required), tuple(self.next), tuple(self.suggested), self.options, self.proposal,
            self.reexam_not_before, self.classes, self.other_classes, self.overall,
            tuple((exam, grade[0]) for exam, grade in self.grades.items()), self.certificate, self.vaccines,
            self.valid_from, self.valid_until, self.alerts,
        )


def sort_exams(because: Because) -> Because:
    """In the order in which examinations are done."""
    return {exam: because[exam] for exam in sorted(because, key=ORDER.__getitem__)}


def list_certain(answers: list[tuple[str, ...]]) -> tuple[str, ...]:
    """What stands in every answer, in the order of the first."""
    first, *others = answers
    return tuple(entry for entry in first if all(entry in other for other in others))


def merge_because(answers: list[Because]) -> Because:
    """What every answer asks for, with the reasons all share (or, where they share none, any)."""
    merged: Because = {}
    for exam in list_certain([tuple(answer) for answer in answers]):
        rules = list(dict.fromkeys(rule for answer in answers for rule in answer[exam]))
        shared = [rule for rule in rules if all(rule in answer[exam] for answer in answers)]
        merged[exam] = shared or rules
    return merged


def merge_value(values: Iterable[Any]) -> Any:
    """The value all agree on, else None."""
    first, *others = values
    return first if all(other == first for other in others) else None


def merge(outcomes: list[Outcome], undecided: bool) -> Outcome:
    """What is certain, whatever the unknown circumstances turn out to be; `undecided`: one of them still matters."""
    statuses = {outcome.status for outcome in outcomes}
    status = statuses.pop() if len(statuses) == 1 else UNDECIDED
    if undecided and status not in (NOT_REQUIRED, NOT_CLEARED):
        status = UNDECIDED
    merged = Outcome(
        status,
        required=merge_because([o.required for o in outcomes]),
        next=merge_because([o.next for o in outcomes]),
        suggested=merge_because([o.suggested for o in outcomes]),
        other_classes=list_certain([o.other_classes for o in outcomes]),
        vaccines=list_certain([o.vaccines for o in outcomes]),
        alerts=list_certain([o.alerts for o in outcomes]),
        grades={
            exam: grade for exam, grade in outcomes[0].grades.items()
            if all(exam in o.grades and o.grades[exam][0] == grade[0] for o in outcomes)
        },
    )
    if status == UNDECIDED:
        return merged
    merged.classes = list_certain([o.classes for o in outcomes])
    merged.options = list_certain([o.options for o in outcomes])
    for name in ("proposal", "reexam_not_before", "overall", "certificate", "valid_from", "valid_until"):
        setattr(merged, name, merge_value(getattr(o, name) for o in outcomes))
    return merged
