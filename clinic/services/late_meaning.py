"""Messages that waited for a code which has a line by now: they are worked on again at once, not one by one.

A result waited for a line when its message was last worked on before the line was there and the line speaks of what
it says. So nothing is offered twice, however often it is worked on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import or_, select

from clinic.audit import record_change
from clinic.db import db
from clinic.lab_report import ReportedValue, from_plain
from clinic.models import (
    CodeMapping,
    InboundMessage,
    InboundState,
    Laboratory,
    MapKind,
    ReportedResult,
    ReportedState,
    User,
)
from clinic.services.code_mapping import ANY, fold, list_lines
from clinic.services.inbound import work_again

AT_ONCE = 200  # messages given back in one go: what the worker takes before other work has its turn
LOOKED_THROUGH = 2000  # results that wait, oldest first


def list_outdated(laboratory: Laboratory) -> list[str]:
    """Ids of the messages that waited for a line which is there now, oldest first, at most AT_ONCE."""
    lines = list_lines(laboratory.id)
    wanted = [ReportedResult.test == ""] if any(line.kind is MapKind.TEST for line in lines) else []
    if tests := {line.test for line in lines if line.kind is not MapKind.TEST}:
        wanted.append(ReportedResult.test.in_(tests))
    if not wanted:
        return []
    newest = max(line.changed_at for line in lines)
    rows = db.session.execute(
        select(ReportedResult.message_id, ReportedResult.test, ReportedResult.content, InboundMessage.processed_at)
        .join(InboundMessage, InboundMessage.id == ReportedResult.message_id)
        .where(ReportedResult.site_id == laboratory.site_id, ReportedResult.state == ReportedState.WAITING,
               ReportedResult.laboratory_id == laboratory.id, or_(*wanted),
               InboundMessage.state != InboundState.NEW,
               or_(InboundMessage.processed_at.is_(None), InboundMessage.processed_at < newest))
        .order_by(ReportedResult.id).limit(LOOKED_THROUGH))
    found: dict[str, None] = {}
    for message_id, test, content, processed_at in rows:
        if message_id not in found and _is_explained(test, from_plain(content)[1].values, processed_at, lines):
            found[message_id] = None
            if len(found) == AT_ONCE:
                break
    return list(found)


def work_outdated_again(laboratory: Laboratory, actor: User) -> int:
    """Give them back to the worker, each in the audit as if it were given back by itself; returns how many."""
    given = 0
    for message_id in list_outdated(laboratory):
        message = db.session.get_one(InboundMessage, message_id)
        work_again(message, _("What it says has a line in the table now."), actor)
        given += 1
    if given:
        record_change("messages-again", "laboratory", laboratory.id, site_id=laboratory.site_id, actor_id=actor.id,
                      actor_kind="user", detail={"messages": given})
    return given


def _is_explained(
    test: str, values: Iterable[ReportedValue], processed_at: datetime | None, lines: Iterable[CodeMapping]
) -> bool:
    since = [line for line in lines if processed_at is None or processed_at < line.changed_at]
    return any(_speaks_of(line, test, value) for value in values for line in since)


def _speaks_of(line: CodeMapping, test: str, value: ReportedValue) -> bool:
    code = fold(line.code)
    if line.kind is MapKind.TEST:
        return not test and (code, fold(line.system)) == (fold(value.code), fold(value.system))
    if line.test != test:
        return False
    if line.kind is MapKind.UNIT:
        return code == fold(value.unit)
    if line.kind is MapKind.METHOD:
        return code in (ANY, fold(value.method))
    return code in {fold(word) for word in (value.value, value.value_text, *value.flags)}
