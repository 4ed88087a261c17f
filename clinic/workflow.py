"""The case's states and the one literal table of transitions; the sole writer of a state."""

from __future__ import annotations

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotNow
from clinic.models import Case, CaseState, CaseTransition, User

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
    db.session.add(CaseTransition(
        case_id=case.id, from_state=case.state, to_state=to, reason=reason, happened_at=clock.now(),
        by_id=actor.id if actor else None,
    ))
    record_change("state", "case", case.id, case_id=case.id, site_id=case.site_id,
                  detail={"from": case.state.value, "to": to.value}, actor_id=actor.id if actor else None)
    case.state = to
    case.state_reason = reason or None
    case.updated_at = clock.now()


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
