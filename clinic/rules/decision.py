"""The decision: what a person needs and where their assessment stands (docs: the decision contract)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from clinic.rules import emedical, united_kingdom, united_states
from clinic.rules.fact import Facts, parse_facts
from clinic.rules.future import Course, list_courses, play
from clinic.rules.outcome import Because, Outcome, merge
from clinic.rules.requirement import Plan, build_plan, is_outstanding
from clinic.rules.situation import INCIDENCE, SCHEDULE, STAY, Consult, Situation, build_situation
from clinic.rules.unknown import Domain, explore, list_leaves, list_relevant

Assess = Callable[[Situation, Plan], Outcome]

# A programme's own logic, and the circumstances its code asks for beside its rules. A programme without an entry is
# examined, graded and dated as the shared eMedical system does it.
LOGIC: dict[str, tuple[Assess, tuple[str, ...]]] = {
    "us": (united_states.assess, united_states.WORDS),
    "uk": (united_kingdom.assess, united_kingdom.WORDS),
}
EMEDICAL = (emedical.assess, emedical.WORDS)


# Rules the code names by id (without the programme) and the figures it reads from them.
CODE_RULES: dict[str, dict[str, tuple[str, ...]]] = {
    "us": united_states.RULES, "uk": united_kingdom.RULES, "": emedical.RULES, "nz": emedical.RULES_NZ,
    "au": emedical.RULES_AU, "ca": emedical.RULES_CA,
}


def list_code_rules(programme: str) -> dict[str, tuple[str, ...]]:
    """The rules that this programme's logic needs in every edition, with the figures it reads."""
    if programme in LOGIC:
        return CODE_RULES[programme]
    return {**CODE_RULES[""], **CODE_RULES.get(programme, {})}


def decide(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Decide for the facts of one person; raises FactError naming the field that is wrong."""
    return decide_facts(parse_facts(raw))


def decide_facts(facts: Facts) -> dict[str, Any]:
    """Decide for facts already checked."""
    outcome, needs, age = conclude(facts)
    return _write(facts, outcome, needs, age)


def is_exam_outstanding(raw: Mapping[str, Any], exam: str) -> bool:
    """Whether an examination that nobody's rules need ask for is still to be done, as far as results say."""
    try:
        return is_outstanding(exam, build_situation(parse_facts(raw)))
    except Consult:
        return True


def conclude(facts: Facts) -> tuple[Outcome, list[str], int]:
    """The outcome, the unknowns that still matter, and the age in completed years."""
    logic, words = LOGIC.get(facts.programme.code, EMEDICAL)
    sit = build_situation(facts)
    plan = build_plan(facts.edition, facts.category, sit.age)
    domain = _list_unknowns(facts, sit, plan, words)
    if not domain:
        return logic(sit, plan), [], sit.age

    def assume(assigned: Mapping[str, Any]) -> Situation:
        return sit.with_truth({**sit.truth, **assigned})

    def assess(now: Situation) -> Outcome:
        return logic(now, plan)

    present = explore(lambda assigned: _Signed(assess(assume(assigned))), domain)

    def foresee(assigned: Mapping[str, Any], course: Course) -> tuple[Any, ...]:
        return tuple(outcome.signature() for outcome in play(assume(assigned), course, assess))

    needed = _list_needed(domain, list_relevant(present), list_courses(facts.programme.code), foresee)
    outcome = merge([signed.outcome for signed in list_leaves(present)], undecided=bool(needed))
    return outcome, [word for word in domain if word in needed], sit.age


def _list_needed(
    domain: Domain, needed: set[str], courses: tuple[Course, ...],
    foresee: Callable[[Mapping[str, Any], Course], tuple[Any, ...]],
) -> set[str]:
    """Add to the unknowns that matter now those that matter on some course of results still to come.

    Trying each of several with all others low, then high, finds nearly all of them cheaply; whole trees, grown only for
    the rest, settle it.
    """
    for place in (0, -1) if len(domain) > 1 else ():
        base = {word: values[place] for word, values in domain.items()}
        for word in domain.keys() - needed:
            if any(len({foresee({**base, word: value}, course) for value in domain[word]}) > 1 for course in courses):
                needed.add(word)
    for course in courses:
        if len(needed) == len(domain):
            break
        tree = explore(lambda assigned, course=course: foresee(assigned, course), domain)  # type: ignore[misc]
        needed |= list_relevant(tree, frozenset(needed))
    return needed


class _Signed:
    """An outcome that compares by its signature."""

    __slots__ = ("outcome", "signature")

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.signature = outcome.signature()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Signed) and self.signature == other.signature

    __hash__ = None  # type: ignore[assignment]


def _list_unknowns(facts: Facts, sit: Situation, plan: Plan, words: tuple[str, ...]) -> Domain:
    """The unknowns some rule of this plan may ask for, with the values they may turn out to have."""
    if not plan.words:
        return {}
    domain: dict[str, tuple[Any, ...]] = {
        word: (False, True) for word in facts.unknown if word in plan.words or word in words
    }
    if STAY in plan.words and facts.stay_months is None:
        domain[STAY] = plan.stays
    if SCHEDULE in plan.words and sit.truth[SCHEDULE] is None:
        domain[SCHEDULE] = (1, 2)
    if INCIDENCE in plan.words and sit.truth[INCIDENCE] is None:
        domain[INCIDENCE] = (False, True)
    return domain


def _write(facts: Facts, outcome: Outcome, needs: list[str], age: int) -> dict[str, Any]:
    return {
        "id": facts.id,
        "programme": facts.programme.code,
        "edition": facts.edition.id,
        "age_years": age,
        "required": _write_exams(outcome.required),
        "next": _write_exams(outcome.next),
        "suggested": _write_exams(outcome.suggested),
        "status": outcome.status,
        "needs": needs,
        "options": list(outcome.options),
        "proposal": outcome.proposal,
        "reexam_not_before": _write_day(outcome.reexam_not_before),
        "classes": list(outcome.classes),
        "other_classes": list(outcome.other_classes),
        "overall": outcome.overall,
        "grades": {
            exam: {"suggested": grade, "because": [dict(rule.reason) for rule in rules]}
            for exam, (grade, rules) in outcome.grades.items()
        },
        "certificate": outcome.certificate,
        "vaccines": list(outcome.vaccines),
        "valid_from": _write_day(outcome.valid_from),
        "valid_until": _write_day(outcome.valid_until),
        "alerts": list(outcome.alerts),
    }


def _write_exams(exams: Because) -> list[dict[str, Any]]:
    return [{"exam": exam, "because": [dict(rule.reason) for rule in rules]} for exam, rules in exams.items()]


def _write_day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
