"""One value of a grid: entered, or changed by the same person before anybody confirmed it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic.errors import InvalidInput, NotNow
from clinic.laboratory_test import LaboratoryTest, Reference, list_tests
from clinic.models import Case, LabOrder, LabResult, ResultStatus, Specimen, User
from clinic.partial_date import age_on, parse_partial_date
from clinic.questionnaire.unit import say_unit
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn
from clinic.services import laboratory


def save_value(
    order: LabOrder, specimen: Specimen, current: LabResult | None, typed: dict[str, Any], actor: User
) -> LabResult | None:
    """Record the value typed for an order; the same value again changes nothing. None where nothing was typed.

    `typed` has value, unit, method, confirmed. Raises InvalidInput and NeedsConfirmation as the sheet does, NotNow
    where somebody else entered the value, or it counts.
    What is saved keeps its unit: the one above the grid is that of the values still to come.
    """
    value = str(typed.get("value") or "").strip()
    if not value:
        return None
    test = list_tests()[order.test]
    if current is not None and current.is_current and current.unit and typed.get("unit") not in (None, current.unit):
        if current.value == value.replace(",", ".") and current.entered_by_id != actor.id:
            return current
        raise InvalidInput(_("Please correct what is marked."), result=current.id, fields={"value": [
            _("%(value)s is saved in %(unit)s: choose that unit above, or open the result to correct its unit.",
              value=current.value, unit=say_unit(current.unit))]})
    plain = {"test": test.name, "value": value, "confirmed": typed.get("confirmed", []),
             "performed_on": specimen.collected_on.isoformat()}
    plain |= {name: typed[name] for name in ("unit", "method") if typed.get(name)}
    if test.specimen:
        plain["specimen_id"] = specimen.id
    new = load(LabResultIn(), plain)
    if current is None or not current.is_current:
        return laboratory.enter_result(order.case, new, actor)
    if (current.value, current.unit) == (new.value, new.unit):
        return current
    if current.status is not ResultStatus.PRELIMINARY or current.entered_by_id != actor.id:
        raise NotNow(_("Somebody else entered this value: open it to correct it or send it back."), result=current.id)
    return laboratory.correct_result(current, new, _("changed before anybody confirmed it"), actor)


def find_range(test: LaboratoryTest, unit: str | None, case: Case, specimen: Specimen) -> Reference | None:
    """The reference range for the person on the day of the draw, where a source gives one."""
    person = case.applicant
    age = age_on(parse_partial_date(person.birth_date), specimen.collected_on).years
    return test.find_reference(unit, person.sex.value, age)


def say_range(reference: Reference | None) -> str:
    """A range in short; empty where there is none."""
    if reference is None:
        return ""
    unit = say_unit(reference.unit)
    if reference.low is not None and reference.high is not None:
        return f"{reference.low}–{reference.high} {unit}"
    return f"≥ {reference.low} {unit}" if reference.low is not None else f"≤ {reference.high} {unit}"
