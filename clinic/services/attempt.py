"""Who has to wait after too many attempts, and letting them try again: for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotAllowed, NotFound
from clinic.limit import Door, lift, list_waiting, tag_account
from clinic.models import User
from clinic.services.authority_of_staff import reaches_all_sites


@dataclass(frozen=True)
class Wait:
    """One count at its limit; `member` is empty for an address alone, and for an account that is nobody's here."""

    id: str
    door: Door
    kind: str
    member: User | None
    address: str
    until: datetime


def list_waits(administrator: User) -> list[Wait]:
    """Who waits: members within reach, addresses, and names that no account has."""
    members = {tag: member for member in db.session.execute(select(User)).unique().scalars()
               for tag in (tag_account(member.email), member.id)}
    found = []
    for row in list_waiting():
        member = members.get(row.account)
        if member is None or member.site_id == administrator.site_id or reaches_all_sites(administrator):
            found.append(Wait(row.id, Door(row.door), row.kind, member, row.address or "", row.until))
    return found


def lift_wait(wait_id: str, administrator: User) -> Wait:
    """Let somebody try again at once. Raises NotFound when nobody waits by that id any more, NotAllowed when
    it is the administrator's own reading that was stopped."""
    wait = next((one for one in list_waits(administrator) if one.id == wait_id), None)
    if wait is None:
        raise NotFound(_("Nobody waits there any more."), wait=wait_id)
    if wait.door is Door.READING and wait.member and wait.member.id == administrator.id:
        raise NotAllowed(_("Another administrator lets you go on."), user=administrator.id)
    record_change("lift-delay", "user" if wait.member else "address", wait.member.id if wait.member else wait.address,
                  site_id=administrator.site_id, detail={"door": wait.door.value, "counted": wait.kind})
    lift(wait.id)
    return wait
