"""Canada, Australia and New Zealand: examinations of the shared eMedical system, grades and validity."""

from __future__ import annotations

from datetime import timedelta

from clinic.rules.age import add_months
from clinic.rules.outcome import FINAL, INCOMPLETE, NOT_CLEARED, NOT_REQUIRED, PENDING, Outcome, sort_exams
from clinic.rules.programme import Rule, list_findings
from clinic.rules.requirement import Plan, find_gate, is_outstanding, list_holding, list_required, list_suggested
from clinic.rules.signal import find_disease, find_screen
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
RULES_CA: dict[str, tuple[str, ...]] = {"alert-surveillance": ()}
RULES_AU: dict[str, tuple[str, ...]] = {"alert-lateral": ("below_age_years",), "alert-undertaking": ()}

# Who is followed after arrival: the alert that says so, and the circumstances that call for it (1.8, 2.8).
FOLLOWED = {
    "ca": ("alert-surveillance", ("tb_history", "extrapulmonary_tb", "tb_contact_5y")),
    "au": ("alert-undertaking", ("tb_history", "prior_confirmed_tb")),
}


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
    is_open = disease == "" and not record.sputum.complete
    if disease == "active" or (is_open and (record.sputum.suspicious or "CAVITY" in record.findings)):
        names.append("alert-infection")
    if disease == "" and _awaits_repeat(sit):
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
    if (sit.programme == "au" and "tb-clinical-review" in outcome.required
            and sit.age < sit.number("alert-lateral", "below_age_years")):
        names.append("alert-lateral")
    if sit.programme in FOLLOWED and outcome.status == FINAL and _is_followed(sit, disease):
        names.append(FOLLOWED[sit.programme][0])
    return tuple(sit.rule(name).says for name in names)


def _awaits_repeat(sit: Situation) -> bool:
    """Whether the newest film suggests tuberculosis and is not the second one: that is taken long after the sputum."""
    record = sit.record
    if record.film != "tb" or record.film_day is None:
        return False
    given = [specimen["collected"] for specimen in record.sputum.specimens]
    soonest = timedelta(days=sit.number("alert-film-repeat", "at_least_days"))
    return not given or record.film_day < min(given) + soonest


def _is_followed(sit: Situation, disease: str) -> bool:
    """Whether health authorities follow the person after arrival: old or treated tuberculosis, infection, contact."""
    said = any(sit.truth.get(word) for word in FOLLOWED[sit.programme][1])
    return said or sit.record.film == "tb" or disease == "cured" or find_screen(sit) == "positive"
