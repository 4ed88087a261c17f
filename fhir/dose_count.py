"""The doses of a treatment of tuberculosis, counted by calendar month, as one Observation each.

One resource a dose would be some hundred and eighty of them in every document, with the same words; a receiver asks how
many were given, watched and missed (docs/fhir-mapping.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from clinic.models import Case, DoseState, TbDose
from fhir.canonical import local_concept
from fhir.code import concept
from fhir.element import Element, drop_empty
from fhir.encoder import Resource
from fhir.naming import Naming

CODE = "tb-doses"
_WRONG = "entered-in-error"


def to_fhir(
    case: Case, doses: Iterable[TbDose], naming: Naming, treatment: str | None, goes_on: bool
) -> list[Resource]:
    """One Observation for each month with a day that somebody wrote about; the last is preliminary while it `goes_on`.

    `doses` are all of the case, replaced ones and those of a phase begun anew too; `treatment` is the series of the
    treatment that they are part of. A month of which nothing counts any more was entered in error.
    """
    months = [(month, list(rows)) for month, rows in groupby(
        sorted(doses, key=lambda dose: (dose.day, dose.id)), key=lambda dose: f"{dose.day:%Y-%m}")]
    return [_build(case, month, rows, naming, treatment, goes_on and not naming.is_released and month == months[-1][0])
            for month, rows in months]


def _build(
    case: Case, month: str, rows: list[TbDose], naming: Naming, treatment: str | None, is_open: bool
) -> Resource:
    counting = [dose for dose in rows if dose.superseded_at is None and not dose.phase.is_void]
    status = "preliminary" if is_open else "final"
    said = counting or rows
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", case.id, f"{CODE}.{month}"),
        "partOf": [naming.refer("MedicationStatement", treatment)] if treatment else None,
        "status": status if counting else _WRONG,
        "category": [concept("category.therapy")],
        "code": local_concept("observation", CODE, f"Doses of tuberculosis treatment, {month}"),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "effectivePeriod": {"start": said[0].day.isoformat(), "end": said[-1].day.isoformat()},
        "performer": [naming.refer("Organization", case.site_id)],
        "component": _count(counting),
    })


def _count(doses: list[TbDose]) -> list[Element]:
    given = [dose for dose in doses if dose.state is DoseState.GIVEN]
    counts = {
        "doses-given": len(given), "doses-observed": sum(dose.observer_id is not None for dose in given),
        "doses-missed": sum(dose.state is DoseState.MISSED for dose in doses),
        "doses-held": sum(dose.state is DoseState.HELD for dose in doses)}
    return [{"code": local_concept("observation", name), "valueInteger": count} for name, count in counts.items()]
