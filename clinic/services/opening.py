"""Opening a case: its number, its facts, the circumstances answered or derived, and what the rules then require."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.authority_number import find_number_warning as find_warning_of
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import NotNow
from clinic.identifier import build_case_number
from clinic.models import (
    Applicant,
    Authority,
    Case,
    CaseState,
    CaseTransition,
    User,
)
from clinic.sentence import Sentence
from clinic.services.assessment import refresh
from clinic.services.circumstance import write_answers, write_facts
from clinic.services.merge import ensure_not_merged
from clinic.services.site import ensure_in_use


@dataclass(frozen=True)
class Opened:
    """The new case, the rules' first decision on it, and what looked unusual about the authority's number."""

    case: Case
    decision: dict[str, Any]
    warning: Sentence | None


def open_case(applicant: Applicant, data: dict[str, Any], actor: User) -> Opened:
    """Open a case for `applicant`; `data` as NewCase gives it. Raises NotNow without an authority for it,
    or where the applicant's site does not offer the programme.

    RecordMerged when the applicant's record was merged into another one.
    """
    ensure_not_merged(applicant)
    site, now = applicant.site, clock.now()
    programme = data["programme"]
    ensure_in_use(site.id, programme)
    authority = get_authority_of(programme)
    year = clock.today(site.time_zone).year
    case = Case(
        site_id=site.id, applicant_id=applicant.id, number=build_case_number(site.code, year, next_number(
            site.id, "case")),
        programme=programme, authority_id=authority.id, state=CaseState.REGISTERED, opened_at=now,
        opened_by_id=actor.id, updated_at=now, assignee_id=None,
    )
    case.site, case.applicant, case.authority = site, applicant, authority
    write_facts(case, data)
    db.session.add(case)
    db.session.flush()
    db.session.add(CaseTransition(
        case_id=case.id, from_state=None, to_state=CaseState.REGISTERED, happened_at=now, by_id=actor.id))
    record_change("open", "case", case.id, case_id=case.id, site_id=site.id, actor_id=actor.id,
                  detail={"programme": programme, "category": case.category,
                          "unusual_number": find_number_warning(case) is not None})
    write_answers(case, data["circumstances"], actor)
    return Opened(case, refresh(case), find_number_warning(case))


def find_number_warning(case: Case) -> Sentence | None:
    """What looks unusual about the authority's case number; it warns and never blocks."""
    number = case.authority_case_number
    return find_warning_of(case.programme, number) if number else None


def get_authority_of(programme: str) -> Authority:
    """The authority that receives this programme's exams. Raises NotNow when none is set up."""
    authority = db.session.execute(
        select(Authority).where(Authority.programme == programme).order_by(Authority.id).limit(1)
    ).scalar_one_or_none()
    if authority is None:
        raise NotNow(_("No authority is set up for this programme yet. Ask the clinic administrator."),
                     programme=programme)
    return authority
