"""Every fact the rules may ask for has a screen that records it; what has none says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest

from clinic.laboratory_test import list_tests
from clinic.questionnaire import get_questionnaire
from clinic.rules import list_circumstances, result
from clinic.rules.decision import decide
from clinic.rules.programme import list_programmes
from clinic.services.circumstance import FACTS
from clinic.services.completion import FORM_EXAMS
from tests.rules.person import build_facts

PEOPLE = 2500  # invented; what they leave unread, the rules hardly read at all
FILM = {"chest_xray", "chest_xray.taken", "chest_xray.findings", "chest_xray.deferred"}  # the reading's page
# What a laboratory result carries beside its value (tests are listed in test.toml).
BESIDE = {"igra": ("drawn", "result"), "tst": ("read", "mm"), "hiv_test": ("reported", "result"),
          "sputum": ("collected", "culture_reported")}
NOT_RECORDED = {
    "chest_xray.outcome": "the report codes its findings; the outcome follows from them (rules/record.py)",
    "uk:hansens.treated_days": "read only to look ahead (rules/future.py); the United Kingdom screens for tuberculosis",
}


class Watched(dict[str, Any]):
    """Results that note which of their parts are looked at, by path."""

    def __init__(self, values: Mapping[str, Any], read: set[str], path: str = "") -> None:
        super().__init__({key: _watch(value, read, f"{path}{key}") for key, value in values.items()})
        self.read, self.path = read, path

    def __getitem__(self, key: str) -> Any:
        self.read.add(self.path + key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(f"{self.path}{key}")
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """As of a dict."""
        self.read.add(self.path + key)
        return super().get(key, default)


def _watch(value: Any, read: set[str], path: str) -> Any:
    if isinstance(value, dict):
        return Watched(value, read, f"{path}.")
    if isinstance(value, list):
        return [_watch(item, read, path) for item in value]
    return value


@pytest.fixture(scope="module")
def read() -> Iterator[dict[str, set[str]]]:
    """Per programme the parts of `results` that its rules look at, over many invented people."""
    found: dict[str, set[str]] = {programme: set() for programme in list_programmes()}
    parse = result.parse_results
    with pytest.MonkeyPatch.context() as patch:
        for number in range(PEOPLE):
            facts = build_facts(Random(number))
            seen = found[facts["programme"]]
            patch.setattr(result, "parse_results", lambda *args, seen=seen: Watched(parse(*args), seen))
            decide(facts)
    yield found


def _list_form_facts(programme: str) -> set[str]:
    forms = {served.get(programme) or served[""] for exam, served in FORM_EXAMS.items()
             if programme != "uk" or exam == "tb-interview"}  # most of the UK's people have the interview alone
    codes = {code for name in forms for item in get_questionnaire(name).walk() for code in item.facts}
    paths = {".".join(part for part in code.split(".")[1:] if not part.isdigit())
             for code in codes if code.startswith("results.")}
    return paths | {path.split(".")[0] for path in paths}


def _list_laboratory_facts() -> set[str]:
    paths = {test.fact for test in list_tests().values() if test.fact}
    paths |= {"significant_tests" for test in list_tests().values() if test.significant}
    paths |= {f"{name}.{part}" for name, parts in BESIDE.items() for part in parts}
    return paths | {path.split(".")[0] for path in paths}


@pytest.mark.parametrize("programme", list_programmes())
def test_every_result_the_rules_read_has_a_screen(programme: str, read: dict[str, set[str]]) -> None:
    recorded = FILM | _list_laboratory_facts() | _list_form_facts(programme)
    missing = read[programme] - recorded
    exempt = {path for path in missing if path in NOT_RECORDED or f"{programme}:{path}" in NOT_RECORDED}
    assert missing == exempt
    needed = sum(name.partition(":")[0] in (programme, name) for name in NOT_RECORDED)
    assert len(exempt) == needed, "an exemption that nothing needs"


@pytest.mark.parametrize("programme", list_programmes())
def test_treatment_of_tuberculosis_is_read_and_recorded(programme: str, read: dict[str, set[str]]) -> None:
    parts = {f"tb_treatment.{part}" for part in ("status", "dot_under_panel_physician", "ended",
                                                 "end_cultures_negative_reported")}
    assert parts <= read[programme]
    assert parts <= _list_form_facts(programme)


def test_every_circumstance_asked_for_stands_on_the_page_of_the_case() -> None:
    """What a decision names under `needs` is a circumstance of its category, or a fact of the case itself."""
    own = {"tb_incidence"} | set(FACTS)  # incidence: the country of residence, which is never empty
    for number in range(PEOPLE // 4):
        facts = build_facts(Random(number), most_unknown=8)
        asked = {item.word for item in list_circumstances(facts["programme"], facts["category"])}
        assert set(decide(facts)["needs"]) <= asked | own
