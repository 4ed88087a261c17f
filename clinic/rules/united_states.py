"""The United States panel examination: what is asked, what stands, which classes (us.md and its addendum)."""

from __future__ import annotations

from clinic.rules.age import add_months
from clinic.rules.condition import Conditions, list_conditions
from clinic.rules.outcome import (
    FINAL,
    INCOMPLETE,
    NOT_CLEARED,
    PENDING,
    PHYSICIAN,
    Outcome,
    sort_exams,
)
from clinic.rules.requirement import Plan, is_outstanding, list_required, list_suggested
from clinic.rules.signal import find_disease, find_screen
from clinic.rules.situation import Situation, days_after
from clinic.rules.tuberculosis import (
    Choice,
    add_contact,
    choose_suspicious,
    classify,
    find_cap,
    find_last_result,
    find_validity,
    is_waived,
)
from clinic.rules.vaccine import list_vaccines

WORDS = (
    "tb_symptoms", "hiv_known", "tb_history", "tb_contact", "on_tb_treatment", "extrapulmonary_tb", "pregnant",
)

RULES: dict[str, tuple[str, ...]] = {
    "high-burden": ("threshold_per_100k",), "tst": ("positive_mm", "positive_mm_contact_or_hiv"),
    "tst-accepted": ("below_age_years",), "adoptee": ("max_age_years",), "refusal": ("wait_months",),
    "sputum-replacement": (), "sputum-timing": ("naat_of_first",),
    "lateral": ("below_age_years",),
    "validity": ("NONE", "B2", "B3", "B0", "B1P", "B1E", "A-W"),
    "validity-cap": ("months",), "hansens": ("treated_days",), "substance": ("remission_months",),
    "harm": ("free_months",),
    **{f"alert-{name}": () for name in (
        "infection", "contact", "expired", "wait", "pregnancy-film", "site", "naat", "spacing", "report-date",
        "syphilis-confirm", "syphilis-treat", "gonorrhoea-treat", "hansens", "disorder")},
}


def assess(sit: Situation, plan: Plan) -> Outcome:
    """Decide for known circumstances; raises Consult for one that matters and is unknown."""
    required = list_required(plan, sit)
    if "sputum-series" in required and sit.record.sputum.wasted:
        required["sputum-replacement"] = [sit.rule("sputum-replacement")]
    disease = find_disease(sit)
    outcome = Outcome(
        INCOMPLETE, required=sort_exams(required),
        next=sort_exams({exam: rules for exam, rules in required.items() if _is_next(exam, sit, disease)}),
        suggested=list_suggested(plan, sit, required),
        vaccines=list_vaccines(sit),
    )
    conditions = list_conditions(sit)
    outcome.other_classes = tuple(sorted(f"{name}:{grade}" for name, grade in conditions.classes.items()))
    _conclude(sit, outcome, disease, conditions)
    outcome.alerts = _list_alerts(sit, outcome, disease, conditions)
    return outcome


def _is_next(exam: str, sit: Situation, disease: str) -> bool:
    if exam == "tb-treatment-dot":
        # until completed under the panel physician (contract); nothing to do while waiting, or travelling by waiver
        waits = disease == "waiting" and sit.record.treatment.status == "completed"
        return not (disease == "cured" or waits or is_waived(sit) or _awaits_end_cultures(sit))
    return is_outstanding(exam, sit)


def _awaits_end_cultures(sit: Situation) -> bool:
    treatment = sit.record.treatment
    return treatment.status == "completed" and treatment.panel and not sit.record.relapse


def _conclude(sit: Situation, outcome: Outcome, disease: str, conditions: Conditions) -> None:
    """Set status, classes, overall and validity, in the contract's order of precedence."""
    sputum = sit.record.sputum
    active = disease in ("active", "waiting")
    suspicious = sputum.suspicious and disease in ("", "returned")
    if active and not is_waived(sit):
        outcome.status, outcome.classes, outcome.overall = NOT_CLEARED, add_contact(sit, ("A",)), "class-a"
        ended = sit.record.treatment.ended
        if disease == "waiting" and ended is not None:
            outcome.reexam_not_before = add_months(ended, sit.number("refusal", "wait_months"))
        return
    if conditions.class_a:
        outcome.status, outcome.overall = NOT_CLEARED, "class-a"
        return
    if conditions.held or (suspicious and not sputum.complete):
        outcome.status = NOT_CLEARED
        return
    if _is_expired(sit, disease):
        outcome.next = sort_exams({**outcome.next, "medical-exam": [sit.rule("validity-cap")]})
    if outcome.next:
        return
    if sputum.pending and disease in ("", "returned"):
        outcome.status = PENDING
        return
    if active:
        _finish(sit, outcome, add_contact(sit, ("A-W",)))
    elif disease == "cured":
        _finish(sit, outcome, add_contact(sit, ("B0",)))
    else:
        _finish(sit, outcome, choose_suspicious(sit) if suspicious else classify(sit, disease == "returned"))


def _is_expired(sit: Situation, disease: str) -> bool:
    """The cap passed before clearance; B0 counts from its own re-examination."""
    if disease == "cured":
        return False
    if is_waived(sit) and disease:
        return days_after(sit.record.results["tb_waiver"]["last_evaluation"], find_cap(sit))
    return days_after(find_last_result(sit), find_cap(sit))


def _finish(sit: Situation, outcome: Outcome, found: tuple[str, ...] | Choice) -> None:
    if isinstance(found, Choice):
        outcome.status, outcome.options, outcome.proposal = PHYSICIAN, found.options, found.proposal
        return
    outcome.status, outcome.classes = FINAL, found
    if "A-W" in found:
        outcome.overall = "class-a"
    else:
        outcome.overall = "no-apparent-defect" if found == ("NONE",) and not outcome.other_classes else "class-b"
    outcome.valid_from, outcome.valid_until = find_validity(sit, found)


def _list_alerts(sit: Situation, outcome: Outcome, disease: str, conditions: Conditions) -> tuple[str, ...]:
    record, sputum = sit.record, sit.record.sputum
    names = []
    if disease == "active" or (disease != "cured" and (sputum.suspicious or "CAVITY" in record.findings)):
        names.append("alert-infection")
    if disease == "waiting":
        names.append("alert-wait")
    if find_screen(sit) == "negative" and sit.ask("tb_contact"):
        names.append("alert-contact")
    if "chest-xray" in outcome.next and "pregnancy:B" in outcome.other_classes:
        names.append("alert-pregnancy-film")
    if "extrapulmonary_site" not in record.results and disease == "" and "B1E" in outcome.classes:
        names.append("alert-site")
    if sputum.specimens and not any("naat" in specimen for specimen in sputum.specimens):
        names.append("alert-naat")
    days = [specimen["collected"] for specimen in sputum.specimens]
    if len(set(days)) < len(days):
        names.append("alert-spacing")
    if sputum.unreported:
        names.append("alert-report-date")
    alerts = [sit.rule(name).says for name in names]
    if "medical-exam" in outcome.next:
        alerts.append(sit.rule("alert-expired").says.format(date=find_cap(sit).isoformat()))
    return (*alerts, *conditions.alerts)
