"""The case's states and the one literal table of transitions; the sole writer of a state."""

from __future__ import annotations

from typing import Any, cast

from flask_babel import gettext as _
from sqlalchemy import Table, update

from clinic import clock
from clinic.audit import build_change, record_change
from clinic.db import db
from clinic.errors import NotNow
from clinic.many_rows import add_rows, make_ready
from clinic.models import AuditChange, Case, CaseState, CaseTransition, User
from clinic.models.column import Code, Instant
from clinic.ready_query import ReadyQuery, given

S = CaseState

# From each state, where a case may go (product.md, "A case's life"). Whatever is not here is refused.
TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    S.REGISTERED: frozenset({S.IN_PROGRESS, S.ON_HOLD, S.WITHDRAWN, S.EXPIRED}),
    S.IN_PROGRESS: frozenset({S.IN_REVIEW, S.ON_HOLD, S.WITHDRAWN, S.EXPIRED}),
    S.IN_REVIEW: frozenset({S.IN_PROGRESS, S.SIGNED, S.ON_HOLD, S.WITHDRAWN, S.EXPIRED}),
    S.SIGNED: frozenset({S.SUBMITTED, S.ACKNOWLEDGED, S.IN_PROGRESS}),
    S.SUBMITTED: frozenset({S.ACKNOWLEDGED, S.IN_PROGRESS}),
    S.ACKNOWLEDGED: frozenset({S.CLOSED, S.IN_PROGRESS}),
    S.CLOSED: frozenset(),
    S.ON_HOLD: frozenset({S.IN_PROGRESS, S.WITHDRAWN, S.EXPIRED}),
    S.WITHDRAWN: frozenset(),
    S.EXPIRED: frozenset(),
}

RECORDING = frozenset({S.REGISTERED, S.IN_PROGRESS, S.IN_REVIEW})  # results may be recorded
SIGNED = frozenset({S.SIGNED, S.SUBMITTED, S.ACKNOWLEDGED})  # a signed version stands
OPEN = frozenset({S.REGISTERED, S.IN_PROGRESS, S.IN_REVIEW, S.SIGNED, S.SUBMITTED, S.ON_HOLD})

_CASES = cast(Table, Case.__table__)
_SIGN = ReadyQuery(update(_CASES).where(_CASES.c.id == given("case_id")).values(
    state=given("state", Code(CaseState)), state_reason=None, updated_at=given("at", Instant), edition=given("edition"),
    status=given("status"), version=_CASES.c.version + 1))


def can_move(case: Case, to: CaseState) -> bool:
    """Whether the table allows the step."""
    return to in TRANSITIONS[case.state]


def move(case: Case, to: CaseState, reason: str = "", actor: User | None = None) -> None:
    """Take `case` to state `to` and write the history row.

    Raises NotNow when the table does not know the step.
    """
    if not can_move(case, to):
        raise NotNow(
            f"The case is {case.state.value} and cannot become {to.value}. Look at the case again.",
            case=case.id, state=case.state.value, to=to.value,
        )
    step = _build_step(case.id, case.state, to, reason, actor.id if actor else None)
    db.session.add(CaseTransition(**step))
    record_change("state", "case", case.id, case_id=case.id, site_id=case.site_id, detail=_describe(step),
                  actor_id=step["by_id"])
    case.state = to
    case.state_reason = reason or None
    case.updated_at = step["happened_at"]


def mark_signed(case_id: str, site_id: str, actor_id: str, edition: str, status: str) -> None:
    """Take a case that is in review, and locked, to signed, with the decision's edition and status.

    The same as `move`, past the session: its resources of that state were made when the signature was prepared.
    """
    step = _build_step(case_id, S.IN_REVIEW, S.SIGNED, "", actor_id)
    connection = db.session.connection()
    add_rows(connection, make_ready(CaseTransition, [step]))
    add_rows(connection, make_ready(AuditChange, [
        build_change("state", "case", case_id, case_id, site_id, _describe(step), actor_id)]))
    _SIGN.run(case_id=case_id, state=S.SIGNED, at=step["happened_at"], edition=edition, status=status)


def _build_step(case_id: str, before: CaseState, to: CaseState, reason: str, by_id: str | None) -> dict[str, Any]:
    """The row of the history."""
    return {"case_id": case_id, "from_state": before, "to_state": to, "reason": reason, "happened_at": clock.now(),
            "by_id": by_id}


def _describe(step: dict[str, Any]) -> dict[str, Any]:
    return {"from": step["from_state"].value, "to": step["to_state"].value}


def ensure_recording(case: Case) -> None:
    """Raise NotNow unless results may be recorded on `case`; the first one takes it in progress."""
    if case.state not in RECORDING:
        if case.state is CaseState.ON_HOLD:
            sentence = _("The case is on hold, so nothing can be recorded: the case page says why and who may go on.")
        elif case.state in (CaseState.SIGNED, CaseState.SUBMITTED, CaseState.ACKNOWLEDGED):
            sentence = _("The exam is signed, so nothing more is recorded on it: a physician may open an amendment.")
        else:
            sentence = _("This case has ended, so nothing more can be recorded on it.")
        raise NotNow(sentence, case=case.id, state=case.state.value)


def ensure_correcting(case: Case) -> None:
    """Raise NotNow unless a result that counted may be corrected: while recording, and after the signature."""
    if case.state not in SIGNED:
        ensure_recording(case)


def mark_corrected(case: Case) -> None:
    """Count a correction; a signed case stays as it is signed until a physician amends it."""
    if case.state in SIGNED:
        case.updated_at = clock.now()
    else:
        mark_touched(case)


def mark_touched(case: Case) -> None:
    """Count a change to anything of the case, so that a signature over an older view is refused."""
    ensure_recording(case)
    if case.state is not S.IN_PROGRESS:
        move(case, S.IN_PROGRESS, "work goes on")
    case.updated_at = clock.now()
