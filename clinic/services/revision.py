"""The life of a recorded result: entered, confirmed by another person, sent back, corrected, withdrawn.

Rows are never edited once they counted: a correction is the next revision of the series, the old row stays.
"""

from __future__ import annotations

from typing import TypeVar

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.errors import AlreadyDone, CaseChanged, NotAllowed, NotNow
from clinic.models import Recorded, ResultStatus, User

R = TypeVar("R", bound=Recorded)


def confirm(row: Recorded, actor: User) -> None:
    """The second person agrees: the row counts from now on.

    Raises NotAllowed for the person who entered it, CaseChanged when it was replaced, AlreadyDone when it counts.
    """
    ensure_waiting(row)
    if row.entered_by_id == actor.id:
        raise NotAllowed(
            _("You entered this result yourself: another person must confirm it."), user=actor.id)
    row.status = ResultStatus.CORRECTED if was_confirmed_before(row) else ResultStatus.FINAL
    row.confirmed_by_id = actor.id
    row.confirmed_at = clock.now()


def refuse(row: Recorded, reason: str, actor: User) -> None:
    """The second person sends it back: it stays to be seen with the reason, and must be entered anew.

    Raises as `confirm` does.
    """
    ensure_waiting(row)
    if row.entered_by_id == actor.id:
        raise NotAllowed(
            _("You entered this result yourself: correct it instead of sending it back."), user=actor.id)
    row.status = ResultStatus.ENTERED_IN_ERROR
    row.remark = reason
    row.confirmed_by_id = actor.id
    row.confirmed_at = clock.now()


def supersede(old: R, new: R) -> R:
    """Put `new` in the place of `old`, in the same series. Raises CaseChanged when `old` is not current."""
    ensure_current(old)
    new.series_id = old.series_id
    new.revision = old.revision + 1
    old.superseded_at = clock.now()
    return new


def replace_refused(old: R, new: R) -> R:
    """Put `new` in the place of what was sent back or taken back, in the same series."""
    new.series_id = old.series_id
    new.revision = old.revision + 1
    old.superseded_at = clock.now()
    return new


def withdraw(row: Recorded, reason: str) -> None:
    """Mark a row as entered in error; it stays to be seen. Raises CaseChanged when it is not current."""
    ensure_current(row)
    row.status = ResultStatus.ENTERED_IN_ERROR
    row.remark = reason


def ensure_current(row: Recorded) -> None:
    """Raise CaseChanged unless `row` is the newest revision and not withdrawn."""
    if not row.is_current:
        raise CaseChanged(_("This result was replaced or withdrawn meanwhile. Look at the newest one."))


def ensure_waiting(row: Recorded) -> None:
    """Raise unless `row` waits for its second person: CaseChanged when replaced, AlreadyDone when it counts."""
    ensure_current(row)
    if row.status is not ResultStatus.PRELIMINARY:
        raise AlreadyDone(_("This result has been confirmed already."))


def ensure_unchanged(row: Recorded, revision: int | None) -> None:
    """Raise CaseChanged when the page showed another revision than `row` is."""
    if revision is not None and row.revision != revision:
        raise CaseChanged(_("Somebody else changed this result meanwhile. Look at it again."))


def ensure_shown_newest(revision: int | None) -> None:
    """Raise CaseChanged when the page showed a revision of something that was taken back meanwhile."""
    if revision is not None:
        raise CaseChanged(_("Somebody else took this back meanwhile. Look at it again."))


def ensure_not_recorded(row: Recorded | None) -> None:
    """Raise NotNow when there is already a current row for the same thing."""
    if row is not None:
        raise NotNow(_("This is recorded already. Correct the recorded result instead of entering a second one."))


def was_confirmed_before(row: Recorded) -> bool:
    """Whether an older version of the same result counted."""
    kind = type(row)
    return db.session.execute(
        select(kind.id).where(  # type: ignore[attr-defined]
            kind.series_id == row.series_id, kind.revision < row.revision,
            kind.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED)),
        ).limit(1)
    ).first() is not None
