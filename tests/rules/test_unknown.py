"""What an unknown circumstance does to a decision, checked against brute force."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.rules.decision import decide
from clinic.rules.outcome import FINAL, INCOMPLETE, NOT_CLEARED, NOT_REQUIRED, PENDING, PHYSICIAN, UNDECIDED
from clinic.rules.situation import Consult
from clinic.rules.unknown import explore, list_leaves, list_relevant
from tests.rules.brute import is_needed, list_open, settle
from tests.rules.person import build_facts

people = st.integers(min_value=0, max_value=2**32).map(lambda seed: build_facts(Random(seed)))
DECIDED = (NOT_REQUIRED, NOT_CLEARED, INCOMPLETE, PENDING, PHYSICIAN, FINAL)


@given(people)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_unknown_is_needed_exactly_when_brute_force_says_so(facts: dict) -> None:
    needs = decide(facts)["needs"]
    assert sorted(needs) == sorted(word for word in list_open(facts) if is_needed(facts, word))


@given(people, st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_known_fact_never_makes_a_decision_less_certain(facts: dict, data: st.DataObject) -> None:
    if not facts["unknown"]:
        return
    before = decide(facts)
    word = data.draw(st.sampled_from(facts["unknown"]))
    after = decide(settle(facts, {word: data.draw(st.booleans())}))
    for key in ("required", "next", "suggested"):
        assert {e["exam"] for e in before[key]} <= {e["exam"] for e in after[key]}
    for key in ("other_classes", "vaccines", "alerts"):
        assert set(before[key]) <= set(after[key])
    assert set(after["needs"]) <= set(before["needs"]) - {word}
    if before["status"] in DECIDED:
        assert after["status"] == before["status"]
    if not before["needs"]:
        for key in ("classes", "overall", "valid_until", "certificate", "options", "reexam_not_before"):
            assert after[key] == before[key]


@given(people)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_undecided_answer_promises_nothing_to_sign(facts: dict) -> None:
    decision = decide(facts)
    assert (decision["status"] == UNDECIDED) <= bool(decision["needs"])
    if decision["status"] not in (FINAL, NOT_CLEARED):
        assert decision["classes"] == [] and decision["overall"] is None and decision["certificate"] is None
    if decision["status"] != FINAL:
        assert decision["valid_from"] is None and decision["valid_until"] is None


def test_tree_finds_dependence_through_another_unknown() -> None:
    def run(values: dict) -> bool:
        def ask(word: str) -> bool:
            if word not in values:
                raise Consult(word)
            return values[word]

        return ask("b") if ask("a") else ask("c") and not ask("c")

    tree = explore(run, {"a": (False, True), "b": (False, True), "c": (False, True)})
    assert list_relevant(tree) == {"a", "b"}
    assert set(list_leaves(tree)) == {False, True}


def test_every_circumstance_unknown_is_still_answered() -> None:
    from clinic.rules.programme import list_programmes

    for programme in list_programmes().values():
        for category in programme.categories:
            decision = decide({
                "programme": programme.code, "category": category, "exam_date": "2026-09-15",
                "birth_date": "1990-01-05", "residence": {"country": "ATA"}, "unknown": list(programme.circumstances),
            })
            assert decision["status"] == UNDECIDED and decision["needs"]
