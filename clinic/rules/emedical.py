"""Canada, Australia and New Zealand: examinations of the shared eMedical system, grades and validity."""

from __future__ import annotations

from datetime import timedelta

from clinic.rules.age import add_months
from clinic.rules.outcome import FINAL, INCOMPLETE, NOT_CLEARED, NOT_REQUIRED, PENDING, Outcome, sort_exams
from clinic.rules.programme import Rule, list_findings
from clinic.rules.requirement import Plan, find_gate, is_outstanding, list_holding, list_required, list_suggested
from clinic.rules.signal import find_disease
from clinic.rules.situation import Situation

WORDS = ("on_tb_treatment", "extrapulmonary_tb")
KIDNEY_LIMIT = 60  # 1.5 [own]; New Zealand's limit stands in its own rule

RULES: dict[str, tuple[str, ...]] = {
    "sputum-replacement": (), "sputum-timing": ("naat_of_first",), "tst": ("positive_mm",),
    "tst-accepted": ("below_age_years",), "validity": ("months",),
    "alert-film-repeat": ("days", "at_least_days"),
    "grade-film": (), "grade-clear": (), "grade-result": ("egfr_below",),
    **{f"alert-{name}": () for name in (
        "infection", "hiv", "syphilis", "kidney", "film-deferred")},
}
RULES_NZ: dict[str, tuple[str, ...]] = {
    "alert-kidney": ("egfr_below",), "alert-hba1c": ("mmol_per_mol_above",), "alert-pregnant-egfr": ()}
RULES_AU: dict[str, tuple[str, ...]] = {"alert-lateral": ("below_age_years",), "alert-undertaking": ()}


def assess(sit: Situation, plan: Plan) -> Outcome:
    """Decide for known circumstances; raises Consult for one that matters and is unknown."""
    entered = find_gate(plan, sit)
    if entered is None:
        return Outcome(NOT_REQUIRED)
    required = list_required(plan, sit)
    suggested = list_suggested(plan, sit, required)
    if not required:
        return Outcome(NOT_REQUIRED, suggested=suggested)
    if "sputum-series" in required and sit.record.sputum.wasted:
        required["sputum-replacement"] = [sit.rule("sputum-replacement")]
    required = sort_exams({exam: [*rules, *entered] for exam, rules in required.items()})
    disease = find_disease(sit)
    outcome = Outcome(
        INCOMPLETE, required=required, suggested=suggested,
        next={exam: rules for exam, rules in required.items() if _is_next(exam, sit, disease)},
    )
    sputum = sit.record.sputum
    if disease == "active" or (disease == "" and sputum.suspicious and not sputum.complete):
        outcome.status = NOT_CLEARED
    elif not outcome.next:
        outcome.status = PENDING if sputum.pending and disease == "" else FINAL
    if outcome.status == FINAL:
        start = sit.facts.exam_date
        months = sit.number("validity", "months")
        outcome.valid_from, outcome.valid_until = start, add_months(start, months) - timedelta(days=1)
    outcome.grades = _grade(sit, plan, outcome)
    outcome.alerts = _list_alerts(sit, outcome, disease)
    return outcome


def _is_next(exam: str, sit: Situation, disease: str) -> bool:
    if exam == "tb-treatment-dot":
        return disease == "active" and is_outstanding(exam, sit)
    if exam == "igra-repeat":
        return sit.record.igra == "repeat"
    return is_outstanding(exam, sit)


def _grade(sit: Situation, plan: Plan, outcome: Outcome) -> dict[str, tuple[str, list[Rule]]]:
    """B as soon as something is found; A only when nothing can still be found (P9: never from B to A)."""
    grades: dict[str, tuple[str, list[Rule]]] = {}
    clear = [sit.rule("grade-clear")]
    for exam, rules in plan.grades.items():
        if exam not in outcome.required:
            continue
        if exam == "chest-xray":
            if sit.record.film is not None:
                grades[exam] = ("B", [sit.rule("grade-film")]) if _is_film_b(sit) else ("A", clear)
            continue
        found = list_holding((t for t in rules if t[0].id != clear[0].id), sit)
        if found:
            grades[exam] = ("B", found)
        elif outcome.status == FINAL:
            grades[exam] = ("A", clear)
    return grades


def _is_film_b(sit: Situation) -> bool:
    findings = list_findings()
    return any(findings[code]["grade"] == "B" for code in sit.record.findings)


def _list_alerts(sit: Situation, outcome: Outcome, disease: str) -> tuple[str, ...]:
    record, results = sit.record, sit.record.results
    names = []
    if disease == "active" or (disease == "" and (record.sputum.suspicious or "CAVITY" in record.findings)):
        names.append("alert-infection")
    if record.film == "tb":
        names.append("alert-film-repeat")
    if record.hiv_positive:
        names.append("alert-hiv")
    if record.syphilis in ("open", "infected"):
        names.append("alert-syphilis")
    egfr = results.get("creatinine", {}).get("egfr")
    limit = sit.rule("alert-kidney").numbers.get("egfr_below", KIDNEY_LIMIT)
    if egfr is not None and egfr < limit:
        names.append("alert-kidney")
    if "deferred" in results.get("chest_xray", {}):
        names.append("alert-film-deferred")
    if sit.programme == "nz":
        hba1c = results.get("hba1c", {}).get("mmol_per_mol")
        if hba1c is not None and hba1c > sit.number("alert-hba1c", "mmol_per_mol_above"):
            names.append("alert-hba1c")
        if "creatinine" in outcome.required and "pregnancy_weeks" in results:
            names.append("alert-pregnant-egfr")
    if sit.programme == "au":
        if sit.age < sit.number("alert-lateral", "below_age_years") and "tb-clinical-review" in outcome.required:
            names.append("alert-lateral")
        if record.film == "tb" and outcome.status == FINAL:
            names.append("alert-undertaking")
    return tuple(sit.rule(name).says for name in names)
