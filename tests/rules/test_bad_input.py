"""Bad input gets one clear sentence on its line; every other line keeps its answer."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from click.testing import CliRunner

from clinic.rules.command import COMMANDS
from clinic.rules.fact import FactError, parse_facts
from clinic.rules.line import decide_lines, interpret_igra_lines

GOOD: dict[str, Any] = {
    "id": "good", "programme": "us", "category": "IV", "exam_date": "2025-03-10", "birth_date": "1991-01-05",
    "residence": {"country": "PHL", "tb_incidence_per_100k": 643}, "yes": [], "unknown": [], "results": {},
}
FILM = {"taken": "2025-03-10", "findings": ["NORMAL"]}


def with_result(**results: Any) -> dict[str, Any]:
    return {**GOOD, "results": results}


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ([], "facts"), (None, "facts"), ("x", "facts"), (3, "facts"), ({}, "programme"),
        ({**GOOD, "colour": 1}, "colour"), ({**GOOD, "programme": "fr"}, "programme"),
        ({**GOOD, "programme": ["us"]}, "programme"), ({**GOOD, "category": "PR"}, "category"),
        ({**GOOD, "exam_date": "2025-02-30"}, "exam_date"), ({**GOOD, "exam_date": "20250310"}, "exam_date"),
        ({**GOOD, "exam_date": "2025-W10-1"}, "exam_date"), ({**GOOD, "exam_date": 20250310}, "exam_date"),
        ({**GOOD, "exam_date": "٢٠٢٥-٠٣-١٠"}, "exam_date"), ({**GOOD, "exam_date": "0001-01-01"}, "exam_date"),
        ({**GOOD, "exam_date": "2013-12-31"}, "exam_date"), ({**GOOD, "exam_date": None}, "exam_date"),
        ({**GOOD, "birth_date": "2025-03-11"}, "birth_date"), ({**GOOD, "birth_date": "1890-01-01"}, "birth_date"),
        ({**GOOD, "residence": None}, "residence"), ({**GOOD, "residence": "PHL"}, "residence"),
        ({**GOOD, "residence": {"country": "ZZZ"}}, "residence.country"),
        ({**GOOD, "residence": {"country": "phl"}}, "residence.country"),
        ({**GOOD, "residence": {"country": ["PHL"]}}, "residence.country"),
        ({**GOOD, "residence": {"country": "PHL", "tb_incidence_per_100k": -1}}, "residence.tb_incidence_per_100k"),
        ({**GOOD, "residence": {"country": "PHL", "tb_incidence_per_100k": True}}, "residence.tb_incidence_per_100k"),
        ({**GOOD, "residence": {"country": "PHL", "tb_incidence_per_100k": float("nan")}},
         "residence.tb_incidence_per_100k"),
        ({**GOOD, "residence": {"country": "PHL", "tb_incidence_per_100k": float("inf")}},
         "residence.tb_incidence_per_100k"),
        ({**GOOD, "residence": {"country": "PHL", "tb_incidence_per_100k": 10**5000}},
         "residence.tb_incidence_per_100k"),
        ({**GOOD, "residence": {"country": "PHL", "city": "Manila"}}, "residence.city"),
        ({**GOOD, "yes": "pregnant"}, "yes"), ({**GOOD, "yes": ["pregnent"]}, "yes"), ({**GOOD, "yes": [["x"]]}, "yes"),
        ({**GOOD, "yes": ["pregnant"], "unknown": ["pregnant"]}, "unknown"), ({**GOOD, "unknown": {}}, "unknown"),
        ({**GOOD, "stay_months": "6"}, "stay_months"), ({**GOOD, "stay_months": False}, "stay_months"),
        ({**GOOD, "au_schedule": 3}, "au_schedule"), ({**GOOD, "au_schedule": 0}, "au_schedule"),
        ({**GOOD, "au_schedule": 1.5}, "au_schedule"), ({**GOOD, "flu_season": "yes"}, "flu_season"),
        ({**GOOD, "id": 7}, "id"), ({**GOOD, "id": 10**5000}, "id"),
        ({**GOOD, "lived_in": [{"country": "IND"}]}, "lived_in[0].from"),
        ({**GOOD, "lived_in": [{"country": "IND", "from": "2024-02-01", "to": "2024-01-01"}]}, "lived_in[0].to"),
        ({**GOOD, "results": []}, "results"), (with_result(xray=FILM), "results.xray"),
        (with_result(chest_xray={"taken": "2025-03-10", "findings": ["FOO"]}), "results.chest_xray.findings"),
        (with_result(chest_xray={"taken": "2025-03-10", "findings": []}), "results.chest_xray.findings"),
        (with_result(chest_xray={"taken": "2025-03-10", "findings": ["NORMAL", "CAVITY"]}),
         "results.chest_xray.findings"),
        (with_result(chest_xray={"taken": "2025-03-10", "outcome": "normal"}), "results.chest_xray.outcome"),
        (with_result(chest_xray={"findings": ["NORMAL"]}), "results.chest_xray.taken"),
        (with_result(chest_xray={"deferred": "holiday"}), "results.chest_xray.deferred"),
        (with_result(igra={"drawn": "2025-03-10", "result": "positive"}), "results.igra"),
        (with_result(igra=[{"drawn": "2025-03-10", "result": "borderline"}]), "results.igra[0].result"),
        (with_result(igra=[{"result": "positive"}]), "results.igra[0].drawn"),
        (with_result(tst={"read": "2025-03-10", "mm": 5.5}), "results.tst.mm"),
        (with_result(tst={"read": "1990-03-10", "mm": 5}), "results.tst.read"),
        (with_result(sputum=[{"collected": "2025-03-10", "culture": "positive"}]), "results.sputum[0].culture"),
        (with_result(sputum=[{"collected": "2025-03-10", "culture_reported": "2025-03-09"}]),
         "results.sputum[0].culture_reported"),
        (with_result(tb_waiver={"granted": True}), "results.tb_waiver.last_evaluation"),
        (with_result(disorders=[{"kind": "mental"}]), "results.disorders[0].harmful_behaviour"),
        (with_result(other_conditions=[1]), "results.other_conditions[0]"),
        (with_result(pregnancy_weeks=-3), "results.pregnancy_weeks"),
    ],
)
def test_bad_facts_name_the_field(facts: object, field: str) -> None:
    with pytest.raises(FactError) as caught:
        parse_facts(facts)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ") and caught.value.message.endswith(".")
    assert "\n" not in caught.value.message and len(caught.value.message) < 300


def decide_all(*lines: bytes) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    status = decide_lines(lines, out)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_bad_line_among_good_ones_is_answered_in_its_place() -> None:
    good = json.dumps(GOOD).encode()
    bad = json.dumps({**GOOD, "id": "bad", "yes": ["nonsense"]}).encode()
    status, answers = decide_all(good + b"\n", bad + b"\r\n", good)
    assert status == 1
    assert [row["id"] for row in answers] == ["good", "bad", "good"]
    assert list(answers[1]) == ["id", "error"] and "nonsense" in answers[1]["error"]
    assert answers[0] == answers[2]


@pytest.mark.parametrize(
    "line",
    [
        b"{", b"nonsense", b"\xff\xfe{}", b"[" * 200_000, b'{"id":' * 100_000, b'{"id":"a","id":"b"}', b"NaN",
        b'{"stay_months":NaN}', b'{"stay_months":' + b"9" * 10_000 + b"}", b'{"stay_months":1e999999999}',
        b'{"id":"\\ud800"}', b"null", b"[]", b'"text"', b"{}", b'{"programme":"us"} trailing', b'{"\\u0000":1}',
    ],
)
def test_line_that_is_no_fact_ends_in_one_sentence(line: bytes) -> None:
    status, answers = decide_all(json.dumps(GOOD).encode(), line, json.dumps(GOOD).encode())
    assert status == 1 and len(answers) == 3
    assert list(answers[1]) == ["id", "error"] and answers[1]["error"]
    assert answers[0]["status"] == answers[2]["status"] == "incomplete"


def test_lone_surrogate_in_the_id_is_echoed() -> None:
    status, answers = decide_all(json.dumps({**GOOD, "id": "\ud800"}).encode())
    assert status == 0 and answers[0]["id"] == "\ud800"


def test_blank_line_between_says_so_and_blank_lines_at_the_end_are_none() -> None:
    good = json.dumps(GOOD).encode()
    status, answers = decide_all(good, b"\n", good, b"\n", b"  \n")
    assert status == 1 and ["error" in row for row in answers] == [False, True, False]
    assert decide_all(good, b"\n") == (0, [answers[0]])
    assert decide_all() == (0, [])


def test_byte_order_mark_is_no_error() -> None:
    assert decide_all(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())[0] == 0


def test_igra_line_with_a_missing_value_names_it() -> None:
    out = io.StringIO()
    lines = [b'{"kind":"qft-plus","nil":0.05,"tb1":0.4,"tb2":0.3,"mitogen":10}', b'{"kind":"qft-plus","nil":0.05}']
    assert interpret_igra_lines(lines, out) == 1
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first == {"interpretation": "positive"}
    assert second["error"].startswith("tb1: ")


def test_commands_read_bytes_and_exit_one_for_a_bad_line() -> None:
    commands = {command.name: command for command in COMMANDS}
    runner = CliRunner()
    result = runner.invoke(commands["decide"], input=json.dumps(GOOD).encode() + b"\n\xff\n")
    assert result.exit_code == 1 and len(result.stdout.splitlines()) == 2
    assert runner.invoke(commands["decide"], input=json.dumps(GOOD).encode()).exit_code == 0
    assert runner.invoke(commands["interpret-igra"], input=b"").exit_code == 0
    assert runner.invoke(commands["check-programmes"]).exit_code == 0
