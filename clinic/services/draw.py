"""A draw: which containers a person needs, taken at one time by somebody who knows who is in front of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from clinic import clock, workflow
from clinic.db import db
from clinic.errors import InvalidInput
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import Case, LabOrder, LabOrderState, Specimen, SpecimenEventKind, SpecimenKind, User
from clinic.services import assessment, lab_order
from clinic.services.confidential import list_refused
from clinic.services.handover import write_event
from clinic.services.specimen import give_number
from clinic.tube import Tube, list_tubes


@dataclass
class DueTube:
    """One kind of container that is due, the tests it is for, and why again where it is."""

    tube: Tube
    tests: list[LaboratoryTest] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def list_due_tubes(case: Case) -> list[DueTube]:
    """The containers due on a case in the order of the draw: of orders not collected, and of what will be ordered.

    Nothing is drawn for a test to which the applicant did not agree, until they do.
    """
    ordered = [(list_tests()[order.test], order.reason if order.replaces_id else "")
               for order in list_uncollected(case)]
    new = ((test, "") for test, _requirement in lab_order.list_to_order(case))
    return group_tubes([*ordered, *new], list_refused_here(case))


def list_refused_here(case: Case) -> set[str]:
    """The tests of a case to which the applicant did not agree."""
    return list_refused([case.id]).get(case.id, set())


def group_tubes(wanted: Iterable[tuple[LaboratoryTest, str]], refused: Collection[str] = ()) -> list[DueTube]:
    """(test, why again) put together by the container they are drawn into, without the tests `refused`."""
    found: dict[str, DueTube] = {}
    for test, reason in wanted:
        if test.name in refused:
            continue
        due = found.setdefault(test.tube, DueTube(list_tubes()[test.tube]))
        if test not in due.tests:
            due.tests.append(test)
        if reason and reason not in due.reasons:
            due.reasons.append(reason)
    return [found[name] for name in list_tubes() if name in found]


def list_uncollected(case: Case) -> list[LabOrder]:
    """The orders for which nothing has been drawn."""
    return [row for row in lab_order.list_orders(case)
            if row.state is LabOrderState.ORDERED and list_tests()[row.test].tube]


def draw(case: Case, tubes: Collection[str], at: time | None, place: str, actor: User) -> list[Specimen]:
    """Record what was drawn: one numbered specimen for each kind of container, its orders collected.

    `at` is the time on the site's clock, before midnight of yesterday (`clock.find_moment`); None: now. Raises
    InvalidInput for a container that is not due, none at all, or a time still to come.
    """
    workflow.ensure_recording(case)
    due = {each.tube.name: each for each in list_due_tubes(case)}
    chosen = [each for name, each in due.items() if name in tubes]
    if not chosen or len(chosen) != len(set(tubes)):
        raise InvalidInput(_("Please correct what is marked."), case=case.id, fields={"tubes": [
            _("Tick at least one container.") if not tubes else _("The list has changed: look at it again.")]})
    moment = _find_moment(case, at)
    workflow.mark_touched(case)
    lab_order.place_orders(case, actor)
    refused = list_refused_here(case)
    waiting = [order for order in list_uncollected(case) if order.test not in refused]
    made = [_take(case, each.tube, moment, waiting, place, actor) for each in chosen]
    assessment.refresh(case)
    return made


def _take(case: Case, tube: Tube, moment: datetime, waiting: Sequence[LabOrder], place: str, actor: User) -> Specimen:
    row = Specimen(
        case_id=case.id, case=case, number=give_number(case), kind=SpecimenKind(tube.kind), tube=tube.name,
        collected_on=moment.astimezone(ZoneInfo(case.site.time_zone)).date(), collected_at=moment,
        recorded_at=clock.now(), recorded_by_id=actor.id,
    )
    db.session.add(row)
    db.session.flush()
    for order in waiting:
        if list_tests()[order.test].tube == tube.name:
            order.specimen_id = row.id
            lab_order.move(order, LabOrderState.COLLECTED)
    write_event(row, SpecimenEventKind.DRAWN, actor, place)
    return row


def _find_moment(case: Case, at: time | None) -> datetime:
    moment = clock.find_moment(at, case.site.time_zone, case.opened_at)
    if moment > clock.now() + clock.LATEST:
        raise InvalidInput(_("Please correct what is marked."), fields={"time": [
            _("This time is still to come. A time of yesterday counts for 12 hours, from the opening of the case "
              "on.")]})
    return min(moment, clock.now())
