"""A laboratory's message found by a number: its own (MSH-10), the laboratory's of a result, or one of ours.

Who telephones names one of these; the lists are by state and as long as years.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import defer

from clinic.db import db
from clinic.identifier import list_order_numbers, list_specimen_numbers, to_key
from clinic.models import FOR_A_PERSON, InboundMessage, Laboratory, LabOrder, ReportedResult, Specimen

FOUND_MOST = 50


def find_messages(laboratories: Sequence[Laboratory], typed: str) -> list[InboundMessage]:
    """The messages of these laboratories that have the typed number or name it, newest first, without their bytes."""
    number, ids = typed.strip(), [one.id for one in laboratories]
    if not number or not ids:
        return []
    found = set(db.session.execute(select(InboundMessage.id).where(
        InboundMessage.sender.in_(_list_senders(laboratories)), InboundMessage.control_id == number,
        InboundMessage.laboratory_id.in_(ids)).limit(FOUND_MOST)).scalars())
    theirs = [number, *(f"{number}^{giver}" for one in laboratories for giver in (one.facility, one.application))]
    for condition in (ReportedResult.filler.in_(theirs), *_list_conditions(laboratories[0].site_id, number)):
        found |= set(db.session.execute(select(ReportedResult.message_id).where(
            ReportedResult.laboratory_id.in_(ids), condition).limit(FOUND_MOST)).scalars())
    return list(db.session.execute(
        select(InboundMessage).where(InboundMessage.id.in_(found)).order_by(InboundMessage.id.desc()).limit(FOUND_MOST)
        .options(defer(InboundMessage.raw), defer(InboundMessage.answer))).scalars())


def _list_conditions(site_id: str, number: str) -> Iterator[ColumnElement[bool]]:
    """By our order or specimen: what was found to be its case's, and what nobody has decided about."""
    if orders := list_order_numbers(number):
        said = ReportedResult.placer.in_({number, *orders, *map(to_key, orders)})
        cases = select(LabOrder.case_id).where(LabOrder.number.in_(orders))
        yield ReportedResult.case_id.in_(cases) & said
        yield (ReportedResult.site_id == site_id) & ReportedResult.state.in_(FOR_A_PERSON) & said
    if specimens := list_specimen_numbers(number):
        tubes = select(Specimen.id).where(Specimen.number.in_(specimens))
        cases = select(Specimen.case_id).where(Specimen.number.in_(specimens))
        yield ReportedResult.case_id.in_(cases) & ReportedResult.specimen_id.in_(tubes)


def _list_senders(laboratories: Sequence[Laboratory]) -> list[str]:
    """What stands as the sender of each way in."""
    return [text for one in laboratories for text in (
        f"{one.application}|{one.facility}", f"{one.application}|{one.facility}|{one.our_facility}|csv",
        f"{one.application}|{one.facility}|{one.our_facility}|api", one.folder) if text]
