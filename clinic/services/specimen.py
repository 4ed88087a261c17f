"""Sputum and gastric aspirates: numbered when taken, replaced when contaminated, withdrawn when recorded by mistake."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Case, LabResult, ResultStatus, Specimen, SpecimenKind, User
from clinic.schemas.laboratory import NewSpecimen
from clinic.services import assessment
from clinic.services.plausibility import ensure_possible_dates, get_today, list_date_cautions

RESPIRATORY = (SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)
UNUSABLE = ("contaminated", "inconclusive")
LIQUID_DAYS = 42  # shortest time to a negative liquid culture; solid takes 56 (us.md 1.5; a warning only: addendum Q12)


def take_specimen(case: Case, new: NewSpecimen, actor: User) -> Specimen:
    """Record a specimen and give it the site's next number.

    Raises InvalidInput for an impossible date or replacement, NeedsConfirmation when two were taken the same day.
    """
    workflow.ensure_recording(case)
    ensure_possible_dates(case, collected_on=new.collected_on)
    replaced = _get_replaced(case, new) if new.replaces_id else None
    confirmed = ensure_confirmed(_list_cautions(case, new), new.confirmed)
    workflow.mark_touched(case)
    specimen = Specimen(
        case_id=case.id, case=case, number=build_specimen_number(case), kind=new.kind, collected_on=new.collected_on,
        recorded_at=clock.now(), recorded_by_id=actor.id, replaces_id=replaced.id if replaced else None,
    )
    db.session.add(specimen)
    db.session.flush()
    _finish(specimen, "take-specimen", actor, confirmed)
    return specimen


def withdraw_specimen(specimen: Specimen, reason: str, actor: User) -> None:
    """Take back a specimen that was recorded by mistake. Raises NotNow while it has results."""
    workflow.mark_touched(specimen.case)
    if any(row.is_current for row in specimen.results):
        raise NotNow(_("This specimen has results: withdraw those first, each with its reason."), specimen=specimen.id)
    if specimen.withdrawn_at is None:
        specimen.withdrawn_at = clock.now()
        _finish(specimen, "withdraw-specimen", actor, reason=reason)


def build_specimen_number(case: Case) -> str:
    """`NBO-S000123`: short enough for a tube's label, unlike any number of a person or case."""
    return f"{case.site.code}-S{next_number(case.site_id, 'specimen'):06}"


def get_specimen(case: Case, specimen_id: str) -> Specimen:
    """A specimen of `case`. Raises NotFound."""
    specimen = db.session.get(Specimen, specimen_id)
    if specimen is None or specimen.case_id != case.id:
        raise NotFound(_("There is no such specimen on this case."), case=case.id, specimen=specimen_id)
    return specimen


def list_specimens(case: Case) -> list[Specimen]:
    """Sputum and gastric aspirates of the case, in the order they were taken; withdrawn ones too."""
    return list(db.session.execute(
        select(Specimen).where(Specimen.case_id == case.id, Specimen.kind.in_(RESPIRATORY))
        .order_by(Specimen.collected_on, Specimen.number)
    ).scalars())


def find_current_result(specimen: Specimen, test: str) -> LabResult | None:
    """The newest result of one test that was not withdrawn."""
    return next((row for row in specimen.results if row.test == test and row.is_current), None)


def needs_replacement(specimen: Specimen, others: list[Specimen]) -> bool:
    """Whether its culture is unusable and no other specimen stands in for it yet."""
    culture = find_current_result(specimen, "sputum-culture")
    return (
        specimen.withdrawn_at is None and culture is not None and culture.value in UNUSABLE
        and all(other.replaces_id != specimen.id or other.withdrawn_at for other in others)
    )


def list_culture_cautions(specimen: Specimen, row: LabResult) -> list[Caution]:
    """Timing of a culture that is possible but unusual (us.md 1.5)."""
    if row.test == "dst":
        return _list_susceptibility_cautions(specimen, row)
    if row.test != "sputum-culture" or row.reported_on is None:
        return []
    found = []
    if row.value == "negative" and row.reported_on < specimen.collected_on + timedelta(days=LIQUID_DAYS):
        found.append(Caution("early-negative", _(
            "A final negative culture before day %(days)s is unusual: make sure that this is not an interim report.",
            days=LIQUID_DAYS), "reported_on"))
    smear = find_current_result(specimen, "sputum-smear")
    if smear is not None and smear.reported_on is not None and smear.reported_on > row.reported_on:
        found.append(Caution("smear-after-culture", _("The smear was reported after the culture."), "reported_on"))
    return found


def _list_susceptibility_cautions(specimen: Specimen, row: LabResult) -> list[Caution]:
    """Grown bacilli are what is tested, unless the test is molecular (us.md 1.5)."""
    culture = find_current_result(specimen, "sputum-culture")
    if row.method == "molecular" or (culture is not None and culture.value == "mtb"):
        return []
    return [Caution("no-growth", _(
        "No culture of this specimen grew M. tuberculosis: check the specimen's number."), "value")]


def _get_replaced(case: Case, new: NewSpecimen) -> Specimen:
    replaced = get_specimen(case, new.replaces_id or "")
    others = list_specimens(case)
    if not needs_replacement(replaced, others):
        raise InvalidInput(_("Please correct what is marked."), specimen=replaced.id, fields={"replaces_id": [
            _("Only a specimen whose culture was contaminated or inconclusive is replaced, and only once.")]})
    if new.collected_on < replaced.collected_on:
        raise InvalidInput(_("Please correct what is marked."), fields={"collected_on": [
            _("The replacement cannot be older than the specimen it replaces.")]})
    return replaced


def _list_cautions(case: Case, new: NewSpecimen) -> list[Caution]:
    found = list_date_cautions(case, new.collected_on, "collected_on")
    if any(other.collected_on == new.collected_on and other.withdrawn_at is None for other in list_specimens(case)):
        found.append(Caution("same-day", _(
            "Another specimen was taken on this day. The three are taken on consecutive days, 24 hours apart."),
            "collected_on"))
    if new.collected_on < get_today(case) - timedelta(days=7):
        found.append(Caution("late-entry", _("This specimen was taken more than a week ago."), "collected_on"))
    return found


def _finish(specimen: Specimen, action: str, actor: User, confirmed: list[str] | None = None, reason: str = "") -> None:
    detail: dict[str, object] = {"number": specimen.number, "kind": specimen.kind.value}
    if confirmed:
        detail["confirmed"] = confirmed
    if reason:
        detail["reason"] = reason
    record_change(action, "specimen", specimen.id, case_id=specimen.case_id, site_id=specimen.case.site_id,
                  detail=detail, actor_id=actor.id, actor_kind="user")
    db.session.flush()
    assessment.refresh(specimen.case)


def has_waiting_result(specimen: Specimen) -> bool:
    """Whether a result of it waits for its second person."""
    return any(row.is_current and row.status is ResultStatus.PRELIMINARY for row in specimen.results)
