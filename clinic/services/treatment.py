"""Treatments of a case: each report is the next revision of the same treatment, final as its reporter enters it."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import NotFound, NotNow
from clinic.models import Case, ResultStatus, SourceType, TbCase, Treatment, TreatmentOutcome, User
from clinic.schemas.treatment import NewTreatment
from clinic.services import assessment, revision, workup
from clinic.services.plausibility import ensure_order, ensure_possible_dates
from clinic.services.tb_contact import find_source_type, list_exposures
from clinic.treatment_catalogue import list_treatables

SHOWN = ("stage", "regimen", "detail", "outcome", "is_supervised", "is_refused_here", "started_on", "ended_on",
         "doses_planned", "doses_given", "doses_missed", "cultures_negative_on")


def report_treatment(case: Case, new: NewTreatment, shown: int | None, actor: User) -> Treatment:
    """Record how a treatment stands; `shown` is the revision that the reporter had seen, None for a first report.

    Raises InvalidInput for impossible dates, NeedsConfirmation for few doses, CaseChanged when somebody reported
    meanwhile.
    """
    workflow.ensure_recording(case)
    if new.disease == "tuberculosis" and db.session.execute(
            select(TbCase.id).where(TbCase.case_id == case.id)).first() is not None:
        raise NotNow(_("This treatment is kept day by day in the tuberculosis case: record it there."), case=case.id)
    days = {"started_on": new.started_on, "ended_on": new.ended_on, "cultures_negative_on": new.cultures_negative_on}
    ensure_possible_dates(case, **days)
    ensure_order(new.started_on, new.ended_on, "ended_on", _("The last dose cannot be before the first."))
    ensure_order(new.started_on, new.cultures_negative_on, "cultures_negative_on",
                 _("These cultures are of the end of treatment: they cannot be older than its start."))
    confirmed = ensure_confirmed(
        _list_cautions(new) + _list_cautions_of_source(case, new)
        + workup.list_cautions(case, [("detail", new.detail)]), new.confirmed)
    row = Treatment(case_id=case.id, case=case, disease=new.disease, status=ResultStatus.FINAL,
                    entered_at=clock.now(), entered_by_id=actor.id, **{name: getattr(new, name) for name in SHOWN})
    current = find_treatment(case, new.disease)
    if current is None:
        revision.ensure_shown_newest(shown)
    else:
        revision.ensure_unchanged(current, shown or 0)
        revision.supersede(current, row)
        row.status = ResultStatus.CORRECTED
    workflow.mark_touched(case)
    db.session.add(row)
    _finish(row, "report-treatment", actor, confirmed)
    return row


def withdraw_treatment(row: Treatment, reason: str, actor: User) -> None:
    """Take back a treatment that should never have been here; it stays to be seen."""
    workflow.mark_touched(row.case)
    revision.withdraw(row, reason)
    _finish(row, "withdraw-treatment", actor)


def find_treatment(case: Case, disease: str) -> Treatment | None:
    """How the treatment of a disease stands now."""
    return next((row for row in list_treatments(case) if row.disease == disease and row.is_current), None)


def get_treatment(case: Case, treatment_id: str) -> Treatment:
    """A treatment of `case`. Raises NotFound."""
    row = db.session.get(Treatment, treatment_id)
    if row is None or row.case_id != case.id:
        raise NotFound(_("There is no such treatment on this case."), case=case.id, treatment=treatment_id)
    return row


def list_treatments(case: Case) -> list[Treatment]:
    """Every report of every treatment of the case, the newest first."""
    return list(db.session.execute(
        select(Treatment).where(Treatment.case_id == case.id).order_by(Treatment.disease, Treatment.id.desc())
    ).scalars())


def _list_cautions(new: NewTreatment) -> list[Caution]:
    """Too few doses for a treatment that is called completed; more doses than planned (us.md 1.7)."""
    if new.doses_planned is None or new.doses_given is None:
        return []
    if new.doses_given > new.doses_planned:
        return [Caution("more-doses", _("More doses were given than planned: check both numbers."), "doses_given")]
    share = list_treatables()[new.disease].least_share
    if new.outcome is TreatmentOutcome.COMPLETED and new.doses_given * 100 < new.doses_planned * share:
        return [Caution("few-doses", _(
            "Fewer than %(share)s %% of the doses were given: such a treatment is extended or begun anew.",
            share=share), "doses_given")]
    return []


def _list_cautions_of_source(case: Case, new: NewTreatment) -> list[Caution]:
    """A regimen for the latent infection of who was exposed to bacilli that resist medicines (us.md 1.8, 5)."""
    if new.disease != "latent-tuberculosis" or new.regimen in (None, "other") or new.outcome not in (
            TreatmentOutcome.CURRENT, TreatmentOutcome.COMPLETED):
        return []
    types = {find_source_type(row) for row in list_exposures(case.applicant_id)}
    if SourceType.MDR in types:
        return [Caution("source-mdr", _(
            "A source has MDR-TB: no isoniazid or rifampicin is given as preventive treatment. Ask for expert advice."),
            "regimen")]
    if SourceType.OTHER_RESISTANT in types:
        return [Caution("source-resistant", _(
            "The bacilli of a source resist a medicine: make sure that the treatment is not of that one."), "regimen")]
    return []


def _finish(row: Treatment, action: str, actor: User, confirmed: list[str] | None = None) -> None:
    db.session.flush()
    detail: dict[str, object] = {"disease": row.disease, "series": row.series_id, "revision": row.revision}
    if confirmed:
        detail["confirmed"] = confirmed
    record_change(action, "treatment", row.id, case_id=row.case_id, site_id=row.case.site_id, detail=detail,
                  actor_id=actor.id, actor_kind="user")
    assessment.refresh(row.case)
