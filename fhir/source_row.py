"""The rows beside its own that a resource is made of, each question in one place for the store and for the dossier."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from clinic.models import (
    Conclusion,
    FormResponse,
    LabOrder,
    LabResult,
    Requirement,
    TbCase,
    TbDose,
    TbPhase,
    Treatment,
    VaccineDose,
    XrayReading,
)
from fhir import service_request
from fhir.medication_statement import TUBERCULOSIS

Series = TypeVar("Series", LabResult, XrayReading, VaccineDose, Treatment)


def list_orders(session: Session, case_id: str) -> list[Requirement]:
    """What a case must have examined in the laboratory or by X-ray, withdrawn ones too."""
    rows = session.execute(select(Requirement).where(Requirement.case_id == case_id).order_by(Requirement.id)).scalars()
    return [row for row in rows if service_request.is_order(row.exam)]


def find_specimen_id(session: Session, row: LabResult) -> str | None:
    """What a result was made on: the specimen that it names, else the tube that was drawn for its order."""
    if row.specimen_id or row.order_id is None:
        return row.specimen_id
    return session.execute(select(LabOrder.specimen_id).where(LabOrder.id == row.order_id)).scalar_one_or_none()


def find_tb_case(session: Session, case_id: str) -> TbCase | None:
    """The tuberculosis case of a health case."""
    return session.execute(select(TbCase).where(TbCase.case_id == case_id)).scalar_one_or_none()


def find_tb_treatment(session: Session, case_id: str) -> str | None:
    """The series of the case's treatment of tuberculosis, of which phases and doses are part."""
    return session.execute(
        select(Treatment.series_id).where(Treatment.case_id == case_id, Treatment.disease == TUBERCULOSIS)
        .order_by(Treatment.id).limit(1)).scalar_one_or_none()


def list_phases(session: Session, case_id: str) -> list[TbPhase]:
    """The phases of a treatment of tuberculosis in the order in which they were begun."""
    order = (TbPhase.started_on, TbPhase.id)
    return list(session.execute(select(TbPhase).where(TbPhase.case_id == case_id).order_by(*order)).scalars())


def list_doses(session: Session, case_id: str) -> list[TbDose]:
    """Every day's dose of a treatment of tuberculosis, replaced ones too, with its phase."""
    query = select(TbDose).where(TbDose.case_id == case_id).options(joinedload(TbDose.phase))
    return list(session.execute(query.order_by(TbDose.day, TbDose.id)).scalars())


def list_forms(session: Session, case_id: str) -> list[FormResponse]:
    """Every answered form of a case, in the order in which they were begun."""
    query = select(FormResponse).where(FormResponse.case_id == case_id).order_by(FormResponse.id)
    return list(session.execute(query).scalars())


def list_conclusions(session: Session, case_id: str) -> list[Conclusion]:
    """Every conclusion of a case, oldest first."""
    order = (Conclusion.decided_at, Conclusion.id)
    return list(session.execute(select(Conclusion).where(Conclusion.case_id == case_id).order_by(*order)).scalars())


def list_revisions(session: Session, model: type[Series], series_id: str) -> list[Series]:
    """Every revision of one recorded thing, the first one first."""
    query = select(model).where(model.series_id == series_id).order_by(model.revision)
    return list(session.execute(query).scalars())
