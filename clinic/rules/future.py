"""Playing a case forward: results still to come, so that an unknown that matters only later is found now.

A course says how every outstanding examination turns out. Played step by step, it gives the answers this case can
still get; an unknown circumstance that changes none of them on any course changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from clinic.rules.outcome import NOT_REQUIRED, Outcome
from clinic.rules.record import SPECIMENS
from clinic.rules.situation import Situation

MOST_STEPS = 8  # screening, film, sputum, cultures, treatment, end: no case takes more


@dataclass(frozen=True, slots=True)
class Course:
    """How the outstanding examinations turn out."""

    screen: str = "negative"  # an IGRA call, or "skin" for a reaction that is positive in some people only
    film: str = "NORMAL"
    culture: str = "negative"
    smear: str = "negative"


COURSES: dict[str, tuple[Course, ...]] = {
    "us": (
        Course(), Course(screen="positive"), Course(film="INFILTRATE"), Course(culture="mtb"),
        Course(film="INFILTRATE", culture="mtb"), Course(screen="skin"), Course(screen="indeterminate"),
        Course(smear="positive"), Course(film="INFILTRATE", smear="positive"), Course("positive", "INFILTRATE"),
    ),
    "eMedical": (
        Course(), Course(screen="positive"), Course(film="INFILTRATE"), Course(film="INFILTRATE", culture="mtb"),
        Course(screen="indeterminate"),
    ),
    "uk": (Course(), Course(film="INFILTRATE"), Course(culture="mtb"), Course(film="INFILTRATE", culture="mtb")),
}


def list_courses(programme: str) -> tuple[Course, ...]:
    """The courses worth playing for a programme."""
    return COURSES.get(programme, COURSES["eMedical"])


def play(sit: Situation, course: Course, assess: Callable[[Situation], Outcome]) -> Iterator[Outcome]:
    """The answers along one course, from now on; raises Consult where `assess` does."""
    for _ in range(MOST_STEPS):
        outcome = assess(sit)
        yield outcome
        if outcome.status == NOT_REQUIRED:
            return
        results = advance(sit, outcome, course)
        if results == sit.record.results:
            return
        sit = sit.with_results(results)


def advance(sit: Situation, outcome: Outcome, course: Course) -> dict[str, Any]:
    """The results after the next ones have come in."""
    results = dict(sit.record.results)
    day = sit.facts.exam_date
    for exam in outcome.next:
        match exam:
            case "igra" | "igra-repeat":
                _draw(results, day, "positive" if course.screen == "skin" else course.screen)
            case "igra-or-tst" | "tb-screening-test":
                if course.screen == "skin":
                    results["tst"] = {"read": day, "mm": 7}
                else:
                    _draw(results, day, course.screen)
            case "chest-xray" | "tb-child-workup":
                since = results.get("tb_treatment", {}).get("ended") or day  # UK: a film from before it does not count
                results["chest_xray"] = {"taken": max(day, since), "findings": [course.film]}
            case "sputum-series" | "sputum-replacement":
                _collect(results, day, course)
            case "dst":
                results["dst"] = {"reported": day}
            case "hiv":
                results["hiv_test"] = {"reported": day, "result": "negative"}
            case "tb-treatment-dot":
                results["tb_treatment"] = _complete(day)
            case "creatinine":
                results["creatinine"] = {"egfr": 90}
            case "hba1c":
                results["hba1c"] = {"mmol_per_mol": 35}
            case "gonorrhoea":
                results["gonorrhoea"] = {"naat": "not-detected"}
            case "syphilis":
                results["syphilis"] = _finish_syphilis(results.get("syphilis", {}))
    _report(results, course)
    _treat(results, sit)
    return results


def _draw(results: dict[str, Any], day: date, call: str) -> None:
    results["igra"] = [*results.get("igra", ()), {"drawn": day, "result": call}]


def _collect(results: dict[str, Any], day: date, course: Course) -> None:
    """A new series on three consecutive days after the film, cultures pending."""
    start = results.get("chest_xray", {}).get("taken") or day
    fresh = [
        {
            "collected": start + timedelta(days=offset), "smear": course.smear if offset == 1 else "negative",
            "naat": "not-detected", "culture": "pending",
        }
        for offset in range(1, SPECIMENS + 1)
    ]
    results["sputum"] = [*results.get("sputum", ()), *fresh]


def _report(results: dict[str, Any], course: Course) -> None:
    """Pending cultures become final; on a course with disease the first one grows."""
    if "sputum" not in results:
        return
    reported: list[Mapping[str, Any]] = []
    culture = course.culture
    for specimen in results["sputum"]:
        final = specimen.get("culture", "pending") != "pending"
        if not final or "culture_reported" not in specimen or specimen.get("smear", "pending") == "pending":
            call = specimen["culture"] if final else culture
            smear = specimen.get("smear", "pending")
            specimen = {
                **specimen, "culture": call, "smear": course.smear if smear == "pending" else smear,
                "culture_reported": specimen.get("culture_reported", specimen["collected"]),
            }
            culture = culture if final else "negative"
        reported.append(specimen)
    results["sputum"] = reported


def _complete(day: date) -> dict[str, Any]:
    return {"status": "completed", "dot_under_panel_physician": True, "dot_refused": False, "ended": day}


def _treat(results: dict[str, Any], sit: Situation) -> None:
    """What bars the person and can be treated is treated; end cultures come one step after the treatment."""
    treatment = results.get("tb_treatment", {})
    if sit.record.treatment.status == "completed" and sit.record.treatment.end_reported is None:
        results["tb_treatment"] = {**treatment, "end_cultures_negative_reported": sit.facts.exam_date}
    if sit.record.syphilis == "infected":
        results["syphilis"] = {**results["syphilis"], "treated": True}
    if results.get("gonorrhoea", {}).get("naat") == "detected":
        results["gonorrhoea"] = {**results["gonorrhoea"], "treated": True}
    if "hansens" in results:
        results["hansens"] = {**results["hansens"], "treated_days": max(7, results["hansens"].get("treated_days", 0))}


def _finish_syphilis(row: Mapping[str, Any]) -> dict[str, Any]:
    if not row:
        return {"nontreponemal": "nonreactive"}
    if row.get("treponemal") is None:
        return {**row, "treponemal": "nonreactive"}
    if row.get("nontreponemal") is None:
        return {**row, "nontreponemal": "nonreactive"}
    return {**row, "treponemal_second": "nonreactive"}
