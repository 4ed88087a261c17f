"""What was typed into a form when the session ended: kept on the server for the same person, for one day.

Not in the browser: shared computers stand in a clinic, and what is kept there outlives whoever typed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.models import Case, KeptInput, User
from clinic.questionnaire import Questionnaire

LIFE = timedelta(hours=24)  # the next shift; what was completed long since must not come back


def keep_input(case: Case, form: Questionnaire, typed: Mapping[str, str], version: int | None, user: User) -> KeptInput:
    """Keep `typed` (linkId to text) for `user`; replaces what was kept of the same form before. Counts nothing."""
    db.session.execute(delete(KeptInput).where(KeptInput.kept_at < clock.now() - LIFE))
    questions = form.list_questions()
    row = _find(case, form.name, user)
    if row is None:
        row = KeptInput(user_id=user.id, case_id=case.id, form=form.name)
        db.session.add(row)
    row.answers = {name: text for name, text in typed.items() if name in questions and text.strip()}
    row.version, row.kept_at = version, clock.now()
    db.session.flush()
    record_change("keep-input", "form", form.name, case_id=case.id, site_id=case.site_id, actor_id=user.id,
                  detail={"form": form.name, "answers": len(row.answers)})
    return row


def find_kept_input(case: Case, name: str, user: User) -> KeptInput | None:
    """What `user` had typed into the form called `name`; None when nothing is kept, or it is older than a day."""
    row = _find(case, name, user)
    return row if row is not None and row.kept_at >= clock.now() - LIFE else None


def drop_kept_input(case: Case, name: str, user: User) -> None:
    """Forget it: it was saved, or its author threw it away."""
    row = _find(case, name, user)
    if row is not None:
        db.session.delete(row)


def _find(case: Case, name: str, user: User) -> KeptInput | None:
    return db.session.execute(select(KeptInput).where(
        KeptInput.case_id == case.id, KeptInput.form == name, KeptInput.user_id == user.id)).scalar_one_or_none()
