"""The one door by which results of laboratories come in: message, file, table, JSON or printed report.

Each result becomes a row as it was reported; what comes of it is decided there and then
(clinic/services/result_intake.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.lab_report import PersonReport, ReportedPerson, to_plain
from clinic.models import FOR_A_PERSON, InboundMessage, Laboratory, ReportedResult, ReportedState
from clinic.services import release
from clinic.services.code_mapping import Dictionary, read_dictionary
from clinic.services.result_alike import find_base
from clinic.services.result_intake import decide, find_sub_id
from clinic.services.result_reading import Group, build_groups, find_status, to_utc


@dataclass(frozen=True)
class Source:
    """What a report came in with."""

    laboratory: Laboratory
    message: InboundMessage
    said_at: str  # the message's own time, ISO in UTC, where the report gives none


@dataclass
class Taking:
    """What of a message is still to be taken, over the units that this needs: nothing in it belongs to one of them."""

    left: deque[tuple[ReportedPerson, Group]]
    dictionary: Dictionary
    done: set[tuple[str, str, str, str]]  # keys of what an earlier reading of the same message decided


def begin_taking(source: Source, reports: Sequence[PersonReport]) -> Taking:
    """Everything that a message reports; one taken again adds nothing that it had.

    What waited from an earlier reading of the same message is replaced: a mapping was corrected meanwhile.
    """
    dictionary = read_dictionary(source.laboratory.id)
    left = deque((report.person, group) for report in reports for panel in report.panels
                 for group in build_groups(panel, dictionary))
    return Taking(left, dictionary, _forget_waiting(source.message))


def go_on_taking(source: Source, taking: Taking, seconds: float) -> None:
    """Keep the next results and apply what is certain: at least one, and more for `seconds`."""
    until = time.monotonic() + seconds
    while taking.left:
        person, group = taking.left.popleft()
        if _find_key(group) in taking.done:
            continue
        row = _keep(source, person, group)
        db.session.add(row)
        db.session.flush()
        decide(row, person, group, taking.dictionary)
        if time.monotonic() >= until:
            return


def _keep(source: Source, person: ReportedPerson, group: Group) -> ReportedResult:
    panel = group.panel
    return ReportedResult(
        site_id=source.laboratory.site_id, laboratory_id=source.laboratory.id, laboratory=source.laboratory,
        message_id=source.message.id, received_at=clock.now(), placer=panel.placer[:80], filler=panel.filler[:80],
        test=group.test.name if group.test else "", their_code=group.first.code[:120], sub_id=find_sub_id(group),
        status=find_status(group)[:4],
        said_at=to_utc(panel.reported_at) or source.said_at, content=to_plain(person, panel, group.values),
        state=ReportedState.WAITING, parent_inferred=False,
    )


def _find_key(group: Group) -> tuple[str, str, str, str]:
    return (group.panel.filler[:80], group.panel.placer[:80],
            find_base(group.test.name) if group.test else group.first.code[:120], find_sub_id(group))


def _forget_waiting(message: InboundMessage) -> set[tuple[str, str, str, str]]:
    """Put aside what waited from an earlier reading; gives the keys of what was decided and stays.

    So does what a person took back: read anew, it might be given to the same case.
    """
    rows = db.session.execute(select(ReportedResult).where(ReportedResult.message_id == message.id)).unique().scalars()
    kept = set()
    for row in rows:
        if row.state is ReportedState.REPLACED:
            continue
        if row.state in FOR_A_PERSON and row.result_id is None and row.decided_by_id is None:
            row.state = ReportedState.REPLACED
            release.drop_waiting(row, None)
        else:
            kept.add((row.filler, row.placer, find_base(row.test) or row.their_code, row.sub_id))
    return kept
