"""Messages that came in, as far as the user's site is concerned."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import defer

from clinic.db import db
from clinic.errors import NotFound
from clinic.models import Authority, Delivery, InboundMessage, InboundState, User
from clinic.models.inbound import IS_NEW, IS_SEEN

PAGE_SIZE = 50
COUNT_LIMIT = 1000


def is_in(*states: InboundState) -> ColumnElement[bool]:
    """Whether a message is in one of these, in the words of the index that has them; new only by itself."""
    if InboundState.NEW in states:
        assert len(states) == 1, "two indexes have them"
        return text(IS_NEW)  # type: ignore[return-value]
    return and_(text(IS_SEEN), InboundMessage.state.in_(states) if states[1:] else InboundMessage.state == states[0])


def list_messages(
    user: User, state: InboundState, after: str | None = None, limit: int = PAGE_SIZE
) -> list[InboundMessage]:
    """One page, newest first, without the messages' bytes; `after` is the last id of the page before."""
    query = (
        select(InboundMessage).where(_is_open_to(user), is_in(state))
        .order_by(InboundMessage.id.desc()).limit(limit)
        .options(defer(InboundMessage.raw), defer(InboundMessage.answer))
    )
    if after:
        query = query.where(InboundMessage.id < after)
    return list(db.session.execute(query).scalars())


def count_messages(user: User) -> dict[InboundState, int]:
    """How many messages stand in each state, at most COUNT_LIMIT."""
    counts = {}
    for state in InboundState:
        wanted = (_is_open_to(user), is_in(state))
        some = select(InboundMessage.id).where(*wanted).limit(COUNT_LIMIT).subquery()
        counts[state] = db.session.execute(select(func.count()).select_from(some)).scalar_one()
    return counts


def get_message(user: User, message_id: str) -> InboundMessage:
    """One message; raises NotFound, for another site's too."""
    found = db.session.execute(
        select(InboundMessage).where(InboundMessage.id == message_id, _is_open_to(user))
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(_("There is no such message at your site."), inbound=message_id)
    return found


def name_senders() -> dict[str, str]:
    """The authorities that send HL7 by what their messages call them (MSH-3|MSH-4): the end of the address that we send
    to, mllp://host:port/APPLICATION/FACILITY."""
    names = {}
    for endpoint, name in db.session.execute(select(Authority.endpoint, Authority.name)):
        parts = urlsplit(endpoint)
        if parts.scheme in ("mllp", "mllps"):
            names["|".join(unquote(each) for each in parts.path.split("/") if each)] = name
    return names


def _is_open_to(user: User) -> ColumnElement[bool]:
    """What speaks of the site's own deliveries, and what speaks of nobody's: somebody must look at that.

    What laboratories send is for the laboratory (clinic/queries/reported.py).
    """
    own = select(Delivery.id).where(Delivery.site_id == user.site_id)
    return and_(InboundMessage.laboratory_id.is_(None),
                or_(InboundMessage.delivery_id.is_(None), InboundMessage.delivery_id.in_(own)))
