"""Which of what laboratories sent tells a confidential result: a reported result, its message, a printed report.

What belongs to a case opens with that case's confidential results (clinic/services/confidential.py). What belongs to
nobody yet is shown to who may see confidential results at all and asks for it: else nobody could say what its words
mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import select

from clinic.db import db
from clinic.identifier import list_order_numbers
from clinic.lab_report import ReportedPanel, ReportedValue, from_plain
from clinic.laboratory_test import list_tests
from clinic.models import LabDocument, LabOrder, LabResult, ReportedResult, User
from clinic.permissions import Permission, permissions_of
from clinic.services.confidential import may_see


def is_reported_hidden(row: ReportedResult, user: User, asked: bool = False) -> bool:
    """Whether the value of a reported result is not for `user` now; `asked`: for one that is nobody's yet."""
    return is_confidential(row) and not _may_see(row.case_id, user, asked)


def is_confidential(row: ReportedResult) -> bool:
    """Whether a reported result is of a confidential test; of an unknown code, whether its words or its order are."""
    if row.test:
        return _is_guarded(row.test)
    _person, panel = from_plain(row.content)
    said: list[ReportedPanel | ReportedValue] = [panel, *panel.values]
    words = " ".join(" ".join((one.code, one.text, one.second_code, one.second_text)) for one in said)
    return names_confidential(words) or any(_is_guarded(test) for test in _list_asked(row.placer))


def _list_asked(placer: str) -> list[str]:
    """The test that the order of this number asked for; none where it is none of ours."""
    if not placer:
        return []
    named = LabOrder.number.in_(list_order_numbers(placer))
    return list(db.session.execute(select(LabOrder.test).where(named)).scalars())


def names_confidential(words: str) -> bool:
    """Whether words of somebody else name a confidential test."""
    return any(re.search(rf"\b{test.panel}", words, re.IGNORECASE) for test in list_tests().values() if test.guarded)


def is_wording_hidden(words: str, user: User, asked: bool = True) -> bool:
    """Whether an authority's or a laboratory's words, of no result, are not for `user`; `asked`: who looks means to."""
    return names_confidential(words) and not _may_see(None, user, asked)


def list_hidden(rows: Iterable[ReportedResult], user: User, asked: bool = False) -> list[ReportedResult]:
    """The results for which their message, as a whole, is not for `user` now."""
    return [row for row in rows if is_reported_hidden(row, user, asked)]


def is_document_hidden(row: LabDocument, user: User) -> bool:
    """Whether a printed report may tell a confidential result that `user` has not opened.

    It may when its order asks for one, when its message brought one, or when it names no order and its case has one;
    of nobody, when it came by no message (it was taken off a case) or with the number of an order that asks for one.
    """
    return _may_tell(row) and not _may_see(row.case_id, user, asked=True)


def _may_tell(row: LabDocument) -> bool:
    brought = select(ReportedResult).where(ReportedResult.message_id == row.message_id)
    if row.message_id and any(is_confidential(one) for one in db.session.execute(brought).unique().scalars()):
        return True
    if row.case_id is None and row.message_id is None:
        return True
    asked_for: list[str] = []
    if row.case_id is None and row.placer:
        asked_for += _list_asked(row.placer)
    elif row.order_id:
        asked_for += db.session.execute(select(LabOrder.test).where(LabOrder.id == row.order_id)).scalars()
    elif row.case_id:
        for kind in (LabOrder, LabResult):
            asked_for += db.session.execute(select(kind.test).where(kind.case_id == row.case_id).distinct()).scalars()
    return any(_is_guarded(test) for test in asked_for)


def _is_guarded(test: str) -> bool:
    return list_tests()[test].guarded


def _may_see(case_id: str | None, user: User, asked: bool) -> bool:
    if case_id is None:
        return asked and Permission.SEE_CONFIDENTIAL in permissions_of(user)
    return may_see(case_id, user)
