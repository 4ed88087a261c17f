"""A treatment that decides a class, as a MedicationStatement: its regimen, its days, its doses, how it ended."""

from __future__ import annotations

from clinic.models import ResultStatus, Treatment, TreatmentOutcome
from clinic.treatment_catalogue import list_treatables
from fhir.element import clean_text, drop_empty, note, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

_STATUS = {
    TreatmentOutcome.REFUSED: "not-taken",
    TreatmentOutcome.CURRENT: "active",
    TreatmentOutcome.COMPLETED: "completed",
    TreatmentOutcome.STOPPED: "stopped",
}


def to_fhir(row: Treatment, naming: Naming) -> Resource:
    """The statement of a treatment's newest report; regimens stand in words, for no code of a regimen is confirmed."""
    disease = list_treatables()[row.disease]
    regimen = disease.regimens.get(row.regimen or "")
    is_wrong = row.status == ResultStatus.ENTERED_IN_ERROR
    days = drop_empty({"start": to_date(row.started_on), "end": to_date(row.ended_on)})
    return drop_empty({
        "resourceType": "MedicationStatement",
        "id": naming.id_of("MedicationStatement", row.series_id),
        "status": "entered-in-error" if is_wrong else _STATUS[row.outcome],
        "medicationCodeableConcept": {"text": regimen.label if regimen else "Treatment not begun"},
        "subject": naming.refer("Patient", row.case.applicant_id),
        "context": naming.refer("Encounter", row.case_id),
        "effectivePeriod": days or None,
        "dateAsserted": to_instant(row.entered_at),
        "informationSource": naming.refer("Practitioner", row.entered_by_id),
        "reasonCode": [{"text": disease.label}],
        "note": note(_say_course(row)),
    })


def _say_course(row: Treatment) -> str | None:
    said = [
        "directly observed under a panel physician" if row.is_supervised else "",
        f"doses planned {row.doses_planned}" if row.doses_planned is not None else "",
        f"given {row.doses_given}" if row.doses_given is not None else "",
        f"missed {row.doses_missed}" if row.doses_missed is not None else "",
        f"end cultures reported negative {row.cultures_negative_on.isoformat()}" if row.cultures_negative_on else "",
        row.detail,
    ]
    return clean_text("; ".join(part for part in said if part))
