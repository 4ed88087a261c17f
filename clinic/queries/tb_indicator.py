"""CDC's monthly counts of tuberculosis (OMB 0920-1102; us-addendum.md 4.2), computed by the database.

A person counts in the month of the examination, results that come later too; an examination repeated because it expired
is another one; a re-examination at the end of treatment stays on its case and counts once. 2a, 2b and 2c exclude one
another: film before symptoms before HIV, and the last two are of a film that is not suggestive: without a film nobody
counts there. A case without the day of its examination counts in no month: how many there are is told beside the rows.
Rows beyond 5 were not seen in the source and are not made up.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, Text, and_, exists, func, not_, or_, select, type_coerce
from sqlalchemy import case as sql_case
from sqlalchemy import cast as sql_cast

from clinic import clock
from clinic.db import db
from clinic.models import (
    Answer,
    Applicant,
    Case,
    CaseState,
    Circumstance,
    DiseaseSite,
    Purpose,
    Specimen,
    TbCase,
    TbOutcome,
    User,
    XrayReading,
)
from clinic.queries.tb_register import COUNTS, RESPIRATORY, has_result
from clinic.rules.age import add_months
from clinic.xray_finding import FindingCategory, list_all_findings

PROGRAMME = "us"
ROWS = ("1a", "1b", "1c", "1d", "2a", "2b", "2c", "2d", "2e", "3a", "3b", "3c", "4a", "5")


def count_indicators(user: User, first: date, last: date) -> dict[str, dict[str, int]]:
    """The counts by month (2026-03) and row, of the examinations from `first` to `last` at the user's site.

    From the first month with an examination on none is left out: nothing counted is a count.
    """
    month = func.substr(sql_cast(Case.exam_date, String), 1, 7)
    conditions = _list_conditions()
    rows = db.session.execute(
        select(month.label("month"), *(
            func.sum(sql_case((condition, 1), else_=0)).label(f"row_{name}") for name, condition in conditions.items()))
        .select_from(Case).join(Applicant, Applicant.id == Case.applicant_id).outerjoin(
            TbCase, TbCase.case_id == Case.id)
        .where(Case.site_id == user.site_id, Case.programme == PROGRAMME, Case.exam_date.between(first, last))
        .group_by(month).order_by(month))
    found = {row.month: {name: int(getattr(row, f"row_{name}") or 0) for name in conditions} for row in rows}
    if not found:
        return {}
    begin = date.fromisoformat(f"{min(found)}-01")
    count = (last.year - begin.year) * 12 + last.month - begin.month + 1
    months = [f"{add_months(begin, number):%Y-%m}" for number in range(count)]
    return {month: found.get(month) or dict.fromkeys(conditions, 0) for month in months}


def count_undated(user: User, first: date, last: date) -> int:
    """How many cases that were opened in these days count in no month, because nobody wrote down the day of the
    examination; without those that ended before one."""
    begin, end = clock.find_bounds(first, last, user.site.time_zone)
    return int(db.session.execute(
        select(func.count(Case.id)).where(
            Case.site_id == user.site_id, Case.programme == PROGRAMME, Case.exam_date.is_(None),
            Case.state.not_in((CaseState.WITHDRAWN, CaseState.EXPIRED)), Case.opened_at >= begin, Case.opened_at < end)
    ).scalar_one())


def _list_conditions() -> dict[str, ColumnElement[bool]]:
    film = _has_suggestive_film()
    normal = and_(_has_film(), not_(film))
    symptoms = and_(normal, _says("tb_symptoms"))
    hiv = and_(normal, not_(_says("tb_symptoms")), or_(_says("hiv_known"), has_result("hiv", "positive")))
    smear = has_result("sputum-smear", "positive")
    ntm = and_(has_result("sputum-culture", "ntm"), not_(has_result("sputum-culture", "mtb")))
    adult, child = _is_of_age(15), _is_of_age(2)
    return {
        "1a": Case.id.is_not(None), "1b": adult, "1c": and_(child, not_(adult)), "1d": not_(child),
        "2a": film, "2b": symptoms, "2c": hiv, "2d": or_(film, symptoms, hiv), "2e": _has_sputum(),
        "3a": and_(smear, ntm), "3b": and_(not_(smear), ntm), "3c": ntm,
        "4a": _is_site(DiseaseSite.EXTRAPULMONARY), "5": _is_site(DiseaseSite.PULMONARY, DiseaseSite.BOTH),
    }


def _says(word: str) -> ColumnElement[bool]:
    return exists().where(Circumstance.case_id == Case.id, Circumstance.word == word,
                          Circumstance.answer == Answer.YES).correlate(Case)


def _has_sputum() -> ColumnElement[bool]:
    return exists().where(Specimen.case_id == Case.id, Specimen.kind.in_(RESPIRATORY),
                          Specimen.withdrawn_at.is_(None), Specimen.purpose == Purpose.DIAGNOSIS).correlate(Case)


def _has_film(*more: ColumnElement[bool]) -> ColumnElement[bool]:
    """A counting reading of a film that was taken."""
    return exists().where(
        XrayReading.case_id == Case.id, XrayReading.superseded_at.is_(None), XrayReading.status.in_(COUNTS),
        XrayReading.taken_on.is_not(None), *more).correlate(Case)


def _has_suggestive_film() -> ColumnElement[bool]:
    """One with a finding that suggests tuberculosis; the findings are a JSON list of codes."""
    codes = [code for code, finding in list_all_findings().items() if finding.category is FindingCategory.SUGGESTS_TB]
    written: Any = type_coerce(XrayReading.findings, Text)
    return _has_film(or_(*(written.contains(f'"{code}"', autoescape=True) for code in codes)))


def _is_site(*sites: DiseaseSite) -> ColumnElement[bool]:
    return and_(TbCase.id.is_not(None), TbCase.site_of_disease.in_(sites),
                TbCase.outcome.is_distinct_from(TbOutcome.NOT_TB))


def _is_of_age(years: int) -> ColumnElement[bool]:
    """Whether so many years were completed on the day of the exam; dates are compared as they are written.

    A date known in part counts from its middle, as everywhere (clinic/partial_date.py); who was born on 29 February
    completes a year on 1 March of common years.
    """
    day = sql_cast(Case.exam_date, String)
    limit = sql_cast(sql_cast(func.substr(day, 1, 4), Integer) - years, String) + func.substr(day, 5)
    born = sql_case((func.length(Applicant.birth_date) == 4, Applicant.birth_date + "-07-01"),
                    (func.length(Applicant.birth_date) == 7, Applicant.birth_date + "-15"), else_=Applicant.birth_date)
    return born <= limit
