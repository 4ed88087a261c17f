"""The United States tuberculosis class: Class A, B0, B1, B2, B3 or none, and how long it is valid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clinic.rules.age import add_months
from clinic.rules.signal import find_screen, has_history, known_hiv
from clinic.rules.situation import Situation, some


@dataclass(frozen=True, slots=True)
class Choice:
    """The classes the sources leave to the physician, and what they propose."""

    options: tuple[str, ...]
    proposal: str | None


def is_waived(sit: Situation) -> bool:
    """A waiver was granted for travel while Class A (S7)."""
    return bool(sit.record.results.get("tb_waiver", {}).get("granted", False))


def add_contact(sit: Situation, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Class B3 beside any other class, in place of none (us.md 1.6)."""
    if not sit.ask("tb_contact"):
        return classes
    return (*(code for code in classes if code != "NONE"), "B3")


def choose_suspicious(sit: Situation) -> Choice:
    """Three final cultures without M. tuberculosis after a positive smear or a trace (addendum C2, contract)."""
    sputum = sit.record.sputum
    proposal = "B1P" if sputum.smear_positive and sputum.ntm and not sputum.trace else None
    return Choice(add_contact(sit, ("A", "B1P")), proposal)


def classify(sit: Situation, returned: bool) -> tuple[str, ...] | Choice:
    """The class once everything is in and no disease is found; `returned` after refusing treatment (C3)."""
    found = []
    film_tb = sit.record.film == "tb"
    if film_tb or returned or some(lambda: sit.ask("tb_symptoms"), lambda: known_hiv(sit)):
        found.append("B1P")
    if not film_tb and sit.ask("extrapulmonary_tb"):
        found.append("B1E")
    if found:
        return add_contact(sit, tuple(found))
    screen = find_screen(sit)
    if sit.record.film is not None and has_history(sit):
        instead = "B2" if screen == "positive" else "NONE"
        return Choice(add_contact(sit, ("B1P", instead)), "B1P")
    if screen == "inconclusive":
        return Choice(add_contact(sit, ("NONE",)), None)
    return add_contact(sit, ("B2",) if screen == "positive" else ("NONE",))


def find_cap(sit: Situation) -> date:
    """The last day any part of the examination can be valid (addendum C9)."""
    return add_months(sit.facts.exam_date, sit.number("validity-cap", "months")) - timedelta(days=1)


def find_validity(sit: Situation, classes: tuple[str, ...]) -> tuple[date, date]:
    """First and last valid day of these classes (us.md 1.10; contract)."""
    start = sit.facts.exam_date
    if "A-W" in classes:
        start = sit.record.results["tb_waiver"]["last_evaluation"]
    elif "B0" in classes and sit.record.treatment.end_reported is not None:
        start = sit.record.treatment.end_reported
    elif "B1P" in classes or "B1E" in classes:
        start = sit.record.sputum.last_reported or start
    months = min(sit.number("validity", code) for code in classes)
    until = add_months(start, months) - timedelta(days=1)
    return start, until if "B0" in classes else min(until, find_cap(sit))


def find_last_result(sit: Situation) -> date | None:
    """The day of the last result that clearance waited for."""
    record, results = sit.record, sit.record.results
    days = [draw["drawn"] for draw in results.get("igra", ())]
    days += [day for day in (record.film_day, record.sputum.last_reported) if day is not None]
    if "tst" in results:
        days.append(results["tst"]["read"])
    return max(days) if days else None
