"""What of a case goes into the document: only what counts, each piece already named for its authority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.models import (
    Case,
    ContactState,
    Film,
    FormResponse,
    FormStatus,
    InfectionHold,
    LabResult,
    Requirement,
    Specimen,
    TbContact,
    Treatment,
    User,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from clinic.ports import DocumentOrder
from clinic.rules.dose import Verdict
from clinic.rules.vaccine_proposal import review_line
from clinic.services.vaccine_review import build_person, to_dose
from clinic.vaccine_result import derive_result
from fhir import (
    classification,
    condition,
    diagnostic_report,
    dose_count,
    encounter,
    episode_of_care,
    exposure,
    flag,
    form_observation,
    imaging_study,
    immunization,
    laboratory_report,
    medication_statement,
    observation,
    organization,
    patient,
    practitioner,
    questionnaire_response,
    service_request,
    specimen,
)
from fhir.code import get_code
from fhir.encoder import Resource
from fhir.medication_statement import TUBERCULOSIS
from fhir.naming import ReleasedNaming
from fhir.source_row import (
    find_specimen_id,
    find_tb_case,
    list_conclusions,
    list_doses,
    list_orders,
    list_phases,
)

_COUNTING_FORMS = (FormStatus.COMPLETED, FormStatus.AMENDED)
_WRONG = "entered-in-error"
EXPOSED = "B3"  # the class of who was exposed to somebody known


@dataclass(frozen=True)
class Dossier:
    """The document's resources by the part they play."""

    frame: list[Resource]  # Patient, EpisodeOfCare, Encounter, Organization
    problems: list[Resource]
    treatments: list[Resource]  # and the phases of that of tuberculosis
    dose_counts: list[Resource]  # of its doses, by month
    exposures: list[Resource]  # to tuberculosis, where the class is about them
    alerts: list[Resource]  # why the person was held as maybe infectious when the exam was signed
    immunizations: list[Resource]
    specimens: list[Resource]
    results: list[Resource]
    reports: list[Resource]  # of films, and of the laboratory by panel and specimen
    orders: list[Resource]  # that results, reports and studies are based on
    studies: list[Resource]  # of the films that the reports were made from
    forms: list[Resource]
    vital_signs: list[Resource]
    findings: list[Resource]  # of the physical examination
    pregnancy: list[Resource]
    classes: list[Resource]
    lines: list[Resource]  # what the worksheet says of each vaccine line

    def list_clinical(self) -> list[Resource]:
        """Everything besides the people who did it."""
        return [
            *self.frame, *self.classes, *self.alerts, *self.problems, *self.reports, *self.studies, *self.results,
            *self.exposures, *self.orders, *self.specimens, *self.treatments, *self.dose_counts, *self.vital_signs,
            *self.findings, *self.pregnancy, *self.immunizations, *self.lines, *self.forms,
        ]


def load_dossier(session: Session, order: DocumentOrder, naming: ReleasedNaming) -> Dossier:
    """Read the case's counting rows and turn them into resources."""
    case, conclusion = order.case, order.conclusion
    earlier = list_conclusions(session, case.id)
    readings = [row for row in _list(session, XrayReading, case.id) if row.counts]
    lines = _list(session, VaccineLine, case.id)
    findings = [one for row in readings for one in diagnostic_report.to_findings(row, (), naming)]
    results = [row for row in _list(session, LabResult, case.id) if row.counts]
    doses = [row for row in _list(session, VaccineDose, case.id) if row.counts]
    verdicts = _judge_doses(case, doses)
    forms = [row for row in _list(session, FormResponse, case.id) if row.status in _COUNTING_FORMS]
    taken = {row.id: row for row in _list(session, Specimen, case.id) if row.withdrawn_at is None}
    made_on = {row.id: key for row in results if (key := find_specimen_id(session, row)) in taken}
    # Of tubes, those that a result of the document was made on.
    specimens = [row for row in taken.values() if row.tube is None or row.id in made_on.values()]
    classes = classification.to_fhir(conclusion, case, naming, earlier)
    said = _sort_said(forms, naming)
    orders = list_orders(session, case.id)
    sent = {row.series_id for row in results}
    observed = [observation.to_fhir(row, naming, orders, sent, made_on.get(row.id)) for row in results]
    reports = [diagnostic_report.to_fhir(row, naming, orders) for row in readings]
    studies = _list_studies(session, readings, orders, naming)
    panels = [laboratory_report.to_fhir(panel, rows, naming)
              for (panel, _), rows in laboratory_report.group_results(results).items()]
    treatments = [row for row in _list(session, Treatment, case.id) if row.is_current]
    tb_treatment = next((row.series_id for row in treatments if row.disease == TUBERCULOSIS), None)
    tb, signed_on = find_tb_case(session, case.id), clock.to_day(conclusion.decided_at, case.site.time_zone)
    stopped = dose_count.find_stopped(tb, signed_on)
    return Dossier(
        frame=[
            patient.to_fhir(case.applicant, naming, case),
            episode_of_care.to_fhir(case, naming),
            encounter.to_fhir(case, naming),
            organization.to_fhir(case.site, naming),
        ],
        problems=condition.to_current(case, naming, forms, conclusion, tb),
        treatments=[*(medication_statement.to_fhir(row, naming) for row in treatments),
                    *(medication_statement.to_phase(row, case.applicant_id, naming, tb_treatment, stopped.stands)
                      for row in list_phases(session, case.id))],
        dose_counts=[one for one in dose_count.to_fhir(
            case, list_doses(session, case.id), naming, tb_treatment, False, stopped)
                     if one["status"] != _WRONG],
        exposures=_list_exposures(session, order, naming),
        alerts=[flag.to_fhir(row, naming) for row in _list(session, InfectionHold, case.id) if row.ended_at is None],
        immunizations=[
            *(immunization.to_fhir(row, naming, verdicts.get(row.id))
              for row in sorted(doses, key=lambda one: one.given_on)),
            *(immunization.to_not_done(row, naming) for row in lines if immunization.is_not_done(row)),
        ],
        specimens=[specimen.to_fhir(row, naming) for row in specimens],
        results=[*observed, *findings, *said["laboratory"]],
        reports=[*reports, *panels],
        orders=_list_orders(orders, [*observed, *reports, *studies], naming),
        studies=studies,
        forms=[questionnaire_response.to_fhir(row, naming) for row in forms],
        vital_signs=said["vital-signs"],
        findings=said["exam"],
        pregnancy=said["pregnancy"],
        classes=[one for one in classes if one["status"] != _WRONG],
        lines=[*(immunization.to_outcome(row, naming) for row in lines), *_build_result(order, lines, naming)],
    )


def _list_exposures(session: Session, order: DocumentOrder, naming: ReleasedNaming) -> list[Resource]:
    """Only with Class B3, which asks for them: what is known of another person's illness goes nowhere else."""
    if EXPOSED not in (order.conclusion.conclusion.get("classes") or []):
        return []
    rows = session.execute(select(TbContact).where(
        TbContact.applicant_id == order.case.applicant_id, TbContact.state == ContactState.CONFIRMED,
    ).order_by(TbContact.id)).scalars()
    return [exposure.to_fhir(row, naming, order.case.id) for row in rows]


def _sort_said(forms: list[FormResponse], naming: ReleasedNaming) -> dict[str, list[Resource]]:
    """What the forms say, by the category of the Observation; the status of a pregnancy has a section of its own."""
    said: dict[str, list[Resource]] = {"vital-signs": [], "exam": [], "laboratory": [], "pregnancy": []}
    pregnancy_status = get_code("loinc.pregnancy-status")
    for form in forms:
        for one in form_observation.to_said(form, naming):
            is_pregnancy = one["code"]["coding"][0]["code"] == pregnancy_status
            said["pregnancy" if is_pregnancy else one["category"][0]["coding"][0]["code"]].append(one)
    return said


def _list_orders(orders: list[Requirement], results: list[Resource], naming: ReleasedNaming) -> list[Resource]:
    """Those that a result of the document is based on; what was asked for and never done is no part of it."""
    named = {found["reference"] for one in results for found in one.get("basedOn", [])}
    built = (service_request.to_fhir(row, naming) for row in orders)
    return [one for one in built if f"ServiceRequest/{one['id']}" in named]


def _build_result(order: DocumentOrder, lines: list[VaccineLine], naming: ReleasedNaming) -> list[Resource]:
    """The result of the worksheet, where the destination has one; from what the signature covers."""
    if order.case.programme != "us":
        return []
    result = derive_result(order.conclusion.decision.get("vaccines", ()), {row.line: row.outcome for row in lines})
    return [immunization.to_result(order.case, result, order.conclusion, naming)]


def _judge_doses(case: Case, doses: list[VaccineDose]) -> dict[str, Verdict]:
    person, seen = build_person(case), [to_dose(row) for row in doses]
    return {verdict.key: verdict for line in {row.line for row in doses}
            for verdict in review_line(line, True, seen, person).verdicts}


def _list_studies(
    session: Session, readings: list[XrayReading], orders: list[Requirement], naming: ReleasedNaming
) -> list[Resource]:
    keys = sorted({row.film.study_id for row in readings if row.film})
    films = session.execute(select(Film).where(Film.study_id.in_(keys)).order_by(Film.id)).scalars().all()
    studies = ([film for film in films if film.study_id == key] for key in keys)
    return [imaging_study.to_fhir(found, naming, orders) for found in studies]


def list_practitioners(
    session: Session, order: DocumentOrder, naming: ReleasedNaming, resources: list[Resource]
) -> list[Resource]:
    """The signer and whoever else `resources` refer to."""
    wanted = {reference for one in resources for reference in list_references(one)}
    keys = session.execute(select(User.id).where(User.site_id == order.case.site_id)).scalars()
    chosen = [
        key
        for key in keys
        if key == order.signer.id or f"Practitioner/{naming.id_of('Practitioner', key)}" in wanted
    ]
    staff = session.execute(select(User).where(User.id.in_(chosen)).order_by(User.id)).scalars()
    return [practitioner.to_fhir(user, naming) for user in staff]


def list_references(node: Any) -> Iterator[str]:
    """Every literal reference inside a resource."""
    if isinstance(node, list):
        for element in node:
            yield from list_references(element)
    elif isinstance(node, dict):
        for name, member in node.items():
            if name == "reference" and isinstance(member, str):
                yield member
            else:
                yield from list_references(member)


def _list(session: Session, model: Any, case_id: str) -> list[Any]:
    return list(session.execute(select(model).where(model.case_id == case_id).order_by(model.id)).scalars())
