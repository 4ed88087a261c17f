"""Which rules hold for a person, and the examinations they ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from clinic.rules.programme import Edition, Rule, list_exams
from clinic.rules.signal import SIGNALS, find_screen, is_tst_accepted
from clinic.rules.situation import INCIDENCE, SCHEDULE, STAY, Consult, Situation

Test = Callable[[Situation], bool]
Tested = tuple[Rule, tuple[Test, ...]]
ORDER = {exam: place for place, exam in enumerate(list_exams())}
COMPARE = {
    "gt": lambda stay, months: stay > months, "gte": lambda stay, months: stay >= months,
    "lt": lambda stay, months: stay < months, "lte": lambda stay, months: stay <= months,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that can touch a person of one edition, category and age, by what they do."""

    gated: bool
    gates: tuple[Tested, ...]
    exemptions: tuple[Tested, ...]
    required: tuple[tuple[str, tuple[Tested, ...]], ...]
    suggested: tuple[tuple[str, tuple[Tested, ...]], ...]
    grades: dict[str, tuple[Tested, ...]]
    words: frozenset[str]
    stays: tuple[int, ...]  # lengths of stay in months that fall on either side of every limit


def _build_test(rule: Rule) -> tuple[Test, ...]:
    tests: list[Test] = []
    if rule.stay_months:
        limits = tuple((COMPARE[name], months) for name, months in rule.stay_months.items())
        tests.append(lambda sit: all(compare(sit.take(STAY), months) for compare, months in limits))
    if rule.schedule is not None:
        tests.append(lambda sit: bool(sit.take(SCHEDULE) == rule.schedule))
    if rule.burden is not None:
        tests.append(lambda sit: bool(sit.take(INCIDENCE)) is (rule.burden == "high"))
    tests += [SIGNALS[name][0] for name in rule.found]
    tests += [_negate(SIGNALS[name][0]) for name in rule.unless_found]
    tests += [_ask(word) for word in rule.all]
    if rule.any:
        tests.append(_ask_any(rule.any))
    tests += [_negate(_ask(word)) for word in rule.none]
    return tuple(tests)


def _ask(word: str) -> Test:
    return lambda sit: sit.ask(word)


def _negate(test: Test) -> Test:
    return lambda sit: not test(sit)


def _ask_any(words: tuple[str, ...]) -> Test:
    def test(sit: Situation) -> bool:
        pending = None
        for word in words:
            value = sit.truth.get(word, False)
            if value:
                return True
            if value is None:
                pending = pending or word
        if pending is not None:
            raise Consult(pending)
        return False

    return test


def holds(tested: Tested, sit: Situation) -> bool:
    """Whether the rule holds; a part that is false settles it, else an unknown part raises Consult."""
    if not tested[1]:
        return True
    pending: Consult | None = None
    for test in tested[1]:
        try:
            if not test(sit):
                return False
        except Consult as unknown:
            pending = pending or unknown
    if pending is not None:
        raise pending
    return True


def list_holding(rules: Iterable[Tested], sit: Situation) -> list[Rule]:
    """The rules that certainly hold; raises Consult when none does and one still may."""
    certain: list[Rule] = []
    pending: Consult | None = None
    for tested in rules:
        try:
            if holds(tested, sit):
                certain.append(tested[0])
        except Consult as unknown:
            pending = pending or unknown
    if not certain and pending is not None:
        raise pending
    return certain


@lru_cache(maxsize=4096)
def build_plan(edition: Edition, category: str, age: int) -> Plan:
    """Sort the rules of an edition for one category and age (completed years)."""
    kinds: dict[str, list[Tested]] = {}
    exams: dict[str, dict[str, list[Tested]]] = {"require": {}, "suggest": {}, "grade": {}}
    for rule in edition.rules.values():
        if rule.category is not None and category not in rule.category:
            continue
        tested = (rule, _build_test(rule))
        kinds.setdefault(rule.kind, []).append(tested)
        if rule.kind in exams:
            for exam, (least, most) in rule.exams.items():
                if least <= age <= most:
                    exams[rule.kind].setdefault(exam, []).append(tested)
    gates = tuple(kinds.get("gate", ()))
    if any(not tests for _, tests in gates):  # one gate stands open whatever the circumstances
        gates = tuple(gate for gate in gates if not gate[1])
    exemptions = tuple(kinds.get("exempt", ()))
    used = [*gates, *exemptions, *(t for tested in exams["grade"].values() for t in tested)]
    for kind in ("require", "suggest"):
        for asking in exams[kind].values():
            if all(tests for _, tests in asking):  # else the examination is certain and nothing has to be asked for it
                used += asking
    gated = any(rule.kind == "gate" for rule in edition.rules.values())
    if gated and not gates:
        used = []
    limits = {months for rule, _ in used for months in rule.stay_months.values()}
    return Plan(
        gated, gates, exemptions, _sort(exams["require"]), _sort(exams["suggest"]),
        {exam: tuple(tested) for exam, tested in exams["grade"].items()},
        frozenset(_list_words(used)),
        tuple(sorted({max(0, stay) for months in limits for stay in (months - 1, months, months + 1)})),
    )


def _sort(exams: dict[str, list[Tested]]) -> tuple[tuple[str, tuple[Tested, ...]], ...]:
    return tuple((exam, tuple(exams[exam])) for exam in sorted(exams, key=ORDER.__getitem__))


def _list_words(used: list[Tested]) -> Iterable[str]:
    for rule, _ in used:
        yield from rule.words
        for name in (*rule.found, *rule.unless_found):
            yield from SIGNALS[name][1]
        if rule.stay_months:
            yield STAY
        if rule.schedule is not None:
            yield SCHEDULE
        if rule.burden is not None:
            yield INCIDENCE


def find_gate(plan: Plan, sit: Situation) -> list[Rule] | None:
    """The rules that let the person in, an empty list where a programme has no gate; None when nothing is asked."""
    entered = []
    if plan.gated:
        entered = list_holding(plan.gates, sit)
        if not entered:
            return None
    if list_holding(plan.exemptions, sit):
        return None
    return entered


def list_required(plan: Plan, sit: Situation) -> dict[str, list[Rule]]:
    """Every examination this person must have, with the rules that ask for it."""
    required = {}
    for exam, rules in plan.required:
        because = list_holding(rules, sit)
        if because:
            required[exam] = because
    return required


def list_suggested(plan: Plan, sit: Situation, required: Iterable[str]) -> dict[str, list[Rule]]:
    """Prompts to the physician: not what is required anyway, not what is done."""
    suggested = {}
    for exam, rules in plan.suggested:
        if exam not in required and is_outstanding(exam, sit):
            because = list_holding(rules, sit)
            if because:
                suggested[exam] = because
    return suggested


def is_outstanding(exam: str, sit: Situation) -> bool:
    """Whether an examination with a key under `results` is still to be done."""
    record, results = sit.record, sit.record.results
    match exam:
        case "igra":
            return record.igra is None and not (record.mm is not None and is_tst_accepted(sit))
        case "igra-or-tst" | "tb-screening-test":
            return record.igra is None and record.mm is None
        case "igra-repeat":
            return find_screen(sit) == "repeat"
        case "chest-xray":
            return record.film is None
        case "tb-child-workup":
            return record.film is None and record.sputum.collected < 3
        case "sputum-series":
            return record.sputum.collected < 3
        case "sputum-replacement":
            return True
        case "dst" | "creatinine" | "hba1c":
            return exam not in results
        case "hiv":
            return "hiv_test" not in results
        case "syphilis":
            return record.syphilis in (None, "open")
        case "gonorrhoea":
            return "naat" not in results.get("gonorrhoea", {})
        case "tb-treatment-dot":
            return record.treatment.status != "completed"
        case _:
            return False
