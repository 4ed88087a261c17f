"""What a laboratory says together, as a DiagnosticReport: a panel of a case, for sputum one report for each specimen.

Preliminary while nothing is confirmed, partial while a part is, final, and corrected once a confirmed part was
replaced; its history is the stored versions. A panel of which everything was withdrawn ends as entered in error.
"""

from __future__ import annotations

from collections.abc import Iterable

from clinic.laboratory_test import list_tests
from clinic.models import LabResult, ResultStatus
from fhir.code import coding, concept
from fhir.element import Element, drop_empty, to_date, to_instant
from fhir.encoder import Resource
from fhir.laboratory import get_test
from fhir.naming import Naming

_LABELS = {
    "igra": "Interferon gamma release assay", "syphilis": "Syphilis serology", "gonorrhoea": "Gonorrhoea",
    "hiv": "HIV serology", "chemistry": "Chemistry", "hepatitis": "Hepatitis serology", "urine": "Urinalysis",
    "blood-count": "Full blood count", "liver": "Liver function", "sputum": "Mycobacteriology",
}
_CATEGORIES = {
    "sputum": "v2-0074.microbiology", "gonorrhoea": "v2-0074.microbiology", "syphilis": "v2-0074.serology",
    "hiv": "v2-0074.serology", "hepatitis": "v2-0074.serology",
}
COUNTING = (ResultStatus.FINAL, ResultStatus.CORRECTED)


def group_results(rows: Iterable[LabResult]) -> dict[tuple[str, str | None], list[LabResult]]:
    """The newest version of every result by panel, and by specimen where it has one; a test alone is no panel."""
    found: dict[tuple[str, str | None], list[LabResult]] = {}
    for row in rows:
        panel = list_tests()[row.test].panel
        if panel and row.superseded_at is None:
            found.setdefault((panel, row.specimen_id), []).append(row)
    return found


def to_fhir(panel: str, rows: list[LabResult], naming: Naming) -> Resource:
    """The report of one panel; `rows` are the newest versions of its results, at least one."""
    case, specimen_id = rows[0].case, rows[0].specimen_id
    valid = [row for row in rows if row.is_current]
    said = valid or rows
    return drop_empty({
        "resourceType": "DiagnosticReport",
        "id": naming.id_of("DiagnosticReport", specimen_id or case.id, f"panel/{panel}"),
        "meta": _label(said),
        "status": _status(valid),
        "category": [concept(_CATEGORIES.get(panel, "v2-0074.laboratory"))],
        "code": concept("loinc.laboratory-report", _LABELS[panel]),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "effectiveDateTime": to_date(max(row.performed_on for row in said)),
        "issued": to_instant(max(row.confirmed_at or row.entered_at for row in said)),
        "performer": [naming.refer("Organization", case.site_id)],
        "specimen": [naming.refer("Specimen", specimen_id)] if specimen_id else None,
        "result": [naming.refer("Observation", row.series_id) for row in _sort(valid)],
    })


def _status(valid: list[LabResult]) -> str:
    statuses = {row.status for row in valid}
    if not statuses:
        return ResultStatus.ENTERED_IN_ERROR.value
    if ResultStatus.PRELIMINARY in statuses:
        return "partial" if statuses.intersection(COUNTING) else ResultStatus.PRELIMINARY.value
    return max(statuses, key=COUNTING.index).value


def _label(rows: list[LabResult]) -> Element | None:
    labels = sorted({label for row in rows if (label := get_test(row.test).sensitivity)})
    return {"security": [coding(label) for label in labels]} if labels else None


def _sort(rows: list[LabResult]) -> list[LabResult]:
    order = list(list_tests())
    return sorted(rows, key=lambda row: (row.performed_on, order.index(row.test), row.series_id))
