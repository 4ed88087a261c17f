"""The registers of tuberculosis of one site, each by one query: laboratory, presumptive cases, treatment, cohorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, exists, func, or_, select, tuple_

from clinic import clock
from clinic.db import db
from clinic.models import (
    Applicant,
    Case,
    LabComponent,
    LabResult,
    Requirement,
    RequirementState,
    ResultStatus,
    Specimen,
    SpecimenKind,
    TbCase,
    TbPhase,
    User,
)

RESPIRATORY = (SpecimenKind.SPUTUM, SpecimenKind.GASTRIC_ASPIRATE)
COUNTS = (ResultStatus.FINAL, ResultStatus.CORRECTED)
PRESUMPTIVE = ("sputum-series", "tb-child-workup")
SIZE, MOST = 50, 5000  # rows of a page, and of a file


@dataclass(frozen=True)
class Period:
    """The days of a register, both ends included."""

    first: date
    last: date


@dataclass(frozen=True)
class Register:
    """A register: its rows, by what day they are ordered, and what identifies one."""

    query: Callable[[User, Period], Select[Any]]
    day: Any
    key: Any


def _person() -> tuple[Any, ...]:
    return (Case.id.label("case_id"), Case.number.label("case_number"), Case.programme, Case.applicant_id,
            Applicant.family_name, Applicant.given_names, Applicant.sex, Applicant.birth_date)


def _value(test: str, method: str | None = None) -> ScalarSelect[Any]:
    """The newest counting result of a test on the specimen of the row."""
    query = select(LabResult.value).where(
        LabResult.specimen_id == Specimen.id, LabResult.test == test, LabResult.superseded_at.is_(None),
        LabResult.status.in_(COUNTS))
    if test == "sputum-culture":
        query = query.where(LabResult.method == method if method else LabResult.method.is_(None))
    return query.order_by(LabResult.id.desc()).limit(1).correlate(Specimen).scalar_subquery()


def _part(test: str, name: str) -> ScalarSelect[Any]:
    return (select(LabComponent.value).join(LabResult, LabResult.id == LabComponent.result_id)
            .where(LabResult.specimen_id == Specimen.id, LabResult.test == test, LabResult.superseded_at.is_(None),
                   LabResult.status.in_(COUNTS), LabComponent.name == name)
            .order_by(LabResult.id.desc()).limit(1).correlate(Specimen).scalar_subquery())


def _list_resisted() -> ScalarSelect[Any]:
    """The medicines that any counting test on the specimen of the row calls resistant, with commas; some twice."""
    return (select(func.aggregate_strings(LabComponent.name, ","))
            .join(LabResult, LabResult.id == LabComponent.result_id)
            .where(LabResult.specimen_id == Specimen.id, LabResult.test == "dst", LabResult.superseded_at.is_(None),
                   LabResult.status.in_(COUNTS), LabComponent.value == "resistant")
            .correlate(Specimen).scalar_subquery())


def query_laboratory(user: User, period: Period) -> Select[Any]:
    """Every respiratory specimen taken in the period, with what the laboratory said of it."""
    return (
        select(*_person(), Specimen.id.label("key"), Specimen.number, Specimen.collected_on.label("day"),
               Specimen.purpose, Specimen.treatment_month, _value("sputum-smear").label("smear"),
               _part("sputum-smear", "grade").label("grade"), _value("sputum-naat").label("naat"),
               _part("sputum-naat", "rifampicin").label("rifampicin"),
               _value("sputum-culture", "liquid").label("liquid"), _value("sputum-culture", "solid").label("solid"),
               _value("sputum-culture").label("culture"), _value("dst").label("dst"),
               _list_resisted().label("resisted"))
        .join(Case, Case.id == Specimen.case_id).join(Applicant, Applicant.id == Case.applicant_id)
        .where(Case.site_id == user.site_id, Specimen.kind.in_(RESPIRATORY), Specimen.withdrawn_at.is_(None),
               Specimen.collected_on.between(period.first, period.last))
    )


def has_result(test: str, *values: str) -> ColumnElement[bool]:
    """Whether a counting result of the row's case has one of these values."""
    return exists().where(LabResult.case_id == Case.id, LabResult.test == test, LabResult.superseded_at.is_(None),
                          LabResult.status.in_(COUNTS), LabResult.value.in_(values)).correlate(Case)


def _count_reported(test: str) -> ScalarSelect[Any]:
    """On how many specimens for the diagnosis of the row's case a test has a counting result."""
    return (select(func.count(func.distinct(LabResult.specimen_id))).join(
        Specimen, Specimen.id == LabResult.specimen_id).where(
        LabResult.case_id == Case.id, Specimen.purpose == "diagnosis", LabResult.test == test,
        LabResult.superseded_at.is_(None), LabResult.status.in_(COUNTS)).correlate(Case).scalar_subquery())


def query_presumptive(user: User, period: Period) -> Select[Any]:
    """Every case in which sputum was asked for in the period, with what came of it; its `day` is a moment."""
    begin, end = clock.find_bounds(period.first, period.last, user.site.time_zone)
    taken = (select(func.count()).select_from(Specimen).where(
        Specimen.case_id == Case.id, Specimen.kind.in_(RESPIRATORY), Specimen.withdrawn_at.is_(None),
        Specimen.rejected_at.is_(None),
        Specimen.purpose == "diagnosis").correlate(Case).scalar_subquery())
    return (
        select(*_person(), Requirement.id.label("key"), Requirement.added_at.label("day"),
               Case.status.label("case_status"), taken.label("taken"), _count_reported("sputum-smear").label("smeared"),
               _count_reported("sputum-naat").label("amplified"), _count_reported("sputum-culture").label("cultured"),
               has_result("sputum-smear", "positive").label("smear_positive"),
               has_result("sputum-naat", "detected", "trace").label("naat_positive"),
               has_result("sputum-culture", "mtb").label("culture_positive"),
               has_result("sputum-culture", "ntm").label("ntm"), TbCase.number.label("tb_number"))
        .join(Case, Case.id == Requirement.case_id).join(Applicant, Applicant.id == Case.applicant_id)
        .outerjoin(TbCase, TbCase.case_id == Case.id)
        .where(Case.site_id == user.site_id, Requirement.exam.in_(PRESUMPTIVE),
               Requirement.state != RequirementState.WITHDRAWN,
               Requirement.added_at >= begin, Requirement.added_at < end)
    )


def query_treatment(user: User, period: Period) -> Select[Any]:
    """Every tuberculosis case registered in the period, with its regimen and outcome; no HIV result stands here."""
    phase = (select(TbPhase.regimen).where(TbPhase.case_id == TbCase.case_id, TbPhase.is_void.is_(False))
             .order_by(TbPhase.started_on.desc(), TbPhase.id.desc()).limit(1).correlate(TbCase).scalar_subquery())
    began = (select(func.min(TbPhase.started_on)).where(TbPhase.case_id == TbCase.case_id, TbPhase.is_void.is_(False))
             .correlate(TbCase).scalar_subquery())
    return (
        select(*_person(), TbCase.id.label("key"), TbCase.number, TbCase.registered_on.label("day"),
               TbCase.diagnosed_on, TbCase.basis, TbCase.site_of_disease, TbCase.organ, TbCase.history,
               TbCase.notified_on, TbCase.notification_number, TbCase.refused_on, TbCase.outcome, TbCase.outcome_on,
               phase.label("regimen"), began.label("began_on"))
        .join(Case, Case.id == TbCase.case_id).join(Applicant, Applicant.id == Case.applicant_id)
        .where(TbCase.site_id == user.site_id, TbCase.registered_on.between(period.first, period.last))
    )


REGISTERS: dict[str, Register] = {
    "laboratory": Register(query_laboratory, Specimen.collected_on, Specimen.id),
    "presumptive": Register(query_presumptive, Requirement.added_at, Requirement.id),
    "treatment": Register(query_treatment, TbCase.registered_on, TbCase.id),
}


def list_register(user: User, name: str, period: Period, after: str | None = None, most: int = SIZE) -> list[Row[Any]]:
    """So many rows of a register in the order of their days, behind the row of the key `after`."""
    register = REGISTERS[name]
    query = register.query(user, period)
    if after:
        place = db.session.execute(select(register.day, register.key).where(register.key == after)).first()
        if place is not None:
            query = query.where(tuple_(register.day, register.key) > tuple_(
                *place, types=[register.day.type, register.key.type]))
    return list(db.session.execute(query.order_by(register.day, register.key).limit(most)))


def count_outcomes(user: User, period: Period) -> list[Row[Any]]:
    """The cohort registered in the period: (`found`: bacilli were, `outcome` or None, `refused`, `cases`)."""
    found = or_(TbCase.basis == "culture", TbCase.basis == "naat", TbCase.basis == "smear")
    refused = TbCase.refused_on.is_not(None)
    return list(db.session.execute(
        select(found.label("found"), TbCase.outcome, refused.label("refused"), func.count().label("cases"))
        .where(and_(TbCase.site_id == user.site_id, TbCase.registered_on.between(period.first, period.last)))
        .group_by(found, TbCase.outcome, refused)))
