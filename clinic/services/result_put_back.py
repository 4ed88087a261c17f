"""A decision about a reported result is taken back: it waits again, and what was entered of it is withdrawn.

Somebody else's result on a case harms two people: the second one has none. Its words stay as the laboratory sent them.
"""

from __future__ import annotations

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone
from clinic.models import ReportedResult, ReportedState, User
from clinic.services import laboratory
from clinic.services.result_intake import find_current, has_value

DECIDED = (ReportedState.APPLIED, ReportedState.REJECTED)


def put_back(row: ReportedResult, reason: str, actor: User) -> None:
    """Let a person decide anew. Raises AlreadyDone when nothing was decided, and as `laboratory.withdraw_result` does.

    Who decided last and why stays with it, so that it is not given to the same case once more by reading it again.
    """
    if row.state not in DECIDED:
        raise AlreadyDone(_("Nothing was decided about this result, or it was taken back already. Look again."),
                          reported=row.id)
    current = find_current(row)
    if current is not None:
        laboratory.withdraw_result(current, reason, actor)
    record_change("put-back-result", "reported-result", row.id, case_id=row.case_id, site_id=row.site_id,
                  actor_id=actor.id, actor_kind="user",
                  detail={"result": row.result_id, "message": row.message_id, "reason": reason})
    row.state = ReportedState.WAITING if has_value(row) else ReportedState.NOT_DONE
    row.case_id = row.result_id = row.specimen_id = None
    row.reason = _("A decision about it was taken back; the remark says why. Say whose it is.")
    row.decided_at, row.decided_by_id, row.remark = clock.now(), actor.id, reason
    db.session.flush()
