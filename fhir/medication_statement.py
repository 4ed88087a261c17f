"""A treatment that decides a class, as a MedicationStatement: its regimen, its days, its doses, how it ended.

Each phase of a treatment of tuberculosis is a statement of its own, part of that one: which medicines, how much of each
and how often.
"""

from __future__ import annotations

from decimal import Decimal

from clinic.models import PhaseName, ResultStatus, TbPhase, Treatment, TreatmentOutcome
from clinic.treatment_catalogue import list_treatables
from fhir.code import get_system, unit_code
from fhir.element import Element, clean_text, drop_empty, note, to_date, to_instant
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


TUBERCULOSIS = "tuberculosis"
_BEGUN_ANEW, _HELD = "Begun anew after an interruption", "All medicines stopped"
_PHASES = {PhaseName.INTENSIVE: "intensive phase", PhaseName.CONTINUATION: "continuation phase"}


def to_phase(
    row: TbPhase, applicant_id: str, naming: Naming, treatment: str | None, is_held: bool = False,
) -> Resource:
    """The statement of one phase; `treatment` is the series of the treatment that it is part of, `is_held` while all
    medicines are stopped.

    A phase begun anew after an interruption is stopped: what was given stays true, and counts for nothing.
    """
    treatable = list_treatables()[TUBERCULOSIS]
    regimen = treatable.regimens.get(row.regimen)
    words = f"{regimen.label if regimen else row.regimen}, {_PHASES[row.name]}"
    is_held = is_held and not row.is_void and row.ended_on is None
    status = "stopped" if row.is_void else "completed" if row.ended_on else "on-hold" if is_held else "active"
    why = _BEGUN_ANEW if row.is_void else _HELD if is_held else ""
    return drop_empty({
        "resourceType": "MedicationStatement",
        "id": naming.id_of("MedicationStatement", row.id),
        "partOf": [naming.refer("MedicationStatement", treatment)] if treatment else None,
        "status": status,
        "statusReason": [{"text": why}] if why else None,
        "medicationCodeableConcept": {"text": clean_text(words)},
        "subject": naming.refer("Patient", applicant_id),
        "context": naming.refer("Encounter", row.case_id),
        "effectivePeriod": drop_empty({"start": to_date(row.started_on), "end": to_date(row.ended_on)}),
        "dateAsserted": to_instant(row.recorded_at),
        "informationSource": naming.refer("Practitioner", row.recorded_by_id),
        "reasonCode": [{"text": treatable.label}],
        "note": note(f"{row.planned_doses} doses planned, by a weight of {row.weight_kg} kg"
                     + (f"; {row.detail}" if row.detail.strip() else "")),
        "dosage": [_dosage(drug, str(amount), row.days_per_week) for drug, amount in sorted(row.drugs.items())],
    })


def _dosage(drug: str, milligrams: str, days_per_week: int) -> Element:
    words = f"{drug.replace('-', ' ').capitalize()} {milligrams} mg, {days_per_week} days a week"
    dose = {"value": Decimal(milligrams), "unit": "mg", "system": get_system("ucum"), "code": unit_code("mg")}
    return {
        "text": words,
        "timing": {"repeat": {"frequency": days_per_week, "period": Decimal(1), "periodUnit": "wk"}},
        "doseAndRate": [{"doseQuantity": dose}],
    }


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
