"""Where a case's results came from, as its pages show it: laboratory and door, and the printed reports beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_login import current_user

from clinic.models import Case, LabDocument, LabResult
from clinic.permissions import Permission, has_permission
from clinic.queries.reported import list_origins
from clinic.services.confidential_report import is_document_hidden
from clinic.services.lab_document import list_documents
from clinic.services.lab_order import list_orders
from clinic.web.clinical_format import clinical_time
from clinic.web.reported_word import WAY_WORDS
from clinic.web.station_page import is_blind

P = Permission
READERS = (P.ENTER_RESULT, P.CONFIRM_RESULT, P.MAP_RESULTS, P.RECORD_EXAM)  # of what a laboratory said, as it said it


def tell_origins(rows: Iterable[LabResult], case: Case) -> dict[str, dict[str, Any]]:
    """For each result that a laboratory reported: which, by what door and when; the way there for who may go it.

    Who is to type a value a second time is not led to the first. What the laboratory has said otherwise since, and what
    nobody has decided about, is said beside the result that it would replace.
    """
    by_id, may_read = {row.id: row for row in rows}, _may_read(case)

    def lead(result_id: str, reported_id: str | None) -> str | None:
        leads = reported_id and may_read and not is_blind(by_id[result_id])
        return url_for("reported.show", reported_id=reported_id) if leads else None

    return {
        result_id: {
            "laboratory": one.laboratory, "way": str(WAY_WORDS[one.way]), "came": clinical_time(one.received_at),
            "url": lead(result_id, one.reported_id), "later_url": lead(result_id, one.later_id),
            "is_doubted": one.later_id is not None and by_id[result_id].is_current}
        for result_id, one in list_origins(by_id).items()}


def tell_reports(case: Case, order_id: str | None = None) -> list[dict[str, Any]]:
    """The printed reports of a case, or of one order of it; nothing to who came by an emergency from another site."""
    if case.site_id != current_user.site_id:
        return []
    rows = [row for row in list_documents(case) if order_id is None or row.order_id == order_id]
    numbers = {one.id: one.number for one in list_orders(case)} if rows else {}
    return [_tell_report(case, row, numbers.get(row.order_id or "", "")) for row in rows]


def find_confidential(case: Case, then: str) -> str | None:
    """Where the reader opens the case's confidential results with a reason, and goes on; None: not for their role."""
    return url_for("confidential.view", case_id=case.id, next=then) if has_permission(P.SEE_CONFIDENTIAL) else None


def init_laboratory_origin(app: Flask) -> None:
    """Give templates what this file tells."""
    app.jinja_env.filters.update(origins_in=tell_origins, printed_reports=tell_reports)


def _tell_report(case: Case, row: LabDocument, order: str) -> dict[str, Any]:
    is_hidden = is_document_hidden(row, current_user)
    url = url_for("reported.file", document_id=row.id) if _may_read(case) else None
    if is_hidden and url:
        url = find_confidential(case, url_for("laboratory.sheet", case_id=case.id))
    may_detach = case.site_id == current_user.site_id and has_permission(P.ENTER_RESULT)
    return {"title": row.title or _("Report"), "laboratory": row.laboratory.name, "order": order, "url": url,
            "page": url_for("reported.document", document_id=row.id) if may_detach else None,
            "came": clinical_time(row.received_at), "is_hidden": is_hidden}


def _may_read(case: Case) -> bool:
    return case.site_id == current_user.site_id and any(has_permission(one) for one in READERS)
