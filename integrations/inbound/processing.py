"""Works on stored messages, one after the other in the order of arrival, each in a unit of its own.

One of very many results needs several units, so that others can save meanwhile. A lease says who works on it: another
process that finds it unfinished waits, and begins it again where that one has died.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clinic import clock
from clinic.db import read_unit, write_unit
from clinic.key import new_id
from clinic.models import Authority, Delivery, InboundMessage, InboundState, Laboratory, OrderMessage
from clinic.queries.inbound import is_in
from clinic.services.result_taking import Taking
from integrations.authorities.hl7_oru import NAME, classify
from integrations.fault import describe_fault
from integrations.hl7.acknowledgement import Unreadable, read_acknowledgement
from integrations.inbound.results import Prepared, apply_results, check, has_results, prepare_results
from integrations.lease import acquire_lease, is_leased, release_lease
from integrations.order_sender import record_word
from integrations.settlement import record_own_word
from integrations.transport.mllp import parse_peer

log = logging.getLogger(__name__)

OWNER = new_id()  # this process
PORTIONS, PORTIONS_LEASE = "message-in-portions", timedelta(minutes=1)  # renewed with each portion
TURN_LIMIT = 200  # messages before other work of the process gets its turn


def process_waiting(limit: int = TURN_LIMIT) -> int:
    """Work on what is new; returns how many messages were looked at."""
    done = 0
    while done < limit and _process_next():
        done += 1
    return done


@dataclass(frozen=True)
class _Broken:
    """A message that could not even be read: our own fault, and no reason for the next ones to wait."""

    message_id: str
    fault: str  # the kind of error


def _process_next() -> bool:
    prepared = _prepare_next()
    with write_unit() as session:
        row = session.execute(_next().with_for_update(skip_locked=True)).scalar_one_or_none()
        if row is None:
            return False
        if isinstance(prepared, _Broken):
            if prepared.message_id == row.id:
                row.processed_at = clock.now()
                row.state, row.state_reason = InboundState.ERROR, prepared.fault
                return True
            prepared = None  # another worker took the one that we had read
        if has_results(row) and (prepared is None or prepared.message_id != row.id):
            prepared = prepare_results(row, session.get_one(Laboratory, row.laboratory_id))
            if any(report.documents for report in prepared.reports):
                return True  # it is read again in its turn, its reports outside of this unit
        if not _is_ours(session, prepared):
            return False
        message_id, left = row.id, _work_on(session, row, prepared, None)
    while left is not None:
        with write_unit() as session:
            row = session.get_one(InboundMessage, message_id, with_for_update=True)
            if row.state is not InboundState.NEW or not _is_ours(session, prepared):
                return True  # we stood still for so long that another process has begun it again
            left = _work_on(session, row, prepared, left)
    return True


def _is_ours(session: Session, prepared: Prepared | None) -> bool:
    """Whether no other process is in the middle of a large message; of a large one that nobody else begins it."""
    now = clock.now()
    if prepared is not None and prepared.is_large:
        return acquire_lease(session, PORTIONS, OWNER, now, PORTIONS_LEASE)
    return not is_leased(session, PORTIONS, OWNER, now, PORTIONS_LEASE)


def _work_on(
    session: Session, row: InboundMessage, prepared: Prepared | None, taking: Taking | None
) -> Taking | None:
    """One portion, mostly all of it; gives what is left. A fault of ours ends the message, what was taken stays."""
    row.processed_at = clock.now()
    try:
        with session.begin_nested():
            outcome = _work(session, row, prepared, taking)
    except Exception as error:
        log.error("message %s could not be worked on: %s", row.id, describe_fault(error))
        outcome = InboundState.ERROR, type(error).__name__
    if isinstance(outcome, Taking):
        return outcome
    row.state, row.state_reason = outcome
    if prepared is not None and prepared.is_large:
        release_lease(session, PORTIONS, OWNER, clock.now())
    return None


def _next() -> Select[InboundMessage]:
    return select(InboundMessage).where(is_in(InboundState.NEW)).order_by(InboundMessage.id).limit(1)


def _prepare_next() -> Prepared | _Broken | None:
    """Read the next message's results and check what it carries, before a unit that writes is open."""
    with read_unit() as session:
        row = session.execute(_next()).scalar_one_or_none()
        if row is None or not has_results(row):
            return None
        message_id, laboratory = row.id, session.get_one(Laboratory, row.laboratory_id)
        try:
            prepared = prepare_results(row, laboratory)
        except SQLAlchemyError:  # the database's fault, not the message's
            raise
        except Exception as error:
            return _break(message_id, error)
    try:
        return check(prepared)
    except OSError:  # the disk's
        raise
    except Exception as error:
        return _break(message_id, error)


def _break(message_id: str, error: Exception) -> _Broken:
    log.error("message %s could not be read: %s", message_id, describe_fault(error))
    return _Broken(message_id, type(error).__name__)


def _work(
    session: Session, row: InboundMessage, prepared: Prepared | None, taking: Taking | None
) -> tuple[InboundState, str] | Taking:
    if prepared is not None and has_results(row):
        return apply_results(session, row, prepared, taking)
    if row.laboratory_id is not None:
        return apply_order_word(session, row)
    return apply_acknowledgement(session, row)


def apply_order_word(session: Session, row: InboundMessage) -> tuple[InboundState, str]:
    """Give an order message the laboratory's own word (ACK or ORL); held when it speaks of none that it was sent."""
    try:
        found = read_acknowledgement(row.raw)
    except Unreadable as fault:
        return InboundState.HELD, f"It is no acknowledgement: {fault}"
    sent = session.execute(select(OrderMessage).where(
        OrderMessage.laboratory_id == row.laboratory_id, OrderMessage.control_id == found.control_id)
    ).unique().scalar_one_or_none()
    if sent is None:
        return InboundState.HELD, "It speaks of an order message that this laboratory was never sent."
    if not found.is_application_level:
        return InboundState.APPLIED, "It says only that the message was received."
    if not record_word(session, sent, classify(found), row.processed_at or clock.now()):
        return InboundState.APPLIED, "It says nothing that was not known."
    return InboundState.APPLIED, ""


def apply_acknowledgement(session: Session, row: InboundMessage) -> tuple[InboundState, str]:
    """Give a delivery the authority's own word; held when it speaks of nothing that this sender was sent."""
    try:
        found = read_acknowledgement(row.raw)
    except Unreadable as fault:
        return InboundState.HELD, f"It is no acknowledgement: {fault}"
    delivery = session.execute(
        select(Delivery).where(Delivery.channel == NAME, Delivery.idempotency_key == found.control_id)
    ).scalar_one_or_none()
    if delivery is None or not _is_from(session.get_one(Authority, delivery.authority_id), row.sender):
        return InboundState.HELD, "It speaks of a message that this sender was never sent."
    row.delivery_id = delivery.id
    if not found.is_application_level:
        return InboundState.APPLIED, "It says only that the message was received."
    if not record_own_word(session, delivery, classify(found), row.processed_at or clock.now()):
        return InboundState.APPLIED, "It says nothing that was not known."
    return InboundState.APPLIED, ""


def _is_from(authority: Authority, sender: str) -> bool:
    try:
        peer = parse_peer(authority.endpoint)
    except ValueError:
        return False
    return sender == f"{peer.application}|{peer.facility}"
