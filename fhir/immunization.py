"""Vaccine doses, and worksheet lines for which no dose was given, as Immunizations."""

from __future__ import annotations

from clinic.errors import Misconfigured
from clinic.models import (
    BodySite,
    Case,
    Conclusion,
    DoseSource,
    LineOutcome,
    ResultStatus,
    Route,
    VaccineDose,
    VaccineLine,
)
from clinic.rules.dose import Verdict
from clinic.vaccine_result import VaccineResult
from fhir.canonical import local_coding, local_concept
from fhir.code import coding, concept, vaccine_coding
from fhir.element import Element, clean_text, drop_empty, note, to_date, to_instant
from fhir.encoder import Resource
from fhir.naming import Naming

# The unspecified vaccine of each line (us.md 6.3), for a line of which no dose was given.
LINES = {
    "DTP/DTaP/DT": "cvx.dtp-dtap-dt-107",
    "Td/Tdap": "cvx.td-tdap-139",
    "Polio": "cvx.polio-89",
    "MMR": "cvx.mmr-03",
    "Rotavirus": "cvx.rotavirus-122",
    "Hib": "cvx.hib-17",
    "HepA": "cvx.hep-a-85",
    "HepB": "cvx.hep-b-45",
    "MenACWY": "cvx.men-acwy-108",
    "Varicella": "cvx.varicella-21",
    "Pneumococcal": "cvx.pneumococcal-109",
    "Influenza": "cvx.influenza-88",
    "COVID-19": "cvx.covid-19-213",
}

SITES = {BodySite.LEFT_ARM: "act-site.left-arm", BodySite.RIGHT_ARM: "act-site.right-arm",
         BodySite.LEFT_THIGH: "act-site.left-thigh", BodySite.RIGHT_THIGH: "act-site.right-thigh"}
# A nasal spray is written in words: the value set's only nasal code means a cannula.
ROUTES = {Route.INTRAMUSCULAR: "act-route.intramuscular", Route.SUBCUTANEOUS: "act-route.subcutaneous",
          Route.INTRADERMAL: "act-route.intradermal", Route.ORAL: "act-route.oral"}

# Why no dose was given; the HL7 code beside ours where one means just that.
_REASONS: dict[LineOutcome, str | None] = {
    LineOutcome.IMMUNE_LAB: "act-reason.immune",
    LineOutcome.VARICELLA_HISTORY: "act-reason.immune",
    LineOutcome.WAIVER_AGE: None,
    LineOutcome.WAIVER_INTERVAL: None,
    LineOutcome.WAIVER_CONTRAINDICATION: "act-reason.medical-precaution",
    LineOutcome.WAIVER_NOT_AVAILABLE: "act-reason.out-of-stock",
    LineOutcome.WAIVER_NOT_FLU_SEASON: None,
    LineOutcome.WAIVER_INDIVIDUAL: "act-reason.patient-objection",
    LineOutcome.REFUSED: "act-reason.patient-objection",
}


def to_fhir(dose: VaccineDose, naming: Naming, verdict: Verdict | None = None) -> Resource:
    """The Immunization of one dose; raises InvalidInput for a vaccine code outside our table.

    With `verdict`, which only a signed document gives (it depends on the other doses), its number in the series, or
    why it does not count. Such a dose is not `isSubpotent`: that speaks of the vaccine, not of the day.
    """
    is_wrong = dose.status == ResultStatus.ENTERED_IN_ERROR
    given_here = dose.source is DoseSource.GIVEN_HERE
    return drop_empty({
        "resourceType": "Immunization",
        "id": naming.id_of("Immunization", dose.series_id),
        "status": "entered-in-error" if is_wrong else "completed",
        "vaccineCode": {"coding": [vaccine_coding(dose.cvx)], "text": dose.line},
        "patient": naming.refer("Patient", dose.case.applicant_id),
        "encounter": naming.refer("Encounter", dose.case_id) if given_here else None,
        "occurrenceDateTime": to_date(dose.given_on),
        "recorded": to_instant(dose.entered_at),
        "primarySource": given_here,
        "reportOrigin": None if given_here else _origin(dose),
        "lotNumber": clean_text(dose.lot),
        "expirationDate": to_date(dose.expires_on),
        "site": concept(SITES[dose.body_site], dose.body_site.value.replace("-", " ")) if dose.body_site else None,
        "route": _route(dose.route) if dose.route else None,
        "performer": [{"actor": naming.refer("Practitioner", dose.given_by_id or dose.entered_by_id)}]
        if given_here else None,
        "note": [*(note(dose.remark) or []), *_explain(verdict)],
        "protocolApplied": [{"doseNumberPositiveInt": verdict.number}] if verdict and verdict.number else None,
    })


def to_result(case: Case, result: VaccineResult, conclusion: Conclusion, naming: Naming) -> Resource:
    """The Observation of the worksheet's result, for a signed document (DS-3025 section 2)."""
    return {
        "resourceType": "Observation",
        "id": naming.id_of("Observation", case.id, "vaccination-result"),
        "status": "final",
        "category": [concept("category.exam")],
        "code": {"coding": [local_coding("observation", "vaccination-result")], "text": "Vaccination result"},
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "effectiveDateTime": to_instant(conclusion.decided_at),
        "performer": [naming.refer("Practitioner", conclusion.decided_by_id)],
        "valueCodeableConcept": local_concept("vaccination-result", result.value),
    }


def _origin(dose: VaccineDose) -> Element:
    kind = dose.record_kind.value.replace("-", " ") if dose.record_kind else None
    return concept("immunization-origin.record", kind)


def _route(route: Route) -> Element:
    name = ROUTES.get(route)
    return concept(name, route.value) if name else {"text": route.value}


def _explain(verdict: Verdict | None) -> list[Element]:
    return note(f"Does not count: {verdict.says}") or [] if verdict and verdict.says else []


def is_not_done(line: VaccineLine) -> bool:
    """Whether the line's outcome says that no dose was given, and why."""
    return line.outcome in _REASONS


def to_not_done(line: VaccineLine, naming: Naming) -> Resource:
    """The Immunization not done for a line; one whose outcome no longer says so was entered in error."""
    return drop_empty({
        "resourceType": "Immunization",
        "id": naming.id_of("Immunization", line.id),
        "status": "not-done" if is_not_done(line) else "entered-in-error",
        "statusReason": _reason(line) if is_not_done(line) else None,
        "vaccineCode": {"coding": [_line_coding(line)], "text": line.line},
        "patient": naming.refer("Patient", line.case.applicant_id),
        "encounter": naming.refer("Encounter", line.case_id),
        "occurrenceDateTime": to_instant(line.recorded_at),
        "note": note(line.remark),
    })


def to_outcome(line: VaccineLine, naming: Naming) -> Resource:
    """The Observation of what the worksheet says of a line, complete ones too."""
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", line.id),
        "status": "final",
        "category": [concept("category.exam")],
        "code": {"coding": [local_coding("observation", "vaccine-line"), _line_coding(line)], "text": line.line},
        "subject": naming.refer("Patient", line.case.applicant_id),
        "encounter": naming.refer("Encounter", line.case_id),
        "effectiveDateTime": to_instant(line.recorded_at),
        "performer": [naming.refer("Practitioner", line.recorded_by_id)],
        "valueCodeableConcept": local_concept("vaccine-outcome", line.outcome.value),
        "note": note(line.remark),
    })


def _line_coding(line: VaccineLine) -> Element:
    if line.line not in LINES:
        raise Misconfigured(f"Add the vaccine line “{line.line}” to fhir/immunization.py; nothing was saved.")
    return coding(LINES[line.line])


def _reason(line: VaccineLine) -> Element:
    ours = local_coding("vaccine-outcome", line.outcome.value)
    row = _REASONS[line.outcome]
    return {"coding": [ours, coding(row)] if row else [ours], "text": ours["display"]}
