"""Receiving authorities: registered, listed, changed; how and where exams are sent to each."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.models import Authority, Delivery, DeliveryState
from clinic.ports import ports

# What may still be sent with the bytes of its channel.
OPEN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.HELD,
        DeliveryState.REJECTED, DeliveryState.DEAD)


def add_authority(authority_id: str, programme: str, name: str, channel: str, endpoint: str) -> Authority:
    """Register a destination's authority; raises AlreadyDone when the short name is taken."""
    ensure_new(authority_id)
    authority = Authority(id=authority_id, programme=programme, name=name, channel=channel, endpoint=endpoint)
    db.session.add(authority)
    record_change("add-authority", "authority", authority_id)
    db.session.flush()
    return authority


def list_authorities() -> list[Authority]:
    """Every authority, by short name."""
    return list(db.session.execute(select(Authority).order_by(Authority.id)).scalars())


def change_authority(authority_id: str, name: str, channel: str, endpoint: str) -> list[str]:
    """Correct how an authority is called, and how and where exams are sent to it; returns what changed.

    Raises NotFound; InvalidInput for an address that cannot be used, or another channel while exams wait to be sent:
    their bytes are those of the present one.
    """
    authority = get_authority(authority_id)
    ensure_usable(channel, endpoint)
    wanted = {"name": name, "channel": channel, "endpoint": endpoint}
    before = {field: getattr(authority, field) for field in wanted}
    changed = [field for field, value in wanted.items() if before[field] != value]
    if "channel" in changed and _waits(authority_id):
        raise InvalidInput(_("Please correct what is marked."), fields={"channel": [
            _("Exams wait to be sent in the present way. Let them arrive, or cancel them, before you change it.")]})
    for field in changed:
        setattr(authority, field, wanted[field])
    if changed:
        detail: dict[str, object] = {"changed": changed}
        detail |= {field: [before[field], wanted[field]] for field in ("channel", "endpoint") if field in changed}
        record_change("change-authority", "authority", authority_id, detail=detail)
    db.session.flush()
    return changed


def record_line_test(authority_id: str, result: str) -> None:
    """Write down that somebody tried the line to an authority, and what came of it."""
    record_change("test-line", "authority", authority_id, detail={"result": result})
    db.session.flush()


def get_authority(authority_id: str) -> Authority:
    """An authority by its short name. Raises NotFound."""
    authority = db.session.get(Authority, authority_id)
    if authority is None:
        raise NotFound(_("There is no such authority."), authority=authority_id)
    return authority


def ensure_new(authority_id: str) -> None:
    """Raises AlreadyDone when the short name is taken."""
    if db.session.get(Authority, authority_id) is not None:
        raise AlreadyDone(f"There is an authority {authority_id} already.", authority=authority_id)


def ensure_usable(channel: str, endpoint: str) -> None:
    """Raises InvalidInput for a way of sending that does not exist, or an address it cannot use."""
    if channel not in ports.list_channels():
        raise InvalidInput(_("Please correct what is marked."), fields={"channel": [_("Choose the way of sending.")]})
    problem = ports.judge_address(channel, endpoint)
    if problem:
        raise InvalidInput(_("Please correct what is marked."), fields={"endpoint": [_(problem)]})


def _waits(authority_id: str) -> bool:
    return db.session.execute(select(Delivery.id).where(
        Delivery.authority_id == authority_id, Delivery.state.in_(OPEN)).limit(1)).first() is not None
