"""Orders sent to a partner laboratory: queued in the transaction that decides, one message for each order and act."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    CodeMapping,
    DeliveryState,
    Laboratory,
    LabOrder,
    LabOrderState,
    MapKind,
    OrderAct,
    OrderAttempt,
    OrderMessage,
    User,
)
from clinic.ports import OrderToSend, ports
from clinic.services.order_answer import list_answered
from clinic.services.order_reason import find_reason, list_reasons
from clinic.services.task import close_tasks_about, open_task

SENDABLE = (LabOrderState.ORDERED, LabOrderState.COLLECTED, LabOrderState.SENT, LabOrderState.RECEIVED)
FOR_A_PERSON = (DeliveryState.REJECTED, DeliveryState.DEAD)
REFUSED = "order-refused"  # the kind of its task
LIVE = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.ACCEPTED)


def send_orders(case: Case, laboratory: Laboratory, order_ids: Sequence[str], actor: User) -> list[OrderMessage]:
    """Ask a laboratory for these orders of a case: a message each, or for an order changed since, its change.

    Raises InvalidInput when none is named, one is not in work or has a result, or another laboratory has it already;
    Misconfigured when a message could not be composed: nothing is queued then.
    """
    if laboratory.site_id != case.site_id or not laboratory.active:
        raise NotFound(_("There is no such laboratory at your site."), laboratory=laboratory.id)
    if not laboratory.endpoint:
        raise NotNow(_("This laboratory gets its orders on paper: print the referral letter."),
                     laboratory=laboratory.id)
    rows = {row.id: row for row in db.session.execute(
        select(LabOrder).where(LabOrder.case_id == case.id)).unique().scalars()}
    wanted = [rows[one] for one in dict.fromkeys(order_ids) if one in rows]
    holders = {row.id: find_holder(row) for row in wanted}
    answered = list_answered(case)
    bad = [row for row in wanted if row.state not in SENDABLE or row.id in answered
           or ((holder := holders[row.id]) is not None and holder.laboratory_id != laboratory.id)]
    if not wanted or bad:
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"orders": [
            _("Tick orders that are in work without a result, and that no other laboratory has.")]})
    made, reasons = [], list_reasons(rows.values())
    for row in wanted:
        act = OrderAct.NEW if holders[row.id] is None else OrderAct.CHANGE
        unsure = find_unsure(row)
        if unsure is not None and unsure.laboratory_id != laboratory.id:
            _queue(row, unsure.laboratory, OrderAct.CANCEL, _("Sent to another laboratory"), actor)
        row.laboratory_id = laboratory.id
        made.append(_queue(row, laboratory, act, reasons[row.id].say(), actor))
    return made


def cancel_at_laboratory(order: LabOrder, reason: str, actor: User) -> OrderMessage | None:
    """Tell the laboratory that an order is taken back, where it was told of it, or may have been; None elsewhere."""
    close_tasks_about(REFUSED, order.id, "not-needed", actor)
    holder = find_holder(order) or find_unsure(order)
    if holder is None:
        return None
    return _queue(order, db.session.get_one(Laboratory, holder.laboratory_id), OrderAct.CANCEL, reason, actor)


def find_holder(order: LabOrder) -> OrderMessage | None:
    """The last message by which a laboratory has the order; None where none has it. What was refused, or never arrived,
    changes nothing: after a refused change the laboratory still has the order as it was."""
    last = {row.laboratory_id: row for row in _list_about(order) if row.state not in FOR_A_PERSON}
    return max((row for row in last.values() if row.act is not OrderAct.CANCEL), key=lambda row: row.id, default=None)


def find_unsure(order: LabOrder) -> OrderMessage | None:
    """The given-up message by which a laboratory may have the order: an attempt at it had no answer. None elsewhere."""
    last = {row.laboratory_id: row for row in _list_about(order)}
    return next((row for row in last.values() if _is_unsure(row)), None)


def takes_back_unsure(cancellation: OrderMessage) -> bool:
    """Whether it takes back what its laboratory perhaps never had."""
    before = [row for row in _list_about(cancellation.order) if row.id < cancellation.id
              and row.laboratory_id == cancellation.laboratory_id and row.act is not OrderAct.CANCEL]
    return bool(before) and _is_unsure(before[-1])


def may_have_arrived(message: OrderMessage) -> bool:
    """Whether an attempt at it had no answer."""
    return any(one.outcome is DeliveryState.UNKNOWN for one in list_attempts(message))


def tell_refused(row: OrderMessage) -> None:
    """A laboratory does not take what it was asked, or it never arrived: somebody has to know, or nobody tests it.

    But for the cancellation of what perhaps never arrived, which it refuses because it knows of no such order.
    """
    if row.act is OrderAct.CANCEL and row.state is DeliveryState.REJECTED and takes_back_unsure(row):
        return
    open_task(REFUSED, row.order.case, row.id, subject_id=row.order_id, detail=row.order.number)


def may_send_again(message: OrderMessage) -> bool:
    """Whether a refused or given-up message is still wanted: a cancellation is, an order while it is open."""
    return message.state in FOR_A_PERSON and (
        message.act is OrderAct.CANCEL or message.order.state not in (LabOrderState.CANCELLED, LabOrderState.RESULTED))


def _list_about(order: LabOrder) -> Sequence[OrderMessage]:
    return db.session.execute(select(OrderMessage).where(OrderMessage.order_id == order.id)
                              .order_by(OrderMessage.id)).unique().scalars().all()


def _is_unsure(row: OrderMessage) -> bool:
    return row.state is DeliveryState.DEAD and row.act is not OrderAct.CANCEL and may_have_arrived(row)


def list_messages(case: Case) -> list[OrderMessage]:
    """Every message about the case's orders, oldest first."""
    return list(db.session.execute(
        select(OrderMessage).where(OrderMessage.case_id == case.id).order_by(OrderMessage.id)).unique().scalars())


def list_attempts(message: OrderMessage) -> list[OrderAttempt]:
    """What happened to a message, oldest first."""
    return list(db.session.execute(
        select(OrderAttempt).where(OrderAttempt.message_id == message.id).order_by(OrderAttempt.id)).scalars())


def send_again(message: OrderMessage, actor: User) -> OrderMessage:
    """Queue a refused or given-up message anew, composed of what stands now and under a new number."""
    if message.state not in FOR_A_PERSON:
        raise NotNow(_("This message is on its way, or arrived. Look again."), sent=message.id)
    if not may_send_again(message):
        raise NotNow(_("This order is cancelled or has its result: nothing is sent for it any more."), sent=message.id)
    order = message.order
    return _queue(order, message.laboratory, message.act, order.cancelled_reason or find_reason(order).say(), actor)


def _queue(order: LabOrder, laboratory: Laboratory, act: OrderAct, reason: str, actor: User) -> OrderMessage:
    case = order.case
    close_tasks_about(REFUSED, order.id, "sent-anew", actor)
    number = next_number(case.site_id, "message") % 10**6  # the counter that numbers every message of the site
    control_id = f"{case.site.code[:8]}{clock.now():%y%m%d}{number:06}"
    theirs = db.session.execute(select(CodeMapping).where(
        CodeMapping.laboratory_id == laboratory.id, CodeMapping.kind == MapKind.TEST, CodeMapping.ours == order.test)
        .order_by(CodeMapping.id).limit(1)).scalar_one_or_none()
    body = ports.compose_order(OrderToSend(
        order=order, laboratory=laboratory, act=act.value, control_id=control_id, reason=reason,
        label=list_tests()[order.test].label,
        their_code=(theirs.code, theirs.text or theirs.code, theirs.system or "L") if theirs else None,
        orderer=db.session.get_one(User, order.ordered_by_id)))
    row = OrderMessage(
        site_id=case.site_id, laboratory_id=laboratory.id, order_id=order.id, order=order, case_id=case.id, act=act,
        control_id=control_id, body=body, queued_at=clock.now(), next_attempt_at=clock.now(), attempts=0,
        state=DeliveryState.QUEUED)
    db.session.add(row)
    db.session.flush()
    record_change("send-order", "lab-order", order.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  actor_kind="user", detail={"act": act.value, "laboratory": laboratory.id, "message": row.id})
    return row
