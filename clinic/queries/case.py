"""Cases as screens need them: one to open, and those a changed person still changes; within the user's site."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import workflow
from clinic.db import db
from clinic.errors import NotAllowed, NotFound
from clinic.models import Case, User
from clinic.scope import find_open, may_open, note_opened


def get_case(case_id: str, user: User) -> Case:
    """The case, if it belongs to the user's site, or, to read, if an emergency opened it to the user.

    Raises NotFound: another site's case looks like none. NotAllowed when an opened one would be changed.
    """
    case = db.session.execute(select(Case).where(Case.id == case_id, may_open(user))).unique().scalar_one_or_none()
    if case is None and find_open(case_id, user) is not None:
        raise NotAllowed(_("You opened this case in an emergency, to read it. Its own site changes it: call them."),
                         case=case_id)
    if case is None:
        raise NotFound(_("There is no such case at your site. Search for its number or the applicant."), case=case_id)
    note_opened(case, user)
    return case


def list_recording_cases(applicant_id: str) -> list[Case]:
    """The applicant's cases that are not signed or ended: what a corrected birth date still changes."""
    return list(db.session.execute(
        select(Case).where(Case.applicant_id == applicant_id, Case.state.in_(workflow.RECORDING))
    ).unique().scalars())
