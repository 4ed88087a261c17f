"""What results and circumstances together say: the words under `found` in the rule files."""

from __future__ import annotations

from collections.abc import Callable

from clinic.rules.age import add_months
from clinic.rules.situation import Situation, every, some

Signal = Callable[[Situation], bool]


def known_hiv(sit: Situation) -> bool:
    """Known infection: by history, or by a positive test here."""
    return sit.record.hiv_positive or sit.ask("hiv_known")


def find_screen(sit: Situation) -> str | None:
    """The screening test, IGRA or skin test: None positive negative repeat inconclusive."""
    record = sit.record
    if record.igra == "positive":
        return "positive"
    if record.mm is not None:
        if record.mm >= sit.number("tst", "positive_mm"):
            return "positive"
        if sit.programme == "us" and record.mm >= sit.number("tst", "positive_mm_contact_or_hiv") and some(
            lambda: sit.ask("tb_contact"), lambda: known_hiv(sit)
        ):
            return "positive"
        if record.igra is None or (record.igra != "negative" and is_tst_accepted(sit)):
            return "negative"
    return record.igra


def is_tst_accepted(sit: Situation) -> bool:
    """Whether a skin test may stand in place of an IGRA at this age."""
    return sit.age < sit.number("tst-accepted", "below_age_years")


def is_extrapulmonary_only(sit: Situation) -> bool:
    """Tuberculosis outside the lungs, with nothing in film or sputum that speaks for the lungs (addendum C1)."""
    record, sputum = sit.record, sit.record.sputum
    if record.film == "tb" or sputum.mtb or sputum.detected or sputum.suspicious:
        return False
    return sit.ask("extrapulmonary_tb")


def is_on_treatment(sit: Situation) -> bool:
    """Takes treatment for tuberculosis disease now: by the record, or asked."""
    return sit.record.treatment.status == "current" or sit.ask("on_tb_treatment")


def is_treated_pulmonary(sit: Situation) -> bool:
    """On treatment for more than extrapulmonary tuberculosis."""
    return every(lambda: is_on_treatment(sit), lambda: not is_extrapulmonary_only(sit))


def find_disease(sit: Situation) -> str:
    """Where tuberculosis stands: "" none, active, waiting (refused, year not over), returned (over), cured (B0)."""
    record, treatment = sit.record, sit.record.treatment
    completed = treatment.status == "completed"
    if completed and treatment.panel and sit.programme == "us":
        if not record.evidence and is_extrapulmonary_only(sit):
            return ""
        return "cured" if treatment.end_reported and not record.relapse else "active"
    if sit.programme != "us" and completed and treatment.end_reported and not record.relapse:
        return "cured"
    if sit.programme == "us" and treatment.refused:
        if completed and treatment.ended and not record.evidence:
            months = sit.number("refusal", "wait_months")
            if sit.facts.exam_date >= add_months(treatment.ended, months):
                return "returned"
        return "waiting"
    if record.evidence or is_treated_pulmonary(sit):
        return "active"
    return ""


def has_history(sit: Situation) -> bool:
    """Tuberculosis in the past: asked, or treatment completed elsewhere before coming."""
    treatment = sit.record.treatment
    if treatment.status == "completed" and not treatment.panel and not treatment.refused:
        return True
    return sit.ask("tb_history")


def has_abnormal_result(sit: Situation) -> bool:
    """A result that makes the medical examination B (ca-au-nz-uk-iom.md 1.6, 2.7)."""
    record, results = sit.record, sit.record.results
    egfr = results.get("creatinine", {}).get("egfr")
    return bool(
        record.hiv_positive or record.syphilis == "infected" or record.evidence or record.sputum.suspicious
        or results.get("disorders") or results.get("other_conditions") or results.get("hansens")
        or results.get("significant_tests")
        or results.get("gonorrhoea", {}).get("naat") == "detected"
        or (egfr is not None and egfr < sit.number("grade-result", "egfr_below"))
        or record.treatment.status in ("current", "completed")
        or find_screen(sit) in ("positive", "inconclusive")
    )


def is_exempt_adoptee(sit: Situation) -> bool:
    """An adopted child of ten or younger with the parent's affidavit (N38)."""
    return sit.age <= sit.number("adoptee", "max_age_years") and sit.ask("adoptee_affidavit")


# name -> what decides it, and the circumstances it may ask for
SIGNALS: dict[str, tuple[Signal, tuple[str, ...]]] = {
    "known-hiv": (known_hiv, ("hiv_known",)),
    "screen-positive": (lambda sit: find_screen(sit) == "positive", ("tb_contact", "hiv_known")),
    "screen-inconclusive": (lambda sit: find_screen(sit) == "inconclusive", ("tb_contact", "hiv_known")),
    "screen-repeat": (lambda sit: find_screen(sit) == "repeat", ("tb_contact", "hiv_known")),
    "film-suggests-tb": (lambda sit: sit.record.film == "tb", ()),
    "film-clear": (lambda sit: sit.record.film == "clear", ()),
    "history": (has_history, ("tb_history",)),
    "on-treatment": (is_on_treatment, ("on_tb_treatment",)),
    "pulmonary-treatment": (is_treated_pulmonary, ("on_tb_treatment", "extrapulmonary_tb")),
    "tb-disease": (
        lambda sit: find_disease(sit) not in ("", "returned"), ("on_tb_treatment", "extrapulmonary_tb")),
    "returned-after-refusal": (lambda sit: find_disease(sit) == "returned", ()),
    "sputum-suspicious": (lambda sit: sit.record.sputum.suspicious, ()),
    "culture-mtb": (lambda sit: sit.record.sputum.mtb, ()),
    "hiv-test-positive": (lambda sit: sit.record.hiv_positive, ()),
    "result-abnormal": (has_abnormal_result, ()),
    "adoptee-exempt": (is_exempt_adoptee, ("adoptee_affidavit",)),
}
