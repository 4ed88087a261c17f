"""Signed exams and their deliveries, always within the user's site; the document's bytes only on request."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import defer

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Case, Conclusion, Delivery, SignedExam, User
from clinic.scope import may_open, note_opened


def get_exam(exam_id: str, user: User) -> tuple[SignedExam, Case, Conclusion]:
    """A signed exam of the user's site with its case and conclusion. Raises NotFound."""
    found = db.session.execute(
        select(SignedExam, Case, Conclusion)
        .join(Case, Case.id == SignedExam.case_id).join(Conclusion, Conclusion.id == SignedExam.conclusion_id)
        .where(SignedExam.id == exam_id, may_open(user))
    ).unique().first()
    if found is None:
        raise NotFound(_("There is no such signed exam at your site."), exam=exam_id)
    note_opened(found[1], user)
    return found[0], found[1], found[2]


def list_exams(case: Case) -> list[SignedExam]:
    """All signed versions of a case, newest first, without their bytes."""
    return list(db.session.execute(
        select(SignedExam).options(defer(SignedExam.document)).where(SignedExam.case_id == case.id)
        .order_by(SignedExam.version.desc())
    ).scalars())


def list_deliveries_of(exam: SignedExam) -> list[Delivery]:
    """The deliveries of one version, without their bytes."""
    return list(db.session.execute(
        select(Delivery).options(defer(Delivery.body)).where(Delivery.signed_exam_id == exam.id).order_by(Delivery.id)
    ).scalars())
