"""A chest X-ray reading: a DiagnosticReport, and one Observation for each finding of the reading's whole history.

A finding that a correction took away stays as an Observation that was entered in error.
"""

from __future__ import annotations

from collections.abc import Iterable

from clinic.models import Requirement, ResultStatus, XrayReading
from clinic.xray_finding import list_numbered
from fhir.canonical import list_local_systems, local_coding, local_concept
from fhir.code import concept
from fhir.element import Element, clean_text, drop_empty, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming
from fhir.service_request import FILM_EXAMS, refer_to_orders

_VIEWS = {
    "pa": "loinc.chest-pa",
    "pa-lateral": "loinc.chest-pa-lateral",
    "ap": "loinc.chest-single",
    "ap-lateral": "loinc.chest",
}
_NORMAL = "NORMAL"


def to_fhir(reading: XrayReading, naming: Naming, orders: Iterable[Requirement] = ()) -> Resource:
    """The report of one reading; a film put off is a cancelled report that says why."""
    is_wrong = reading.status == ResultStatus.ENTERED_IN_ERROR
    deferred = reading.deferred is not None and not is_wrong
    study = naming.refer("ImagingStudy", reading.film.study_id) if reading.film else None
    return drop_empty({
        "resourceType": "DiagnosticReport",
        "id": naming.id_of("DiagnosticReport", reading.series_id),
        "basedOn": refer_to_orders(orders, FILM_EXAMS, reading.entered_at, naming),
        "status": "cancelled" if deferred else reading.status.value,
        "category": [concept("v2-0074.radiology")],
        "code": concept(_VIEWS.get(reading.view or "", "loinc.chest"), "Chest X-ray"),
        "subject": naming.refer("Patient", reading.case.applicant_id),
        "encounter": naming.refer("Encounter", reading.case_id),
        "effectiveDateTime": to_date(reading.taken_on),
        "issued": to_instant(reading.confirmed_at or reading.entered_at),
        "performer": [naming.refer("Organization", reading.case.site_id)],
        "resultsInterpreter": [naming.refer("Practitioner", reading.entered_by_id)],
        "imagingStudy": [study] if study else None,
        "result": [naming.refer("Observation", reading.series_id, finding) for finding in reading.findings],
        "conclusion": _conclude(reading),
        "conclusionCode": _conclusion_code(reading),
    })


def to_findings(reading: XrayReading, ever: Iterable[str], naming: Naming) -> list[Resource]:
    """One Observation for each finding that any revision of this reading ever had."""
    return [_finding(reading, code, naming) for code in sorted({*ever, *reading.findings})]


def _finding(reading: XrayReading, code: str, naming: Naming) -> Resource:
    status = reading.status.value if code in reading.findings else ResultStatus.ENTERED_IN_ERROR.value
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", reading.series_id, code),
        "status": status,
        "category": [concept("category.imaging")],
        "code": local_concept("observation", "chest-xray-finding"),
        "subject": naming.refer("Patient", reading.case.applicant_id),
        "encounter": naming.refer("Encounter", reading.case_id),
        "effectiveDateTime": to_date(reading.taken_on),
        "issued": to_instant(reading.confirmed_at or reading.entered_at),
        "performer": [naming.refer("Practitioner", reading.entered_by_id)],
        "valueCodeableConcept": _value(reading, code),
        "bodySite": concept("snomed.thorax"),
    })


def _value(reading: XrayReading, code: str) -> Element:
    """The common finding, and beside it the authority's own numbers that were read as it."""
    known = list_numbered(reading.case.programme)
    own = [number for number in reading.numbered or () if number in known and known[number].common == code]
    value = local_concept("cxr-finding-us", code)
    return value | {"coding": [*value["coding"], *(local_coding("cxr-finding-numbered", number) for number in own)]}


def finding_label(code: str) -> str:
    """A finding in the words of the worksheet."""
    label: str = list_local_systems()["cxr-finding-us"]["code"][code]
    return label


def _conclude(reading: XrayReading) -> str | None:
    if reading.deferred:
        said = f"Not taken: {reading.deferred}"
    else:
        said = "; ".join(local_coding("cxr-finding-us", code)["display"] for code in reading.findings)
    return clean_text(". ".join(part for part in (said, reading.remark) if part))


def _conclusion_code(reading: XrayReading) -> list[Element] | None:
    if reading.deferred or not reading.findings:
        return None
    found = [concept("snomed.chest-normal" if list(reading.findings) == [_NORMAL] else "snomed.chest-abnormal")]
    return [*found, local_concept("cxr-result", reading.result)] if reading.result else found
