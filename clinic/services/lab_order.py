"""What is asked of laboratories: one order a test, made from the case's requirements, all in the case's one referral.

A result may still be entered without an order: it is recorded as before, and no order is in work for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flask_babel import gettext as _
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.counter import next_number
from clinic.db import db
from clinic.errors import AlreadyDone, InvalidInput, NotFound, NotNow
from clinic.identifier import build_order_number, build_referral_number
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import (
    Case,
    LabOrder,
    LabOrderState,
    LabReferral,
    LabResult,
    Requirement,
    RequirementState,
    Specimen,
    User,
)
from clinic.models.lab_order import LIVE
from clinic.services.order_answer import list_answered
from clinic.services.order_message import REFUSED, cancel_at_laboratory
from clinic.services.order_reason import list_reasons
from clinic.services.requirement import list_requirements
from clinic.services.task import close_tasks_about

S = LabOrderState
# From each state, where an order may go. Back: a specimen was rejected, withdrawn or sent on, a result taken back.
STEPS: dict[LabOrderState, frozenset[LabOrderState]] = {
    S.ORDERED: frozenset({S.COLLECTED, S.SENT, S.RECEIVED, S.RESULTED, S.CANCELLED}),
    S.COLLECTED: frozenset({S.ORDERED, S.SENT, S.RECEIVED, S.RESULTED, S.CANCELLED}),
    S.SENT: frozenset({S.ORDERED, S.RECEIVED, S.RESULTED, S.CANCELLED}),
    S.RECEIVED: frozenset({S.ORDERED, S.SENT, S.RESULTED, S.CANCELLED}),
    S.RESULTED: frozenset({S.ORDERED, S.COLLECTED, S.SENT, S.RECEIVED}),
    S.CANCELLED: frozenset(),
}


def place_orders(case: Case, actor: User) -> list[LabOrder]:
    """Order what the case's open requirements ask for and nobody has ordered; gives the new ones.

    What was ordered, not yet collected, and is not asked for any more is cancelled. Sputum is ordered when it is taken.
    """
    workflow.ensure_recording(case)
    _cancel_unasked(case, actor)
    made = [_write(case, test, actor, requirement=requirement) for test, requirement in list_to_order(case)]
    if made:
        _finish(case, made, "order-tests", actor)
    return made


def list_to_order(case: Case) -> list[tuple[LaboratoryTest, Requirement]]:
    """(test, what asks for it) of the open requirements, without those ordered or with a current result."""
    ordered = {row.test for row in list_orders(case) if row.is_live}
    asking = {row.exam: row for row in list_requirements(case) if row.state is RequirementState.OPEN}
    return [(test, asking[exam]) for test, exam in match_tests(asking, ordered, _list_entered(case))]


def is_to_draw(case: Case, test: str) -> bool:
    """Whether the draw of the case would take it: asked for by the rules, or ordered, and not drawn yet."""
    return any(each.name == test for each, _requirement in list_to_order(case)) or any(
        order.test == test and order.state is LabOrderState.ORDERED for order in list_orders(case))


def match_tests(
    exams: Collection[str], ordered: Collection[str], entered: Collection[str]
) -> list[tuple[LaboratoryTest, str]]:
    """(test, examination) of what is to be drawn for open `exams`; not what is ordered, or entered and no repeat."""
    found: dict[str, tuple[LaboratoryTest, str]] = {}
    for exam in exams:
        for test in list_tests().values():
            if (test.tube and exam in test.exams and not test.asked_after and test.name not in ordered
                    and (exam.endswith("-repeat") or test.name not in entered)):
                found.setdefault(test.name, (test, exam))
    return list(found.values())


def order_test(case: Case, test: str, actor: User, reason: str = "", specimen: Specimen | None = None) -> LabOrder:
    """Order one test by hand, or for a specimen that exists. Raises InvalidInput for an unknown or doubled one."""
    workflow.ensure_recording(case)
    row = list_tests().get(test)
    if row is None or not (row.tube or row.specimen):
        raise InvalidInput(_("Please correct what is marked."), fields={"test": [_("Choose a test of the list.")]})
    if find_live_order(case, test, specimen.id if specimen else None) is not None:
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"test": [
            _("This test is ordered already. Cancel that order first, or record its result.")]})
    workflow.mark_touched(case)
    made = _write(case, row, actor, reason, specimen)
    _finish(case, [made], "order-tests", actor, reason)
    return made


def order_for_specimen(specimen: Specimen, tests: Sequence[str], actor: User) -> list[LabOrder]:
    """Order `tests` of a specimen that was just taken (sputum), where they are not in work for it."""
    case = specimen.case
    made = [_write(case, list_tests()[name], actor, specimen=specimen) for name in tests
            if find_live_order(case, name, specimen.id) is None]
    if made:
        _finish(case, made, "order-tests", actor)
    return made


def cancel_order(order: LabOrder, reason: str, actor: User) -> None:
    """Take an order back, with the reason. Raises NotNow once it has a result, AlreadyDone when it is cancelled."""
    if order.state is S.CANCELLED:
        raise AlreadyDone(_("Somebody has cancelled this order already."), order=order.id)
    if order.state is S.RESULTED or has_current_result(order):
        raise NotNow(_("This order has a result: withdraw that first, with its reason."), order=order.id)
    _cancel(order, reason, actor)
    _finish(order.case, [order], "cancel-order", actor, reason)


def reorder(order: LabOrder, reason: str, actor: User) -> LabOrder:
    """Ask for the same test again on a new specimen; the old order is cancelled with the reason."""
    if order.state is S.CANCELLED:
        raise AlreadyDone(_("Somebody has cancelled this order already."), order=order.id)
    if has_current_result(order):
        raise NotNow(_("This order has a result: withdraw that first, with its reason."), order=order.id)
    _cancel(order, reason, actor)
    made = _write(order.case, list_tests()[order.test], actor, reason, requirement=_find_requirement(order))
    made.replaces_id = order.id
    _finish(order.case, [order, made], "reorder-test", actor, reason)
    return made


def move(order: LabOrder, to: LabOrderState) -> None:
    """Take an order a step on (or back); the same state changes nothing. Raises NotNow for a step unknown here."""
    if order.state is to:
        return
    if to not in STEPS[order.state]:
        raise NotNow(_("This order is %(state)s: look at it again.", state=order.state.value), order=order.id)
    order.state, order.changed_at = to, clock.now()


def lose_specimen(specimen: Specimen, reason: str, actor: User) -> list[LabOrder]:
    """A specimen is no more (withdrawn, rejected): its open orders are cancelled, those of a draw asked for again.

    Sputum is ordered anew when the next one is taken. Gives the new orders.
    """
    orders = list(db.session.execute(
        select(LabOrder).where(LabOrder.specimen_id == specimen.id, text(f"lab_order.{LIVE}")).order_by(LabOrder.id)
    ).unique().scalars())
    made = []
    for order in orders:
        if specimen.tube is None:
            cancel_order(order, reason, actor)
        else:
            made.append(reorder(order, reason, actor))
    return made


def follow_result(row: LabResult, actor: User) -> None:
    """Bring the order of a result in line with it; a counting result may ask for the test that follows it."""
    order = get_order_of(row)
    if order is None or order.state is S.CANCELLED:
        return
    move(order, S.RESULTED if row.counts else _state_of(order.specimen))
    if row.counts:
        close_tasks_about(REFUSED, order.id, "not-needed", actor)
        _order_followers(row, order, actor)


def attach_result(row: LabResult) -> None:
    """Name the order that a new result answers, where one is in work; a correction stays with its series' order."""
    earlier = None if row.series_id is None else db.session.execute(
        select(LabResult.order_id).where(LabResult.series_id == row.series_id, LabResult.order_id.is_not(None)).limit(1)
    ).scalar_one_or_none()
    if earlier is not None:
        row.order_id = earlier
        return
    order = find_live_order(row.case, row.test, row.specimen_id) or _find_order_of_specimen(row)
    row.order_id = order.id if order is not None else None


def get_order(case: Case, order_id: str) -> LabOrder:
    """An order of `case`. Raises NotFound."""
    order = db.session.get(LabOrder, order_id)
    if order is None or order.case_id != case.id:
        raise NotFound(_("There is no such order on this case."), case=case.id, order=order_id)
    return order


def get_order_of(row: LabResult) -> LabOrder | None:
    """The order that a result answers; None for one entered without."""
    return db.session.get(LabOrder, row.order_id) if row.order_id else None


def find_referral(case: Case) -> LabReferral | None:
    """The case's referral, if anything was ever ordered."""
    return db.session.execute(select(LabReferral).where(LabReferral.case_id == case.id)).scalar_one_or_none()


def list_orders(case: Case) -> list[LabOrder]:
    """Every order of the case, oldest first, cancelled ones too."""
    return list(db.session.execute(
        select(LabOrder).where(LabOrder.case_id == case.id).order_by(LabOrder.id)).unique().scalars())


def find_live_order(case: Case, test: str, specimen_id: str | None = None) -> LabOrder | None:
    """The order in work for a test; with `specimen_id` the one of that specimen."""
    query = select(LabOrder).where(LabOrder.case_id == case.id, LabOrder.test == test, text(f"lab_order.{LIVE}"))
    if specimen_id is not None:
        query = query.where(LabOrder.specimen_id == specimen_id)
    return db.session.execute(query.order_by(LabOrder.id).limit(1)).unique().scalar_one_or_none()


def has_current_result(order: LabOrder) -> bool:
    """Whether a result of it stands, confirmed or not."""
    return order.id in list_answered(order.case)


def list_results_on(specimen: Specimen) -> list[LabResult]:
    """The current results made on a specimen: those that name it, and of a tube those that answer its orders."""
    orders = select(LabOrder.id).where(LabOrder.specimen_id == specimen.id)
    rows = db.session.execute(select(LabResult).where(
        LabResult.case_id == specimen.case_id,
        (LabResult.specimen_id == specimen.id) | LabResult.order_id.in_(orders)).order_by(LabResult.id))
    return [row for row in rows.unique().scalars() if row.is_current]


def _order_followers(row: LabResult, order: LabOrder, actor: User) -> None:
    """The tests that this value asks for, on the same specimen: nobody is pricked again."""
    entered = _list_entered(row.case)
    made = []
    for test in list_tests().values():
        if test.asked_after != (row.test, row.value) or test.name in entered:
            continue
        if find_live_order(row.case, test.name) is None:
            same = order.specimen if order.specimen is not None and order.specimen.tube == test.tube else None
            made.append(_write(row.case, test, actor, _("after %(test)s", test=list_tests()[row.test].label), same))
    if made:
        _finish(row.case, made, "order-tests", actor)


def _find_order_of_specimen(row: LabResult) -> LabOrder | None:
    """The order that a further result of the same specimen answers: the culture on the other medium."""
    if row.specimen_id is None:
        return None
    return db.session.execute(
        select(LabOrder).where(LabOrder.specimen_id == row.specimen_id, LabOrder.test == row.test,
                               LabOrder.state != S.CANCELLED).order_by(LabOrder.id.desc()).limit(1)
    ).unique().scalar_one_or_none()


def _cancel_unasked(case: Case, actor: User) -> None:
    orders = list_orders(case)
    reasons = list_reasons(orders)
    gone = [row for row in orders if row.state is S.ORDERED and not reasons[row.id].asked
            and (asking := _find_requirement(row)) is not None and asking.state is RequirementState.WITHDRAWN]
    for row in gone:
        _cancel(row, _("No longer asked for"), actor)
    if gone:
        _finish(case, gone, "cancel-order", actor)


def _find_requirement(order: LabOrder) -> Requirement | None:
    return db.session.get(Requirement, order.requirement_id) if order.requirement_id else None


def _list_entered(case: Case) -> set[str]:
    """The tests with a current result, confirmed or not."""
    rows = db.session.execute(select(LabResult).where(LabResult.case_id == case.id)).unique().scalars()
    return {row.test for row in rows if row.is_current}


def _cancel(order: LabOrder, reason: str, actor: User) -> None:
    move(order, S.CANCELLED)
    order.cancelled_by_id, order.cancelled_reason = actor.id, reason
    cancel_at_laboratory(order, reason, actor)


def _state_of(specimen: Specimen | None) -> LabOrderState:
    """Where an order without a counting result stands, by its specimen."""
    if specimen is None or specimen.withdrawn_at or specimen.rejected_at:
        return S.ORDERED
    if specimen.received_at:
        return S.RECEIVED
    return S.SENT if specimen.sent_at else S.COLLECTED


def _write(case: Case, test: LaboratoryTest, actor: User, reason: str = "", specimen: Specimen | None = None,
           requirement: Requirement | None = None) -> LabOrder:
    referral = find_referral(case) or _open_referral(case, actor)
    if requirement is None:
        requirement = next((row for row in list_requirements(case) if row.exam in test.exams
                            and row.state is RequirementState.OPEN), None)
    row = LabOrder(
        case_id=case.id, case=case, referral_id=referral.id, referral=referral, test=test.name, reason=reason,
        requirement_id=requirement.id if requirement else None, specimen_id=specimen.id if specimen else None,
        specimen=specimen, state=_state_of(specimen), ordered_at=clock.now(), changed_at=clock.now(),
        ordered_by_id=actor.id,
        number=build_order_number(case.site.code, next_number(case.site_id, "order")),
    )
    db.session.add(row)
    db.session.flush()
    return row


def _open_referral(case: Case, actor: User) -> LabReferral:
    """The case's one referral; who opens it at the same moment gets the other's."""
    row = LabReferral(case_id=case.id, opened_at=clock.now(), opened_by_id=actor.id,
                      number=build_referral_number(case.site.code, next_number(case.site_id, "referral")))
    try:
        with db.session.begin_nested():
            db.session.add(row)
    except IntegrityError:
        found = find_referral(case)
        if found is None:
            raise
        return found
    return row


def _finish(case: Case, orders: Sequence[LabOrder], action: str, actor: User, reason: str = "") -> None:
    detail: dict[str, object] = {"orders": [row.number for row in orders], "tests": [row.test for row in orders]}
    if reason:
        detail["reason"] = reason
    record_change(action, "lab-order", orders[0].id, case_id=case.id, site_id=case.site_id, detail=detail,
                  actor_id=actor.id, actor_kind="user")
    db.session.flush()
