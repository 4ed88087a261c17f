"""A laboratory's table of results, sent up by a person: kept as it came and worked on like every message."""

from __future__ import annotations

import hashlib

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput
from clinic.lab_table import Table, read_table
from clinic.models import InboundMessage, InboundState, InboundWay, Laboratory, User

KIND = "CSV"


def take_table(laboratory: Laboratory, content: bytes, actor: User) -> tuple[InboundMessage, Table]:
    """Keep a table for the worker. Raises InvalidInput while any line is at fault, AlreadyDone for one known."""
    table = read_table(content, laboratory.column_map or {}, laboratory.charset)
    if table.faults:
        raise InvalidInput(_("Nothing was taken: correct what is marked."), laboratory=laboratory.id)
    digest = hashlib.sha256(content).hexdigest()
    sender = f"{laboratory.application}|{laboratory.facility}|{laboratory.our_facility}|csv"[:200]
    known = db.session.execute(select(InboundMessage.id).where(
        InboundMessage.sender == sender, InboundMessage.sha256 == digest).limit(1)).first()
    if known is not None:
        raise AlreadyDone(_("This very table was taken before."), inbound=known[0])
    row = InboundMessage(
        received_at=clock.now(), peer=actor.id, sender=sender, control_id=digest[:20], kind=KIND, way=InboundWay.CSV,
        sha256=digest, raw=content, laboratory_id=laboratory.id, times=1, state=InboundState.NEW, state_reason="")
    db.session.add(row)
    db.session.flush()
    record_change("take-table", "inbound-message", row.id, site_id=laboratory.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"laboratory": laboratory.id, "rows": len(table.reports)})
    return row, table
