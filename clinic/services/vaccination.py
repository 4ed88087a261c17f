"""The vaccination worksheet: doses from records and given here, and exactly one outcome for each line."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotFound
from clinic.models import Case, DoseSource, LineOutcome, ResultStatus, User, VaccineDose, VaccineLine
from clinic.rules.dose import Dose
from clinic.rules.vaccine_proposal import find_contraindication
from clinic.schemas.vaccination import NewDose, NewOutcome
from clinic.services import assessment, revision
from clinic.services.plausibility import ensure_possible_dates, get_today
from clinic.services.vaccine_review import (
    build_person,
    build_worksheet,
    review_dose,
)
from clinic.services.vaccine_review import (
    list_doses as list_doses,
)
from clinic.services.vaccine_review import (
    list_lines as list_lines,
)
from clinic.vaccine_sentence import say

# What only people know; every other outcome that differs from the proposal is an override and needs its reason.
KNOWN_BY_PEOPLE = frozenset({
    LineOutcome.IMMUNE_LAB, LineOutcome.VARICELLA_HISTORY, LineOutcome.WAIVER_NOT_AVAILABLE,
    LineOutcome.WAIVER_NOT_FLU_SEASON, LineOutcome.WAIVER_INDIVIDUAL, LineOutcome.REFUSED,
})


def record_dose(case: Case, new: NewDose, actor: User) -> VaccineDose:
    """Record a dose, final at once.

    A dose that breaks an interval or an age is kept and does not count; one given here asks for a tick first.
    Raises InvalidInput for impossible dates, NotNow when the same dose is recorded already.
    """
    workflow.ensure_recording(case)
    ensure_possible_dates(case, given_on=new.given_on)
    revision.ensure_not_recorded(_find_same(case, new))
    _ensure_giver(case, new)
    confirmed = ensure_confirmed(_list_dose_cautions(case, new), new.confirmed)
    row = VaccineDose(
        case_id=case.id, case=case, line=new.line, cvx=new.cvx, given_on=new.given_on, source=new.source,
        lot=new.lot, expires_on=new.expires_on, remark=new.remark, status=ResultStatus.FINAL, entered_at=clock.now(),
        entered_by_id=actor.id, record_kind=new.record_kind, body_site=new.body_site, route=new.route,
        given_by_id=new.given_by_id if new.source is DoseSource.GIVEN_HERE else None,
    )
    workflow.mark_touched(case)
    db.session.add(row)
    db.session.flush()
    _finish(case, "record-dose", "vaccine-dose", row.id, actor, {"line": row.line, "cvx": row.cvx}, confirmed)
    return row


def withdraw_dose(row: VaccineDose, reason: str, actor: User) -> None:
    """Take a dose back that was recorded by mistake; it stays to be seen, and its line must be judged anew."""
    case = row.case
    workflow.mark_touched(case)
    revision.withdraw(row, reason)
    line = find_line(case, row.line)
    if line is not None and line.outcome in (LineOutcome.COMPLETE, LineOutcome.GIVEN_SERIES_INCOMPLETE):
        db.session.delete(line)
    db.session.flush()
    _finish(case, "withdraw-dose", "vaccine-dose", row.id, actor, {"line": row.line, "reason": reason})


def record_outcome(case: Case, new: NewOutcome, actor: User) -> VaccineLine:
    """Set the outcome of one line; an earlier one is replaced, the audit rows keep it.

    Raises InvalidInput when the outcome claims doses that are not recorded or differs from the rules' proposal without
    a reason, NeedsConfirmation when it is unusual.
    """
    workflow.ensure_recording(case)
    _ensure_evidence(case, new)
    proposed = _ensure_reason(case, new)
    confirmed = ensure_confirmed(_list_outcome_cautions(case, new), new.confirmed)
    workflow.mark_touched(case)
    row = find_line(case, new.line)
    before = row.outcome.value if row else None
    if row is None:
        row = VaccineLine(case_id=case.id, case=case, line=new.line)
        db.session.add(row)
    row.outcome, row.remark, row.proposed = new.outcome, new.remark, proposed
    row.recorded_at, row.recorded_by_id = clock.now(), actor.id
    db.session.flush()
    _finish(case, "record-outcome", "vaccine-line", row.id, actor,
            {"line": row.line, "outcome": row.outcome.value, "before": before,
             "proposed": proposed.value if proposed else None}, confirmed)
    return row


def list_proposed(case: Case) -> dict[str, LineOutcome]:
    """The outcomes that the rules propose for required lines that have none yet."""
    sheet = build_worksheet(case)
    return {line: LineOutcome(outcome) for line in sheet.open_lines
            if (outcome := sheet.reviews[line].proposal.outcome)}


def accept_proposals(case: Case, wanted: dict[str, LineOutcome], actor: User) -> list[VaccineLine]:
    """Record what the rules propose for these lines, all or none.

    Raises CaseChanged when a proposal is no longer what the person saw.
    """
    workflow.ensure_recording(case)
    proposals = {line: review.proposal for line, review in build_worksheet(case).reviews.items()}
    for line, outcome in wanted.items():
        if line not in proposals or proposals[line].outcome != outcome.value:
            raise CaseChanged(_("The proposals changed meanwhile: look at them again."), case=case.id)
    made = []
    for line, outcome in wanted.items():
        remark = say(proposals[line].says) if outcome is LineOutcome.WAIVER_CONTRAINDICATION else ""
        made.append(record_outcome(case, NewOutcome(line, outcome, remark), actor))
    return made


def find_line(case: Case, line: str) -> VaccineLine | None:
    """The recorded outcome of one line."""
    return db.session.execute(
        select(VaccineLine).where(VaccineLine.case_id == case.id, VaccineLine.line == line)
    ).scalar_one_or_none()


def get_dose(case: Case, dose_id: str) -> VaccineDose:
    """A dose of `case`. Raises NotFound."""
    row = db.session.get(VaccineDose, dose_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such dose on this case."), case=case.id, dose=dose_id)
    return row


def _list_current(case: Case, line: str) -> list[VaccineDose]:
    return [dose for dose in list_doses(case) if dose.line == line and dose.counts]


def _ensure_evidence(case: Case, new: NewOutcome) -> None:
    """A line is complete by written, dated doses only: self-report is not accepted (us.md 2.8)."""
    doses = _list_current(case, new.line)
    sentence = None
    if new.outcome is LineOutcome.COMPLETE and not doses:
        sentence = _("No dose is recorded on this line: enter the dates of the written record first.")
    if new.outcome is LineOutcome.GIVEN_SERIES_INCOMPLETE and not any(
            dose.source is DoseSource.GIVEN_HERE for dose in doses):
        sentence = _("No dose given here is recorded on this line: enter it first.")
    if sentence:
        raise InvalidInput(_("Please correct what is marked."), fields={"outcome": [sentence]}, case=case.id)


def _ensure_reason(case: Case, new: NewOutcome) -> LineOutcome | None:
    """What the rules propose now; another outcome than that needs its reason in words."""
    sheet = build_worksheet(case)
    if new.line not in sheet.required:
        return None
    proposal = sheet.reviews[new.line].proposal
    proposed = LineOutcome(proposal.outcome) if proposal.outcome else None
    if new.outcome is not proposed and new.outcome not in KNOWN_BY_PEOPLE and not new.remark:
        sentence = _("The rules say: %(says)s Write why you record something else.", says=say(proposal.says))
        raise InvalidInput(_("Please correct what is marked."), fields={"remark": [sentence]}, case=case.id)
    return proposed


def _list_outcome_cautions(case: Case, new: NewOutcome) -> list[Caution]:
    required = new.line in assessment.assess(case)["vaccines"]
    if new.outcome is LineOutcome.WAIVER_AGE and required:
        return [Caution("age", _("The rules require this vaccine at this age: confirm “not age appropriate”."),
                        "outcome")]
    return []


def _list_dose_cautions(case: Case, new: NewDose) -> list[Caution]:
    """What is unusual about a dose given here; a historic one is judged on the worksheet without asking."""
    if new.source is not DoseSource.GIVEN_HERE:
        return []
    cautions = []
    if new.given_on != get_today(case):
        cautions.append(
            Caution("given-on", _("A dose given here is usually recorded on the same day."), "given_on"))
    verdict = review_dose(case, Dose("new", new.line, new.cvx, new.given_on, True, new.expires_on))
    if verdict.says is not None:
        field = "expires_on" if verdict.code == "expired" else "given_on"
        cautions.append(Caution(f"not-counted-{verdict.code}", _(
            "This dose will not count: %(why)s If it was given, confirm and tell the physician.",
            why=say(verdict.says)), field))
    held = find_contraindication(new.line, new.cvx, build_person(case))
    if held is not None:
        cautions.append(Caution(f"contraindication-{held.word}", _(
            "%(why)s If it was given, confirm and tell the physician.", why=_(held.says)), "product"))
    return cautions


def _ensure_giver(case: Case, new: NewDose) -> None:
    """Who gave it belongs to the site."""
    giver = db.session.get(User, new.given_by_id) if new.given_by_id else None
    if new.given_by_id and (giver is None or giver.site_id != case.site_id):
        raise InvalidInput(_("Please correct what is marked."), {"given_by_id": [_("Choose who gave it.")]},
                           case=case.id)


def _find_same(case: Case, new: NewDose) -> VaccineDose | None:
    return next((dose for dose in _list_current(case, new.line) if dose.given_on == new.given_on), None)


def _finish(case: Case, action: str, kind: str, row_id: str, actor: User, detail: dict[str, object],
            confirmed: list[str] | None = None) -> None:
    if confirmed:
        detail["confirmed"] = confirmed
    record_change(action, kind, row_id, case_id=case.id, site_id=case.site_id, detail=detail, actor_id=actor.id,
                  actor_kind="user")
    assessment.refresh(case)
