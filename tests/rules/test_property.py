"""What holds of every decision, and of the rule files as a whole."""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinic.rules.age import add_months, completed_years, completion
from clinic.rules.decision import decide
from clinic.rules.programme import list_exams, list_programmes, list_words
from tests.rules.person import build_facts

people = st.integers(min_value=0, max_value=2**32).map(lambda seed: build_facts(Random(seed)))
KEYS = [
    "id", "programme", "edition", "age_years", "required", "next", "suggested", "status", "needs", "options",
    "proposal", "reexam_not_before", "classes", "other_classes", "overall", "grades", "certificate", "vaccines",
    "valid_from", "valid_until", "alerts",
]
CONTRACT_WORDS = {
    "tb_symptoms", "hiv_known", "tb_history", "tb_contact", "tb_contact_household", "tb_contact_5y",
    "on_tb_treatment", "extrapulmonary_tb", "pregnant", "pregnant_declines_cxr", "pregnant_shielded_cxr",
    "public_health_job", "agri_designated", "officer_order", "designated_6m", "lives_in_canada",
    "low_risk_ime_lt_5y", "non_accompanying", "had_ime", "hiv_mother", "blood_products", "adoption", "hiv_risk",
    "ckd_advanced", "head_neck_cancer_5y", "transplant_immunosup", "high_hepb_jurisdiction", "health_worker",
    "hospital_environment", "childcare", "birth_in_australia", "visitor", "unaccompanied_minor", "nz_tb_risk",
    "prior_ash_lt_36m", "prior_cxr_lt_36m", "six_months_high_tb_since_cxr", "fee_student", "nz_refugee_status",
    "wh_extension", "listed_presence", "accredited_diplomat", "returning_lt_2y", "syphilis_suspected",
    "gonorrhoea_suspected", "immune_suppressed", "adoptee_affidavit", "prior_confirmed_tb",
    "prior_positive_tb_test", "eu_settlement_scheme", "ukraine_scheme",
}


@given(people)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_same_facts_give_the_same_complete_answer(facts: dict) -> None:
    before = json.dumps(facts)
    first = decide(facts)
    assert list(first) == KEYS
    assert json.dumps(facts) == before
    assert json.dumps(first) == json.dumps(decide(json.loads(before)))


@given(people)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_requirement_names_a_rule_of_its_edition(facts: dict) -> None:
    decision = decide(facts)
    programme = list_programmes()[facts["programme"]]
    edition = next(e for e in programme.editions if e.id == decision["edition"])
    assert edition.first <= date.fromisoformat(facts["exam_date"]) <= edition.last
    grades = [{"exam": exam, **row} for exam, row in decision["grades"].items()]
    for entry in (*decision["required"], *decision["next"], *decision["suggested"], *grades):
        assert entry["exam"] in list_exams()
        assert entry["because"]
        for reason in entry["because"]:
            rule = edition.rules[reason["rule"]]
            assert reason == {"rule": rule.id, "says": rule.says, "source": rule.source}
    required = [entry["exam"] for entry in decision["required"]]
    if "medical-exam" not in [entry["exam"] for entry in decision["next"]]:
        assert {entry["exam"] for entry in decision["next"]} <= set(required)
    assert not {entry["exam"] for entry in decision["suggested"]} & set(required)


@given(people)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_final_means_nothing_outstanding_and_a_validity(facts: dict) -> None:
    decision = decide(facts)
    assert (decision["status"] == "final") == (decision["valid_until"] is not None)
    if decision["status"] == "final":
        assert decision["next"] == [] and decision["needs"] == []
        assert decision["valid_from"] <= decision["valid_until"]
        assert facts["programme"] != "us" or decision["classes"]
        assert facts["programme"] != "uk" or decision["certificate"] == "issue"
    if decision["status"] == "physician-decision":
        assert decision["options"] and decision["next"] == []


def test_word_of_the_contract_is_known_to_some_rule_file() -> None:
    assert list_words() >= CONTRACT_WORDS


@pytest.mark.parametrize("programme", list_programmes().values(), ids=lambda p: p.code)
def test_editions_never_overlap(programme) -> None:
    for before, after in zip(programme.editions, programme.editions[1:], strict=False):
        assert after.first == before.last + timedelta(days=1)
    for rule in programme.rules:
        for other in programme.rules:
            if rule is not other and rule.id == other.id:
                assert rule.last < other.first or other.last < rule.first
        assert any(rule.id in edition.rules for edition in programme.editions)


def test_contract_example_is_decided_as_written() -> None:
    decision = decide({
        "id": "demo-1", "programme": "us", "category": "IV", "exam_date": "2025-03-10", "birth_date": "1991-01-05",
        "residence": {"country": "PHL", "tb_incidence_per_100k": 643}, "yes": [], "unknown": [],
        "results": {
            "igra": [{"drawn": "2025-03-10", "result": "positive"}],
            "chest_xray": {"taken": "2025-03-10", "findings": ["NORMAL"]}, "syphilis": {"nontreponemal": "nonreactive"},
        },
    })
    assert (decision["status"], decision["classes"], decision["overall"]) == ("final", ["B2"], "class-b")
    assert (decision["valid_from"], decision["valid_until"]) == ("2025-03-10", "2025-09-09")


@pytest.mark.parametrize(
    ("programme", "category", "exam", "limit"),
    [
        ("us", "IV", "chest-xray", 15), ("us", "IV", "igra", 2), ("us", "IV", "syphilis", 18),
        ("us", "IV", "gonorrhoea", 18), ("ca", "PR", "urinalysis", 5), ("ca", "PR", "chest-xray", 11),
        ("ca", "PR", "hiv", 15), ("au", "PERM", "tb-screening-test", 2), ("au", "PERM", "chest-xray", 11),
        ("au", "PERM", "creatinine", 15), ("nz", "RES_GENERAL", "urinalysis", 5), ("nz", "RES_GENERAL", "hba1c", 15),
        ("uk", "RESETTLEMENT", "chest-xray", 11),
    ],
)
@pytest.mark.parametrize("birthday", ["2026-09-15", "2026-03-01", "2025-02-28", "2024-12-31", "2024-02-29"])
def test_age_limit_opens_on_the_birthday_and_not_before(
    programme: str, category: str, exam: str, limit: int, birthday: str
) -> None:
    on = date.fromisoformat(birthday)
    birth = date(on.year - limit, on.month, min(on.day, 28))

    def is_required(exam_date: date) -> bool:
        decision = decide({
            "programme": programme, "category": category, "exam_date": exam_date.isoformat(), "au_schedule": 2,
            "birth_date": birth.isoformat(), "residence": {"country": "PHL", "tb_incidence_per_100k": 600},
        })
        return exam in [entry["exam"] for entry in decision["required"]]

    first = date(birth.year + limit, birth.month, birth.day)
    assert is_required(first) and not is_required(first - timedelta(days=1))


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        ("2020-02-29", "2022-02-28", 1), ("2020-02-29", "2022-03-01", 2), ("2020-02-29", "2024-02-28", 3),
        ("2020-02-29", "2024-02-29", 4), ("2023-03-10", "2025-03-09", 1), ("2023-03-10", "2025-03-10", 2),
    ],
)
def test_completed_years_of_who_is_born_on_that_day(birth: str, on: str, years: int) -> None:
    assert completed_years(date.fromisoformat(birth), date.fromisoformat(on)) == years


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2026-01-31", 3, "2026-04-30"), ("2026-08-31", 6, "2027-02-28"), ("2023-08-31", 6, "2024-02-29"),
        ("2025-12-31", 2, "2026-02-28"), ("2024-02-29", 12, "2025-02-28"), ("2025-03-10", -12, "2024-03-10"),
    ],
)
def test_month_end_is_clamped_when_months_are_added(day: str, months: int, later: str) -> None:
    assert add_months(date.fromisoformat(day), months).isoformat() == later


def test_age_in_months_completes_on_the_first_when_the_day_does_not_exist() -> None:
    assert completion(date(2024, 12, 31), months=2) == date(2025, 3, 1)
    assert completion(date(2024, 2, 29), years=1) == date(2025, 3, 1)
    assert completion(date(2025, 3, 3), days=42) == date(2025, 4, 14)
