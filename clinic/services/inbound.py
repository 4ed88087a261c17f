"""What a person may do with a message that came in and was not worked on to the end: try again, or put it aside."""

from __future__ import annotations

from flask_babel import gettext as _

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import NotNow
from clinic.models import InboundMessage, InboundState, User

AGAIN = frozenset((InboundState.HELD, InboundState.ERROR))


def may_work_again(message: InboundMessage) -> bool:
    """Whether another look may bring something: it was held or failed, or a laboratory's mapping may have changed."""
    return message.state in AGAIN or (message.laboratory_id is not None and message.state is InboundState.APPLIED)


def work_again(message: InboundMessage, reason: str, actor: User) -> None:
    """Give a message back to the worker, bytes and all as they came; what was decided of it stays. Raises NotNow."""
    if not may_work_again(message):
        raise NotNow(_("The message was worked on already. Look again."), inbound=message.id)
    before = message.state
    message.state, message.state_reason, message.processed_at = InboundState.NEW, "", None
    record_change(
        "message-again", "inbound-message", message.id, site_id=actor.site_id, actor_id=actor.id, actor_kind="user",
        detail={"from": before.value, "reason": reason},
    )
    db.session.flush()


def put_aside(message: InboundMessage, reason: str, actor: User) -> None:
    """Nothing will come of a message and somebody dealt with that: nobody waits for it any more. Raises NotNow."""
    if message.state not in AGAIN:
        raise NotNow(_("The message was worked on already. Look again."), inbound=message.id)
    before = message.state
    message.state, message.processed_at = InboundState.APPLIED, clock.now()
    message.state_reason = _("%(name)s put it aside: %(reason)s", name=actor.name, reason=reason)
    record_change(
        "message-aside", "inbound-message", message.id, site_id=actor.site_id, actor_id=actor.id, actor_kind="user",
        detail={"from": before.value, "reason": reason},
    )
    db.session.flush()
