"""Plausible facts of invented people for property tests: every programme, ages at boundaries, partial results."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from clinic.rules.programme import list_findings, list_programmes

Facts = dict[str, Any]
BOUNDARIES = (0, 2, 5, 11, 15, 18, 25, 45, 60, 65, 75)
EXAM_DATES = ("2024-02-29", "2024-03-01", "2025-03-10", "2025-03-11", "2026-09-15", "2021-09-03", "2023-12-31")
COUNTRIES = ("PHL", "DEU", "IND", "ATA", "GBR", "NGA", "COL")


def build_facts(rng: Random, most_unknown: int = 4) -> Facts:
    """Facts of one person, some circumstances unknown, some results in."""
    programme = rng.choice(list(list_programmes().values()))
    words = list(programme.circumstances)
    picked = rng.sample(words, min(len(words), rng.choice((0, 0, 1, 1, 2, 3)) + rng.randint(0, most_unknown)))
    unknown = picked[: rng.randint(0, min(most_unknown, len(picked)))]
    exam_date = date.fromisoformat(rng.choice(EXAM_DATES))
    birth = build_birth(rng, exam_date)
    facts: Facts = {
        "id": "invented", "programme": programme.code, "category": rng.choice(list(programme.categories)),
        "stay_months": rng.choice((None, 5, 6, 7, 12, 13, 24)), "au_schedule": rng.choice((None, 1, 2, 2)),
        "exam_date": exam_date.isoformat(), "birth_date": birth.isoformat(),
        "residence": {"country": rng.choice(COUNTRIES), "tb_incidence_per_100k": rng.choice((None, 5, 20, 643))},
        "exam_country": None, "lived_in": [], "yes": [word for word in picked if word not in unknown],
        "unknown": unknown, "results": build_results(rng, programme.code, exam_date, birth),
    }
    return facts


def build_birth(rng: Random, exam_date: date) -> date:
    """A birth date around a boundary of age, or anywhere."""
    years = rng.choice(BOUNDARIES) if rng.random() < 0.6 else rng.randint(0, 90)
    day = exam_date.replace(year=exam_date.year - years, day=min(exam_date.day, 28))
    return min(exam_date, day + timedelta(days=rng.choice((-400, -1, 0, 1))))


def build_results(rng: Random, programme: str, exam_date: date, birth: date) -> dict[str, Any]:
    """Some results, possibly none; of a shape the programme can have."""
    results: dict[str, Any] = {}
    if rng.random() < 0.4:
        results["igra"] = [
            {"drawn": exam_date.isoformat(), "result": rng.choice(("positive", "negative", "indeterminate"))}
            for _ in range(rng.choice((1, 1, 2)))
        ]
    if rng.random() < 0.15:
        results["tst"] = {"read": exam_date.isoformat(), "mm": rng.choice((0, 5, 7, 10, 15))}
    if rng.random() < 0.5:
        codes = [code for code, row in list_findings().items() if programme in row.get("programmes", programme)]
        results["chest_xray"] = {"taken": exam_date.isoformat(), "findings": [rng.choice(["NORMAL", "NORMAL", *codes])]}
    if rng.random() < 0.35:
        results["sputum"] = [build_specimen(rng, exam_date, place) for place in range(rng.choice((1, 3, 3, 3, 4)))]
    if rng.random() < 0.12:
        results["tb_treatment"] = build_treatment(rng, exam_date, birth)
    if rng.random() < 0.2:
        results["syphilis"] = {
            "nontreponemal": rng.choice(("reactive", "nonreactive", None)),
            "treponemal": rng.choice(("reactive", None)),
            "stage": rng.choice(("infectious", "late", None)), "treated": rng.random() < 0.5,
        }
    if rng.random() < 0.06:
        last = max(birth, exam_date - timedelta(days=rng.choice((0, 300, 400))))
        results["disorders"] = [{
            "kind": rng.choice(("mental", "substance")), "scheduled_substance": True, "likely_to_recur": False,
            "harmful_behaviour": rng.choice(("none", "past", "current")), "last_event": last.isoformat(),
        }]
    if rng.random() < 0.06:
        results["hansens"] = {"form": "multibacillary", "treated_days": rng.choice((0, 7))}
    if rng.random() < 0.1:
        results["hiv_test"] = {"reported": exam_date.isoformat(), "result": rng.choice(("negative", "positive"))}
    if rng.random() < 0.1:
        results["creatinine"] = {"egfr": rng.choice((20, 59, 60, 95))}
    if rng.random() < 0.05:
        results["tb_waiver"] = {"granted": True, "last_evaluation": exam_date.isoformat()}
    if rng.random() < 0.05:
        results["tb_diagnosis"] = {"clinical": True}
    if rng.random() < 0.05:
        results["pregnancy_weeks"] = rng.choice((9, 20))
    return results


def build_specimen(rng: Random, exam_date: date, place: int) -> dict[str, Any]:
    """One specimen, mostly negative."""
    collected = exam_date + timedelta(days=1 + place + rng.choice((0, 0, 0, 0, 9)))
    culture = rng.choice(("negative",) * 8 + ("pending", "pending", "mtb", "ntm", "contaminated", "inconclusive"))
    reported = collected + timedelta(days=rng.choice((56, 56, 56, 56, 250)))
    return {
        "collected": collected.isoformat(), "smear": rng.choice(("negative",) * 8 + ("positive", "pending")),
        "naat": rng.choice((None, "not-detected", "not-detected", "not-detected", "trace", "detected"))
        if place == 0 else None,
        "culture": culture, "culture_reported": None if culture == "pending" else reported.isoformat(),
    }


def build_treatment(rng: Random, exam_date: date, birth: date) -> dict[str, Any]:
    """Tuberculosis treatment in any of its states."""
    status = rng.choice(("none", "current", "completed", "completed"))
    ended = None
    if status == "completed":
        ended = max(birth, exam_date - timedelta(days=rng.choice((30, 364, 400)))).isoformat()
    return {
        "status": status, "dot_under_panel_physician": rng.random() < 0.5, "dot_refused": rng.random() < 0.3,
        "ended": ended, "end_cultures_negative_reported": ended if rng.random() < 0.5 else None,
    }
