"""What the creatinine of a case gives as its filtration rate, or why it gives none; nothing is recorded here.

A computed rate is entered by a person who asks for it, with the formula as its method and the creatinine as what it was
made on, and confirmed by another like any result. A rate that was reported or typed is never replaced by it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.caution import Caution
from clinic.db import db
from clinic.egfr import CREATININE, EGFR, MASS, MOLAR, Formula, find_formula, list_formulas
from clinic.models import Answer, Case, LabResult, ResultStatus
from clinic.partial_date import age_on, format_clinically, parse_partial_date
from clinic.questionnaire.unit import say_unit
from clinic.services.form_fact import list_responses
from clinic.services.radiology import find_pregnancy

HEIGHT = "vital.height"  # linkId, centimetres


@dataclass(frozen=True)
class Proposal:
    """What a creatinine gives: the rate by a formula, or why none is computed."""

    creatinine: LabResult
    value: str = ""
    formula: Formula | None = None
    refused: str = ""

    @property
    def sentence(self) -> str:
        """From which creatinine, by which formula; or the reason."""
        of = _("creatinine %(value)s %(unit)s of %(day)s", value=self.creatinine.value,
               unit=say_unit(self.creatinine.unit), day=format_clinically(self.creatinine.performed_on))
        if self.creatinine.status is ResultStatus.PRELIMINARY:
            of = _("%(creatinine)s (not confirmed yet)", creatinine=of)
        if self.formula is None or not self.value:
            return _("Not computed from %(creatinine)s: %(why)s", creatinine=of, why=self.refused)
        return _("%(value)s computed from %(creatinine)s by %(formula)s", value=self.value, creatinine=of,
                 formula=self.formula.label)


def propose_all(cases: Collection[Case], on: date | None = None) -> dict[str, Proposal]:
    """The proposal by case for those that have a creatinine, of the day `on` alone if one is given."""
    query = select(LabResult).where(
        LabResult.case_id.in_([case.id for case in cases]), LabResult.test == CREATININE,
        LabResult.superseded_at.is_(None), LabResult.status != ResultStatus.ENTERED_IN_ERROR)
    if on is not None:
        query = query.where(LabResult.performed_on == on)
    newest = {row.case_id: row for row in db.session.execute(
        query.order_by(LabResult.performed_on, LabResult.id)).unique().scalars()}
    return {case.id: compute_from(case, newest[case.id]) for case in cases if case.id in newest}


def propose(case: Case, on: date | None = None) -> Proposal | None:
    """The same for one case; None without a creatinine."""
    return propose_all([case], on).get(case.id)


def compute_from(case: Case, creatinine: LabResult) -> Proposal:
    """The rate on the day of that creatinine, for the person of the case."""
    age = age_on(parse_partial_date(case.applicant.birth_date), creatinine.performed_on)
    formula, sex = find_formula(age.years, creatinine.performed_on), case.applicant.sex.value
    if creatinine.unit not in (MASS, MOLAR):
        return Proposal(creatinine, refused=_("its unit is not one of the formula's."))
    try:
        value = Decimal(creatinine.value)
    except InvalidOperation:
        return Proposal(creatinine, refused=_("it is no exact number."))
    if find_pregnancy(case) is Answer.YES:  # ca-au-nz-uk-iom.md 3.4: finalised as incomplete
        return Proposal(creatinine, refused=_(
            "the applicant is pregnant; attach the creatinine, the eGFR stays incomplete."))
    if age.is_estimated:
        return Proposal(creatinine, refused=_("the whole birth date is not known."))
    if formula is None:
        return Proposal(creatinine, refused=_("there is no formula for this age."))
    if formula.sexes and sex not in formula.sexes:
        return Proposal(creatinine, refused=_("the formula needs the sex, female or male."))
    height = _find_height(case) if formula.needs_height else None
    if formula.needs_height and height is None:
        return Proposal(creatinine, refused=_(
            "below 18 years the formula needs the height, which is not recorded yet."))
    rate = formula.compute(value, creatinine.unit, age.years, sex, height)
    if rate is None:
        return Proposal(creatinine, refused=_("the formula gives no number."))
    return Proposal(creatinine, str(rate), formula)


def find_creatinine(row: LabResult) -> LabResult | None:
    """The creatinine on which a computed rate was made, as it stands now; None when it does not stand any more."""
    return db.session.execute(select(LabResult).where(
        LabResult.case_id == row.case_id, LabResult.series_id == row.parent_series_id,
        LabResult.superseded_at.is_(None), LabResult.status != ResultStatus.ENTERED_IN_ERROR)).scalar_one_or_none()


def is_computed(row: LabResult) -> bool:
    """Whether a result was computed here."""
    return row.test == EGFR and row.method in list_formulas()


def waits_for_creatinine(row: LabResult) -> bool:
    """Whether a computed rate cannot be confirmed yet: two persons agree on what it was made on first."""
    if not is_computed(row):
        return False
    creatinine = find_creatinine(row)
    return creatinine is None or not creatinine.counts


def list_egfr_cautions(case: Case, row: LabResult) -> list[Caution]:
    """A computed rate that does not follow from its creatinine any more, which was corrected or withdrawn since."""
    if not is_computed(row):
        return []
    creatinine = find_creatinine(row)
    if creatinine is None:
        return [Caution("egfr-lost", _("The creatinine from which this eGFR was computed does not stand any more."),
                        "value")]
    now = compute_from(case, creatinine)
    if now.value == row.value:
        return []
    return [Caution("egfr-changed", _("This eGFR was computed and does not follow any more: %(now)s", now=now.sentence),
                    "value")]


def list_outdated(case: Case) -> list[str]:
    """What is to be said of the case's current computed rates that do not follow from their creatinine any more."""
    rows = db.session.execute(select(LabResult).where(
        LabResult.case_id == case.id, LabResult.test == EGFR, LabResult.method.in_(list(list_formulas())),
        LabResult.superseded_at.is_(None), LabResult.status != ResultStatus.ENTERED_IN_ERROR)).unique().scalars()
    return [_("eGFR %(value)s: %(why)s Correct it or withdraw it.", value=row.value, why=caution.text)
            for row in rows for caution in list_egfr_cautions(case, row)]


def _find_height(case: Case) -> Decimal | None:
    """The newest height that a form of the case holds."""
    for response in reversed(list_responses(case)):
        try:
            return Decimal(str(response.answers[HEIGHT]))
        except (KeyError, InvalidOperation):
            continue
    return None
