"""The United Kingdom's tuberculosis screening: film, sputum on consecutive mornings, certificate (Appendix TB)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from clinic.rules.age import add_months
from clinic.rules.outcome import FINAL, INCOMPLETE, NOT_CLEARED, NOT_REQUIRED, PENDING, Outcome, sort_exams
from clinic.rules.record import SPECIMENS
from clinic.rules.requirement import Plan, find_gate, is_outstanding, list_required, list_suggested
from clinic.rules.signal import find_disease
from clinic.rules.situation import Situation

WORDS = ("on_tb_treatment", "extrapulmonary_tb", "tb_contact")
USABLE = ("negative", "ntm")

RULES: dict[str, tuple[str, ...]] = {
    "sputum-replacement": (), "sputum-timing": ("begin_within_days", "naat_of_first"),
    "validity": ("months", "months_contact"),
    "tst": ("positive_mm",), "tst-accepted": ("below_age_years",), "alert-first-trimester": ("below_weeks",),
    **{f"alert-{name}": () for name in (
        "infection", "late", "consecutive", "inconclusive", "film-deferred", "after-treatment")},
}


def assess(sit: Situation, plan: Plan) -> Outcome:
    """Decide for known circumstances; raises Consult for one that matters and is unknown."""
    entered = find_gate(plan, sit)
    if entered is None:
        return Outcome(NOT_REQUIRED)
    required = list_required(plan, sit)
    fault = find_series_fault(sit) if "sputum-series" in required else None
    if fault is not None or ("tb-child-workup" in required and sit.record.film is None and sit.record.sputum.wasted):
        required["sputum-replacement"] = [sit.rule("sputum-replacement")]
    suggested = list_suggested(plan, sit, required)
    required = sort_exams({exam: [*rules, *entered] for exam, rules in required.items()})
    outcome = Outcome(
        INCOMPLETE, required=required, suggested=suggested,
        next={
            exam: rules for exam, rules in required.items()
            if (is_outstanding(exam, sit) or _is_before_end(exam, sit))
            and not (exam == "sputum-series" and fault is not None)
        },
    )
    disease = find_disease(sit)
    if disease == "active" or (disease == "" and sit.record.sputum.suspicious):
        # smear or culture positive: no certificate (G3); a trace is not excluded either
        outcome.status, outcome.certificate = NOT_CLEARED, "refuse"
    elif not outcome.next:
        outcome.status = PENDING if sit.record.sputum.pending and disease == "" else FINAL
    if outcome.status == FINAL:
        outcome.certificate = "issue"
        outcome.valid_from = sit.record.film_day or sit.facts.exam_date
        months = sit.number("validity", "months_contact" if sit.ask("tb_contact") else "months")
        outcome.valid_until = add_months(outcome.valid_from, months)
    outcome.alerts = _list_alerts(sit, outcome, fault)
    return outcome


def _is_before_end(exam: str, sit: Situation) -> bool:
    """Whether a treatment ended after this was done: the certificate counts from a film, and a check, made since."""
    ended = sit.record.treatment.ended
    if ended is None or find_disease(sit) != "cured":
        return False
    done = {"chest-xray": sit.record.film_day, "tb-interview": sit.facts.exam_date}.get(exam)
    return done is not None and done < ended


def find_series_fault(sit: Situation) -> str | None:
    """Why the series must be given again: late, consecutive (not on such days) or inconclusive; None while it stands.

    It stands when some three specimens on consecutive days, begun in time, together with later replacements, give or
    can still give three usable cultures (G3; contract).
    """
    latest = None
    if sit.record.film_day is not None:
        latest = sit.record.film_day + timedelta(days=sit.number("sputum-timing", "begin_within_days"))
    return judge_series(sit.record.sputum.specimens, latest)


def judge_series(given: Iterable[Mapping[str, Any]], latest: date | None) -> str | None:
    """The same of specimens as they are `collected`, also while their `culture` grows; begun until `latest` at most."""
    specimens = sorted(given, key=lambda specimen: specimen["collected"])
    if not specimens or any(specimen.get("culture") == "mtb" for specimen in specimens):
        return None
    starts = [s["collected"] for s in specimens if latest is None or s["collected"] <= latest]
    if not starts:
        return "late"
    if len(specimens) < SPECIMENS:
        gaps = {(b["collected"] - a["collected"]).days for a, b in pairwise(specimens)}
        return None if gaps <= {1} else "consecutive"
    fault = "consecutive"
    for start in starts:
        run = _find_run(specimens, start)
        if run is not None:
            later = [s for s in specimens if s["collected"] > run[-1]["collected"]]
            if sum(map(_can_count, [*run, *later])) >= SPECIMENS:
                return None
            fault = "inconclusive"
    return fault


def _find_run(specimens: list[Mapping[str, Any]], start: Any) -> list[Mapping[str, Any]] | None:
    """Three specimens on consecutive days from `start`, on each day one that can count if there is one."""
    run = []
    for offset in range(SPECIMENS):
        same_day = [s for s in specimens if s["collected"] == start + timedelta(days=offset)]
        if not same_day:
            return None
        run.append(max(same_day, key=_can_count))
    return run


def _can_count(specimen: Mapping[str, Any]) -> bool:
    return specimen.get("culture", "pending") in (*USABLE, "pending")


def _list_alerts(sit: Situation, outcome: Outcome, fault: str | None) -> tuple[str, ...]:
    results = sit.record.results
    names = []
    if outcome.status == NOT_CLEARED:
        names.append("alert-infection")
    if fault in ("late", "consecutive"):
        names.append(f"alert-{fault}")
    if sit.record.sputum.inconclusive:
        names.append("alert-inconclusive")
    if any(_is_before_end(exam, sit) for exam in outcome.next):
        names.append("alert-after-treatment")
    if "deferred" in results.get("chest_xray", {}) and "chest-xray" in outcome.required:
        names.append("alert-film-deferred")
        if results.get("pregnancy_weeks", 99) < sit.number("alert-first-trimester", "below_weeks"):
            names.append("alert-first-trimester")
    return tuple(sit.rule(name).says for name in names)
