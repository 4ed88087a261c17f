"""A tuberculosis case: opened with its diagnosis, notified, refused, ended; the door of all that is recorded on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _

from clinic import workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Case, CaseState, DiagnosisBasis, DiseaseSite, TbCase, TbOutcome, User
from clinic.queries.due_tb_case import WAITING_YEAR
from clinic.rules.age import add_months
from clinic.rules.programme import list_programmes
from clinic.schemas.tuberculosis import NewOutcome, NewTbCase
from clinic.services import assessment, film_repeat
from clinic.services.fact import list_counting_results
from clinic.services.plausibility import ensure_order, ensure_possible_dates, get_today
from clinic.services.tb_contact import end_tasks_of
from clinic.services.tb_given import close_stop_tasks
from clinic.services.tb_summary import count_all, find_end_cultures, find_tb_case, list_phases, publish
from clinic.tb_regimen import get_interruption_rule

# The treatment goes on after the exam was signed as Class A; what was signed stays as it is.
FOLLOWED = workflow.RECORDING | {CaseState.SIGNED, CaseState.SUBMITTED, CaseState.ACKNOWLEDGED}
FIELDS = ("diagnosed_on", "basis", "site_of_disease", "history", "organ", "hiv_untested", "notified_on", "notified_to",
          "notification_number")
PROOFS = {DiagnosisBasis.CULTURE: ("sputum-culture", ("mtb",)), DiagnosisBasis.NAAT: ("sputum-naat", ("detected",)),
          DiagnosisBasis.SMEAR: ("sputum-smear", ("positive",))}


def open_tb_case(case: Case, new: NewTbCase, actor: User) -> TbCase:
    """Record the diagnosis and give the case its number in the register.

    Raises InvalidInput for impossible dates and a basis that no confirmed result supports, NotNow when there is one.
    """
    _ensure_followed(case)
    if find_tb_case(case) is not None:
        raise NotNow(_("This case has its tuberculosis case already."), case=case.id)
    _ensure_possible(case, new)
    confirmed = ensure_confirmed(_list_cautions(case, new), new.confirmed)
    tb = TbCase(case_id=case.id, case=case, site_id=case.site_id, registered_on=get_today(case),
                number=f"{case.site.code}-TB{next_number(case.site_id, 'tuberculosis'):05}", registered_by_id=actor.id,
                **{name: getattr(new, name) for name in FIELDS})
    db.session.add(tb)
    end_tasks_of(case.applicant_id, actor)
    film_repeat.end_repeat(case, actor)
    finish(case, "open-tb-case", actor, {"number": tb.number, "basis": new.basis.value}, confirmed)
    return tb


def change_tb_case(tb: TbCase, new: NewTbCase, actor: User) -> None:
    """Correct what was said of the diagnosis, or add what came later: the notification, the reason for no HIV test."""
    _ensure_followed(tb.case)
    _ensure_possible(tb.case, new)
    confirmed = ensure_confirmed(_list_cautions(tb.case, new), new.confirmed)
    before = {name: getattr(tb, name) for name in FIELDS}
    for name in FIELDS:
        setattr(tb, name, getattr(new, name))
    changed = sorted(name for name in FIELDS if before[name] != getattr(tb, name))
    if changed:
        finish(tb.case, "change-tb-case", actor, {"number": tb.number, "changed": changed}, confirmed)


def record_refusal(tb: TbCase, given: dict[str, Any], actor: User) -> None:
    """The applicant refuses the site's treatment; treatment elsewhere is added when it is known (us-addendum.md C3).

    Raises NotNow once a dose was given here: that treatment ends with an outcome instead.
    """
    _ensure_followed(tb.case)
    days = {name: given.get(name) for name in ("refused_on", "elsewhere_began_on", "elsewhere_ended_on")}
    ensure_possible_dates(tb.case, **days)
    ensure_order(tb.diagnosed_on, given["refused_on"], "refused_on", _("The refusal cannot be before the diagnosis."))
    ensure_order(days["elsewhere_began_on"], days["elsewhere_ended_on"], "elsewhere_ended_on",
                 _("The last dose cannot be before the first."))
    ensure_order(given["refused_on"], days["elsewhere_ended_on"], "elsewhere_ended_on",
                 _("The treatment elsewhere ended before this site's was refused. Check both days."))
    if count_all(tb.case_id).given:
        raise NotNow(_("Doses were given at this site: end the treatment with its outcome instead."), tb_case=tb.id)
    tb.refused_on, tb.refusal_reason = given["refused_on"], given["refusal_reason"]
    tb.elsewhere = given.get("elsewhere") or ""
    tb.elsewhere_began_on, tb.elsewhere_ended_on = days["elsewhere_began_on"], days["elsewhere_ended_on"]
    finish(tb.case, "refuse-tb-treatment", actor, {"number": tb.number, "on": tb.refused_on.isoformat()})


def find_return_day(tb: TbCase) -> date | None:
    """From when a whole new examination is possible after a refusal, by its last dose elsewhere; also when that is
    written down after the signature, which stays as it is. None where no such year is waited for, or nobody knows."""
    if tb.case.programme != WAITING_YEAR or tb.refused_on is None or tb.elsewhere_ended_on is None:
        return None
    edition = list_programmes()[WAITING_YEAR].find_edition(tb.elsewhere_ended_on)
    return add_months(tb.elsewhere_ended_on, edition.number("us-refusal", "wait_months")) if edition else None


def withdraw_refusal(tb: TbCase, reason: str, actor: User) -> None:
    """The applicant takes the treatment after all, or the refusal was recorded by mistake."""
    _ensure_followed(tb.case)
    if tb.refused_on is None:
        raise NotNow(_("No refusal is recorded."), tb_case=tb.id)
    tb.refused_on = tb.elsewhere_began_on = tb.elsewhere_ended_on = None
    tb.refusal_reason = tb.elsewhere = ""
    finish(tb.case, "withdraw-tb-refusal", actor, {"number": tb.number, "reason": reason})


def end_treatment(tb: TbCase, new: NewOutcome, actor: User) -> None:
    """Record how the treatment ended; a success brings the case back to its exam.

    So does a diagnosis that was wrong, for which no treatment need have begun: nothing follows from it any more.
    Raises InvalidInput for impossible days, for a cure without negative cultures, and for a wrong diagnosis while a
    confirmed result shows M. tuberculosis; NotNow without a treatment.
    """
    _ensure_followed(tb.case)
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    if tb.outcome is not None:
        raise NotNow(_("This treatment has its outcome already: take that back first."), tb_case=tb.id)
    if not phases and new.outcome.is_success:
        raise NotNow(_("No treatment was begun here."), tb_case=tb.id)
    ensure_possible_dates(tb.case, outcome_on=new.outcome_on)
    ensure_order(phases[0].started_on if phases else tb.diagnosed_on, new.outcome_on, "outcome_on",
                 _("The end cannot be before the beginning."))
    if new.outcome is TbOutcome.CURED and not (
            tb.basis.is_bacteriological and find_end_cultures(tb.case).is_negative):
        raise InvalidInput(_("Please correct what is marked."), fields={"outcome": [
            _("Cured means: bacilli were found at the start, and the cultures at the end are final and negative. Until "
              "then the treatment is completed.")]}, tb_case=tb.id)
    if new.outcome is TbOutcome.NOT_TB and _is_proven(tb.case):
        raise InvalidInput(_("Please correct what is marked."), tb_case=tb.id, fields={"outcome": [
            _("A confirmed result of this case shows M. tuberculosis. If that result is wrong, have it corrected or "
              "withdrawn first.")]})
    confirmed = ensure_confirmed(_list_outcome_cautions(tb, new), new.confirmed)
    tb.outcome, tb.outcome_on, tb.outcome_remark = new.outcome, new.outcome_on, new.remark.strip()
    for phase in phases:
        if phase.ended_on is None:
            phase.ended_on = new.outcome_on
    finish(tb.case, "end-tb-treatment", actor, {"number": tb.number, "outcome": new.outcome.value}, confirmed)
    close_stop_tasks(tb, actor)


def reopen_treatment(tb: TbCase, reason: str, actor: User) -> None:
    """Take an outcome back: it was wrong, or the treatment goes on."""
    _ensure_followed(tb.case)
    if tb.outcome is None:
        raise NotNow(_("This treatment has no outcome."), tb_case=tb.id)
    was = tb.outcome.value
    phases = [phase for phase in list_phases(tb.case_id) if not phase.is_void]
    if phases and phases[-1].ended_on == tb.outcome_on:
        phases[-1].ended_on = None
    tb.outcome = tb.outcome_on = None
    tb.outcome_remark = ""
    finish(tb.case, "reopen-tb-treatment", actor, {"number": tb.number, "was": was, "reason": reason})


def get_tb_case(case: Case) -> TbCase:
    """The tuberculosis case of a health case. Raises NotFound."""
    tb = find_tb_case(case)
    if tb is None:
        raise NotFound(_("This case has no tuberculosis case."), case=case.id)
    return tb


def ensure_under_treatment(tb: TbCase) -> None:
    """Raise NotNow when nothing more can be recorded of the treatment: refused, ended, or the case has ended."""
    _ensure_followed(tb.case)
    if tb.refused_on is not None:
        raise NotNow(_("The treatment was refused: take the refusal back first."), tb_case=tb.id)
    if tb.outcome is not None:
        raise NotNow(_("The treatment has ended: take its outcome back first."), tb_case=tb.id)


def finish(case: Case, action: str, actor: User, detail: dict[str, Any], confirmed: list[str] | None = None) -> None:
    """The end of every change: the audit's row, the treatment as the rules read it, the decision anew."""
    if case.state in workflow.RECORDING:
        workflow.mark_touched(case)
    db.session.flush()
    record_change(action, "tb-case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={**detail, **({"confirmed": confirmed} if confirmed else {})})
    publish(case, actor)
    assessment.refresh(case)


def _ensure_followed(case: Case) -> None:
    if case.state not in FOLLOWED:
        workflow.ensure_recording(case)


def _ensure_possible(case: Case, new: NewTbCase) -> None:
    ensure_possible_dates(case, diagnosed_on=new.diagnosed_on, notified_on=new.notified_on)
    ensure_order(new.diagnosed_on, new.notified_on, "notified_on",
                 _("The notification cannot be before the diagnosis."))
    proof = PROOFS.get(new.basis)
    if proof and not any(row.test == proof[0] and row.value in proof[1] for row in list_counting_results(case)):
        raise InvalidInput(_("Please correct what is marked."), fields={"basis": [
            _("No confirmed result of this case shows it: have the result confirmed first, or choose another basis.")]},
            case=case.id)


def _is_proven(case: Case) -> bool:
    return any((row.test, row.value) in (("sputum-culture", "mtb"), ("sputum-naat", "detected"))
               for row in list_counting_results(case))


def _list_cautions(case: Case, new: NewTbCase) -> list[Caution]:
    found = []
    has_hiv_test = any(row.test == "hiv" for row in list_counting_results(case))
    if not has_hiv_test and not new.hiv_untested:
        found.append(Caution("hiv-untested", _(
            "Everybody with tuberculosis is offered an HIV test: order it, or write why there is none."),
            "hiv_untested"))
    if new.basis is DiagnosisBasis.CLINICAL and new.site_of_disease is not DiseaseSite.EXTRAPULMONARY:
        found.append(Caution("clinical-only", _(
            "Nothing was found in a laboratory: the case is Class A by your judgement alone.")
            if case.programme == "us" else _(
            "Nothing was found in a laboratory: the person is not cleared, by your judgement alone."), "basis"))
    return found


def _list_outcome_cautions(tb: TbCase, new: NewOutcome) -> list[Caution]:
    if not new.outcome.is_success:
        return []
    found = []
    total, rule = count_all(tb.case_id), get_interruption_rule()
    if total.share is not None and total.share < rule.least_share:
        found.append(Caution("few-doses", _(
            "%(given)s of %(planned)s doses were given, fewer than %(share)s %%: such a treatment is extended or begun "
            "anew.", given=total.given, planned=total.planned, share=rule.least_share), "outcome"))
    elif total.given < total.planned:
        found.append(Caution("not-all-doses", _("%(given)s of %(planned)s doses were given.", given=total.given,
                                                planned=total.planned), "outcome"))
    if not total.is_observed:
        found.append(Caution("not-observed", _(
            "Fewer than %(share)s %% of the doses were watched: it does not count as directly observed treatment.",
            share=rule.least_share), "outcome"))
    ends = find_end_cultures(tb.case)
    if not ends.is_negative:
        found.append(Caution("end-cultures", _(
            "Cultures at the end: %(negative)s of %(needed)s are final and negative. The case is cleared only when all "
            "are.", negative=ends.negative, needed=ends.needed), "outcome"))
    return found
