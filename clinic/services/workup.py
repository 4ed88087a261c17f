"""A work-up for tuberculosis that is open, and the medicines that would hide what it looks for (us-addendum.md C6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.caution import Caution
from clinic.db import db
from clinic.fluoroquinolone import find_fluoroquinolone
from clinic.models import (
    Case,
    FormResponse,
    FormStatus,
    Requirement,
    RequirementState,
    ResultStatus,
    TbCase,
    TbOutcome,
    Treatment,
)

WORKUP = ("sputum-series", "sputum-replacement", "tb-child-workup")


def is_workup_open(case: Case) -> bool:
    """Whether sputum or its cultures are outstanding; with a tuberculosis case its own regimen decides."""
    if db.session.execute(select(TbCase.id).where(
            TbCase.case_id == case.id, TbCase.outcome.is_distinct_from(TbOutcome.NOT_TB))).first() is not None:
        return False
    return db.session.execute(select(Requirement.id).where(
        Requirement.case_id == case.id, Requirement.exam.in_(WORKUP),
        Requirement.state == RequirementState.OPEN).limit(1)).first() is not None


def list_cautions(case: Case, texts: Iterable[tuple[str, str]]) -> list[Caution]:
    """A hard warning for each (field, text) that names a fluoroquinolone while a work-up is open."""
    named = [(field, word) for field, text in texts if (word := find_fluoroquinolone(text))]
    if not named or not is_workup_open(case):
        return []
    return [Caution(f"fluoroquinolone-{field}", _(
        "%(medicine)s is a fluoroquinolone: while tuberculosis is being looked for it must not be given, for it hides "
        "the bacilli. Tell the physician now. The sputum is not cancelled by it.", medicine=word), field)
        for field, word in named]


def find_recorded(case: Case) -> str | None:
    """The fluoroquinolone that the case's forms or treatments name while a work-up is open; None without any."""
    if not is_workup_open(case):
        return None
    answers = db.session.execute(select(FormResponse.answers).where(
        FormResponse.case_id == case.id, FormResponse.status != FormStatus.ENTERED_IN_ERROR)).scalars()
    details = db.session.execute(select(Treatment.detail).where(
        Treatment.case_id == case.id, Treatment.superseded_at.is_(None),
        Treatment.status != ResultStatus.ENTERED_IN_ERROR)).scalars()
    texts = [text for each in answers for _field, text in list_texts(each)] + list(details)
    return next((word for text in texts if (word := find_fluoroquinolone(text))), None)


def list_texts(answers: dict[str, Any]) -> list[tuple[str, str]]:
    """(question, words) of the answers that are words; what somebody is allergic to is not what they take."""
    return [(name, answer) for name, answer in answers.items() if isinstance(answer, str) and "allergy" not in name]
