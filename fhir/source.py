"""Which rows of the clinic make which resources: from a touched row to its source, from a source to its resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.models import (
    Applicant,
    Case,
    Conclusion,
    Consent,
    ContactPoint,
    Family,
    FamilyMember,
    Film,
    FormResponse,
    FormStatus,
    IdentityDocument,
    InfectionHold,
    LabComponent,
    LabOrder,
    LabResult,
    Merge,
    RelatedPerson,
    Requirement,
    RequirementReason,
    ResultStatus,
    Site,
    Specimen,
    TbCase,
    TbContact,
    TbDose,
    TbPhase,
    TbSideEffect,
    Treatment,
    User,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from clinic.services.tb_contact import SOURCE_TESTS
from fhir import (
    classification,
    condition,
    consent,
    diagnostic_report,
    dose_count,
    encounter,
    episode_of_care,
    exposure,
    flag,
    form_observation,
    group,
    imaging_study,
    immunization,
    laboratory_report,
    medication_statement,
    observation,
    organization,
    patient,
    practitioner,
    questionnaire_response,
    related_person,
    service_request,
    specimen,
)
from fhir.encoder import Resource
from fhir.form_observation import WRONG
from fhir.naming import Naming
from fhir.source_row import (
    find_specimen_id,
    find_tb_case,
    find_tb_treatment,
    list_conclusions,
    list_doses,
    list_forms,
    list_orders,
    list_phases,
    list_revisions,
)

NAMING = Naming()


@dataclass(frozen=True, order=True)
class Source:
    """The rows that together make one or more resources: a name below and their common key."""

    name: str
    key: str


@dataclass(frozen=True)
class Projected:
    """One resource as the rows say; `only_if_stored`: worth a version only when there is an earlier one to end."""

    resource: Resource
    site_id: str
    case_id: str | None = None
    only_if_stored: bool = False


def find_sources(session: Session, row: object) -> list[Source]:
    """The sources that a touched row belongs to; none for rows that make no resource."""
    if isinstance(row, Merge):
        return [Source("applicant", row.survivor_id)]
    if isinstance(row, IdentityDocument | ContactPoint):
        return [Source("applicant", row.applicant_id)]
    if isinstance(row, RelatedPerson):
        return [Source("applicant", row.applicant_id), Source("related-person", row.id)]
    if isinstance(row, FamilyMember):
        return [Source("family", row.family_id)]
    if isinstance(row, LabComponent):
        result = session.get(LabResult, row.result_id)
        return [Source("laboratory", result.series_id)] if result else []
    if isinstance(row, LabOrder):
        series = select(LabResult.series_id).where(LabResult.order_id == row.id).distinct()
        return [Source("laboratory", key) for key in session.execute(series).scalars()]
    if isinstance(row, RequirementReason):
        return [Source("order", row.requirement_id)]
    if isinstance(row, Site):  # whose country says under which authority its staff are licensed
        staff = session.execute(select(User.id).where(User.site_id == row.id)).scalars()
        return [Source("site", row.id), *(Source("user", key) for key in staff)]
    found = [Source(name, getattr(row, attribute)) for name, model, attribute in _ROWS if isinstance(row, model)]
    if isinstance(row, LabResult) and row.test in SOURCE_TESTS:  # said of its contacts as well
        contacts = select(TbContact.id).where(TbContact.source_case_id == row.case_id)
        found += [Source("exposure", key) for key in session.execute(contacts).scalars()]
    return found


def list_sources(session: Session) -> Iterator[Source]:
    """Every source of the whole database once, for the proof that the store equals the rows."""
    for name in ORDER:
        keys: dict[str, None] = {}
        for _, model, attribute in (one for one in _ROWS if one[0] == name):
            keys |= dict.fromkeys(session.execute(select(getattr(model, attribute)).distinct()).scalars())
        yield from (Source(name, key) for key in keys)


def list_sources_of_case(session: Session, case_id: str) -> Iterator[Source]:
    """Every source of one case: what names its applicant."""
    for name, model, attribute in _ROWS:
        if hasattr(model, "case_id"):
            query = select(getattr(model, attribute)).where(model.case_id == case_id).distinct()
            for key in session.execute(query).scalars():
                yield Source(name, key)


def build(session: Session, source: Source) -> list[Projected]:
    """The resources of one source; empty while the rows are a draft or unconfirmed where FHIR knows no such state."""
    return _BUILDERS[source.name](session, source.key)


def build_signed(session: Session, case: Case, conclusion: Conclusion) -> list[Projected]:
    """What the sources of a case and of its conclusions make as soon as `conclusion` is the newest; not stored yet.

    `case` stands as it will then.
    """
    conclusions = [*list_conclusions(session, case.id), conclusion]
    return [*_make_case(case), *_make_conclusion(case, conclusions), *_make_problems(session, case, conclusions)]


def _build_site(session: Session, key: str) -> list[Projected]:
    site = session.get_one(Site, key)
    return [Projected(organization.to_fhir(site, NAMING), site.id)]


def _build_user(session: Session, key: str) -> list[Projected]:
    user = session.get_one(User, key)
    return [Projected(practitioner.to_fhir(user, NAMING), user.site_id)]


def _build_applicant(session: Session, key: str) -> list[Projected]:
    applicant = session.get_one(Applicant, key)
    emergency = session.execute(select(RelatedPerson).where(
        RelatedPerson.applicant_id == key, RelatedPerson.is_emergency, RelatedPerson.ended_at.is_(None),
    ).order_by(RelatedPerson.id)).scalars().all()
    return [Projected(patient.to_fhir(applicant, NAMING, emergency=emergency), applicant.site_id)]


def _build_related_person(session: Session, key: str) -> list[Projected]:
    """Guardians; an emergency contact alone is a part of the Patient."""
    row = session.get_one(RelatedPerson, key)
    return [Projected(related_person.to_fhir(row, NAMING), row.applicant.site_id)] if row.is_guardian else []


def _build_family(session: Session, key: str) -> list[Projected]:
    family = session.get_one(Family, key)
    members = list(session.execute(
        select(FamilyMember).where(FamilyMember.family_id == key).order_by(FamilyMember.id)).scalars())
    code = session.get_one(Site, family.site_id).code
    return [Projected(group.to_fhir(family, members, code, NAMING), family.site_id)]


def _build_case(session: Session, key: str) -> list[Projected]:
    return _make_case(session.get_one(Case, key))


def _make_case(case: Case) -> list[Projected]:
    resources = (episode_of_care.to_fhir(case, NAMING), encounter.to_fhir(case, NAMING))
    return [_of_case(resource, case) for resource in resources]


def _build_consent(session: Session, key: str) -> list[Projected]:
    row = session.get_one(Consent, key)
    return [_of_case(consent.to_fhir(row, NAMING), row.case)]


def _build_order(session: Session, key: str) -> list[Projected]:
    row = session.get_one(Requirement, key)
    return [_of_case(service_request.to_fhir(row, NAMING), row.case)] if service_request.is_order(row.exam) else []


def _build_specimen(session: Session, key: str) -> list[Projected]:
    row = session.get_one(Specimen, key)
    return [_of_case(specimen.to_fhir(row, NAMING), row.case)]


def _build_laboratory(session: Session, key: str) -> list[Projected]:
    row = list_revisions(session, LabResult, key)[-1]
    made = observation.to_fhir(
        row, NAMING, list_orders(session, row.case_id), specimen_id=find_specimen_id(session, row))
    return [_of_case(made, row.case)]


def _build_panels(session: Session, key: str) -> list[Projected]:
    query = select(LabResult).where(LabResult.case_id == key).order_by(LabResult.id)
    rows = list(session.execute(query).unique().scalars())
    return [_of_case(laboratory_report.to_fhir(panel, group, NAMING), group[0].case,
                     all(row.status == ResultStatus.ENTERED_IN_ERROR for row in group))
            for (panel, _), group in laboratory_report.group_results(rows).items()]


def _build_treatment(session: Session, key: str) -> list[Projected]:
    row = list_revisions(session, Treatment, key)[-1]
    return [_of_case(medication_statement.to_fhir(row, NAMING), row.case)]


def _build_phases(session: Session, case_id: str) -> list[Projected]:
    case, treatment = session.get_one(Case, case_id), find_tb_treatment(session, case_id)
    is_held = dose_count.find_stopped(find_tb_case(session, case_id)).stands
    return [_of_case(medication_statement.to_phase(row, case.applicant_id, NAMING, treatment, is_held), case)
            for row in list_phases(session, case_id)]


def _build_dose_counts(session: Session, case_id: str) -> list[Projected]:
    case, tb = session.get_one(Case, case_id), find_tb_case(session, case_id)
    made = dose_count.to_fhir(case, list_doses(session, case_id), NAMING, find_tb_treatment(session, case_id),
                              tb is not None and tb.outcome is None, dose_count.find_stopped(tb))
    return [_of_case(one, case, one["status"] == WRONG) for one in made]


def _build_exposure(session: Session, key: str) -> list[Projected]:
    row = session.get_one(TbContact, key)
    made = exposure.to_fhir(row, NAMING)
    return [Projected(made, row.site_id, only_if_stored=made["status"] == WRONG)]


def _build_hold(session: Session, key: str) -> list[Projected]:
    row = session.get_one(InfectionHold, key)
    return [_of_case(flag.to_fhir(row, NAMING), row.case)]


def _build_study(session: Session, key: str) -> list[Projected]:
    films = list(session.execute(select(Film).where(Film.study_id == key).order_by(Film.id)).scalars())
    is_shown = any(film.state in imaging_study.SHOWN for film in films)
    case = films[0].case
    return [_of_case(imaging_study.to_fhir(films, NAMING, list_orders(session, case.id)), case, not is_shown)]


def _build_imaging(session: Session, key: str) -> list[Projected]:
    revisions = list_revisions(session, XrayReading, key)
    row = revisions[-1]
    ever = {code for revision in revisions for code in revision.findings}
    report = diagnostic_report.to_fhir(row, NAMING, list_orders(session, row.case_id))
    resources = [*diagnostic_report.to_findings(row, ever, NAMING), report]
    return [_of_case(resource, row.case) for resource in resources]


def _build_dose(session: Session, key: str) -> list[Projected]:
    revisions = list_revisions(session, VaccineDose, key)
    row = next((one for one in reversed(revisions) if one.status != ResultStatus.PRELIMINARY), None)
    if row is None:
        return []
    is_wrong = row.status == ResultStatus.ENTERED_IN_ERROR
    return [_of_case(immunization.to_fhir(row, NAMING), row.case, is_wrong)]


def _build_line(session: Session, key: str) -> list[Projected]:
    row = session.get(VaccineLine, key)
    if row is None:
        return []  # taken off the worksheet with the dose it rested on; the projection ends what it had made
    not_done = _of_case(immunization.to_not_done(row, NAMING), row.case, not immunization.is_not_done(row))
    return [_of_case(immunization.to_outcome(row, NAMING), row.case), not_done]


def _build_form(session: Session, key: str) -> list[Projected]:
    row = session.get_one(FormResponse, key)
    if row.status is FormStatus.IN_PROGRESS:
        return []
    is_wrong = row.status is FormStatus.ENTERED_IN_ERROR
    return [
        _of_case(questionnaire_response.to_fhir(row, NAMING), row.case, is_wrong),
        *(_of_case(one, row.case, one["status"] == WRONG) for one in form_observation.to_fhir(row, NAMING)),
    ]


def _build_conclusion(session: Session, case_id: str) -> list[Projected]:
    return _make_conclusion(session.get_one(Case, case_id), list_conclusions(session, case_id))


def _make_conclusion(case: Case, conclusions: Sequence[Conclusion]) -> list[Projected]:
    *earlier, newest = conclusions
    return [_of_case(resource, case) for resource in classification.to_fhir(newest, case, NAMING, earlier)]


def _build_problems(session: Session, case_id: str) -> list[Projected]:
    return _make_problems(session, session.get_one(Case, case_id), list_conclusions(session, case_id))


def _make_problems(session: Session, case: Case, conclusions: Sequence[Conclusion]) -> list[Projected]:
    forms = list_forms(session, case.id)
    tb = find_tb_case(session, case.id)
    now = condition.to_current(case, NAMING, forms, conclusions[-1] if conclusions else None, tb)
    ended = condition.to_ended(case, NAMING, forms, conclusions, tb)
    return [*(_of_case(one, case) for one in now), *(_of_case(one, case, True) for one in ended)]


def _of_case(resource: Resource, case: Case, only_if_stored: bool = False) -> Projected:
    return Projected(resource, case.site_id, case.id, only_if_stored)


# Source name, model, attribute that holds the source's key; one source may be made of rows of several models.
_ROWS: tuple[tuple[str, type, str], ...] = (
    ("site", Site, "id"),
    ("user", User, "id"),
    ("applicant", Applicant, "id"),
    ("related-person", RelatedPerson, "id"),
    ("family", Family, "id"),
    ("case", Case, "id"),
    ("consent", Consent, "id"),
    ("order", Requirement, "id"),
    ("specimen", Specimen, "id"),
    ("laboratory", LabResult, "series_id"),
    ("panel", LabResult, "case_id"),
    ("treatment", Treatment, "series_id"),
    ("phase", TbPhase, "case_id"),
    ("phase", TbSideEffect, "case_id"),
    ("dose-count", TbDose, "case_id"),
    ("dose-count", TbSideEffect, "case_id"),  # for which all medicines were stopped
    ("dose-count", TbPhase, "case_id"),  # one begun anew takes its doses with it
    ("dose-count", TbCase, "case_id"),  # its outcome ends the last month
    ("exposure", TbContact, "id"),
    ("hold", InfectionHold, "id"),
    ("study", Film, "study_id"),
    ("imaging", XrayReading, "series_id"),
    ("dose", VaccineDose, "series_id"),
    ("line", VaccineLine, "id"),
    ("form", FormResponse, "id"),
    ("conclusion", Conclusion, "case_id"),
    ("problem", FormResponse, "case_id"),
    ("problem", Conclusion, "case_id"),
    ("problem", TbCase, "case_id"),
)
# In the order in which resources refer to each other.
_BUILDERS: dict[str, Callable[[Session, str], list[Projected]]] = {
    "site": _build_site,
    "user": _build_user,
    "applicant": _build_applicant,
    "related-person": _build_related_person,
    "family": _build_family,
    "case": _build_case,
    "consent": _build_consent,
    "order": _build_order,
    "specimen": _build_specimen,
    "laboratory": _build_laboratory,
    "panel": _build_panels,
    "treatment": _build_treatment,
    "phase": _build_phases,
    "dose-count": _build_dose_counts,
    "exposure": _build_exposure,
    "hold": _build_hold,
    "study": _build_study,
    "imaging": _build_imaging,
    "dose": _build_dose,
    "line": _build_line,
    "form": _build_form,
    "conclusion": _build_conclusion,
    "problem": _build_problems,
}
ORDER = {name: position for position, name in enumerate(_BUILDERS)}
MODELS = (*(model for _, model, _ in _ROWS), IdentityDocument, ContactPoint, FamilyMember, LabComponent, LabOrder,
          Merge, RequirementReason)
