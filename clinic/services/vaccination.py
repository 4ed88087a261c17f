"""The vaccination worksheet: doses from records and given here, and exactly one outcome for each line."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.models import Case, DoseSource, LineOutcome, ResultStatus, User, VaccineDose, VaccineLine
from clinic.schemas.vaccination import NewDose, NewOutcome
from clinic.services import assessment, revision
from clinic.services.plausibility import ensure_possible_dates, get_today


def record_dose(case: Case, new: NewDose, actor: User) -> VaccineDose:
    """Record a dose, final at once.

    Raises InvalidInput for impossible dates, NotNow when the same dose is recorded already.
    """
    workflow.ensure_recording(case)
    ensure_possible_dates(case, given_on=new.given_on)
    revision.ensure_not_recorded(_find_same(case, new))
    confirmed = ensure_confirmed(_list_dose_cautions(case, new), new.confirmed)
    row = VaccineDose(
        case_id=case.id, case=case, line=new.line, cvx=new.cvx, given_on=new.given_on, source=new.source,
        lot=new.lot, expires_on=new.expires_on, remark=new.remark, status=ResultStatus.FINAL, entered_at=clock.now(),
        entered_by_id=actor.id,
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

    Raises InvalidInput when the outcome claims doses that are not recorded, NeedsConfirmation when it is unusual.
    """
    workflow.ensure_recording(case)
    _ensure_evidence(case, new)
    confirmed = ensure_confirmed(_list_outcome_cautions(case, new), new.confirmed)
    workflow.mark_touched(case)
    row = find_line(case, new.line)
    before = row.outcome.value if row else None
    if row is None:
        row = VaccineLine(case_id=case.id, case=case, line=new.line)
        db.session.add(row)
    row.outcome, row.remark = new.outcome, new.remark
    row.recorded_at, row.recorded_by_id = clock.now(), actor.id
    db.session.flush()
    _finish(case, "record-outcome", "vaccine-line", row.id, actor,
            {"line": row.line, "outcome": row.outcome.value, "before": before}, confirmed)
    return row


def list_doses(case: Case) -> list[VaccineDose]:
    """Every dose of the case, withdrawn ones too, oldest first."""
    return list(db.session.execute(
        select(VaccineDose).where(VaccineDose.case_id == case.id).order_by(VaccineDose.given_on, VaccineDose.id)
    ).scalars())


def list_lines(case: Case) -> dict[str, VaccineLine]:
    """The recorded outcomes by line."""
    rows = db.session.execute(select(VaccineLine).where(VaccineLine.case_id == case.id)).scalars()
    return {row.line: row for row in rows}


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


def _list_outcome_cautions(case: Case, new: NewOutcome) -> list[Caution]:
    required = new.line in assessment.assess(case)["vaccines"]
    if new.outcome is LineOutcome.WAIVER_AGE and required:
        return [Caution("age", _("The rules require this vaccine at this age: confirm “not age appropriate”."),
                        "outcome")]
    return []


def _list_dose_cautions(case: Case, new: NewDose) -> list[Caution]:
    if new.source is DoseSource.GIVEN_HERE and new.given_on != get_today(case):
        return [Caution("given-on", _("A dose given here is usually recorded on the same day."), "given_on")]
    return []


def _find_same(case: Case, new: NewDose) -> VaccineDose | None:
    return next((dose for dose in _list_current(case, new.line) if dose.given_on == new.given_on), None)


def _finish(case: Case, action: str, kind: str, row_id: str, actor: User, detail: dict[str, object],
            confirmed: list[str] | None = None) -> None:
    if confirmed:
        detail["confirmed"] = confirmed
    record_change(action, kind, row_id, case_id=case.id, site_id=case.site_id, detail=detail, actor_id=actor.id,
                  actor_kind="user")
    assessment.refresh(case)
