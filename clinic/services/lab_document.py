"""Printed reports of laboratories: checked in a process of its own, kept in the file store, attached to their order."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.caution import ensure_confirmed
from clinic.config import get_settings
from clinic.db import db
from clinic.documents.pdf_look import look_at_pdf
from clinic.errors import AlreadyDone, InvalidInput, NotFound
from clinic.file_store import open_store
from clinic.identifier import list_order_numbers
from clinic.lab_report import PersonReport, ReportedDocument, ReportedPanel, ReportedPerson
from clinic.models import Case, InboundMessage, LabDocument, Laboratory, LabOrder, User
from clinic.ports import ports
from clinic.services.lab_order import list_orders
from clinic.services.result_caution import list_cautions
from clinic.services.result_match import Suggestion, find_match
from clinic.services.result_taking import Source


def check_documents(reports: Sequence[PersonReport]) -> dict[str, str]:
    """Each printed report by its SHA-256: empty where it can be kept and was put into the store, else why not.

    It takes its time, so call it while no unit is open.
    """
    settings, found = get_settings(current_app), {}
    for content in {document.content for report in reports for document in report.documents}:
        try:
            look_at_pdf(content, settings)
        except InvalidInput as problem:
            found[hashlib.sha256(content).hexdigest()] = problem.message
            continue
        found[open_store(settings).write(content)] = ""
    return found


def keep_documents(source: Source, reports: Sequence[PersonReport], checked: Mapping[str, str]) -> list[str]:
    """Keep every printed report of a message, attached where it is certain whose it is; why each other cannot be used.

    `checked` is what `check_documents` found.
    """
    refused = []
    for report in reports:
        for document in report.documents:
            fault = checked[hashlib.sha256(document.content).hexdigest()]
            if fault:
                refused.append(fault)
            else:
                keep_document(source.laboratory, report.person, document, source.message.id)
    return refused


def keep_document(
    laboratory: Laboratory, person: ReportedPerson, document: ReportedDocument, message_id: str | None = None,
    order: LabOrder | None = None, actor: User | None = None,
) -> LabDocument:  # fmt: skip
    """Keep one printed report that was checked and stored; the same bytes of the same order are kept once."""
    sha256 = hashlib.sha256(document.content).hexdigest()
    # Whom a person hands it over for is where it stands now; a message that comes again says the same number.
    same = LabDocument.order_id == order.id if order else LabDocument.placer == document.placer[:80]
    known = db.session.execute(select(LabDocument).where(
        LabDocument.laboratory_id == laboratory.id, LabDocument.sha256 == sha256, same)).unique().scalars().first()
    if known is not None:
        return known
    certain = None if order else find_match(laboratory, person, ReportedPanel(
        placer=document.placer, specimen=document.specimen))[0]
    case_id = order.case_id if order else certain.case.id if certain else None
    order = order or (certain.order if certain else None)
    row = LabDocument(
        site_id=laboratory.site_id, laboratory_id=laboratory.id, laboratory=laboratory, message_id=message_id,
        received_at=clock.now(), placer=document.placer[:80], filler=document.filler[:80], title=document.title[:200],
        sha256=sha256, size=len(document.content), case_id=case_id, order_id=order.id if order else None,
    )
    db.session.add(row)
    db.session.flush()
    _record("keep-lab-document", row, actor or laboratory.user)
    return row


def attach_document(
    row: LabDocument, case: Case, order_id: str | None, actor: User, scanned: str = "", confirmed: Collection[str] = (),
) -> None:  # fmt: skip
    """A person says to which case, and which order of it, a printed report belongs.

    The order is the one chosen, or whose number was scanned, or that the laboratory names. Raises NeedsConfirmation for
    a case of somebody of whom the laboratory does not speak, InvalidInput for an order of another case.
    """
    if row.case_id is not None:
        raise AlreadyDone(_("This report is attached already. Look again."), document=row.id)
    if case.site_id != row.site_id:
        raise NotFound(_("There is no such case at your site."), case=case.id)
    orders = list_orders(case)
    if order_id and order_id not in {one.id for one in orders}:
        raise InvalidInput(_("Please correct what is marked."), document=row.id, fields={"order_id": [
            _("This order is of another case than the one that you chose.")]})
    # A number that one of us typed when it was sent up is no word of the laboratory.
    cautions = list_cautions(row.laboratory, *find_said(row), case) if row.message_id else []
    ensure_confirmed(cautions, confirmed)
    named = [*list_order_numbers(scanned), *list_order_numbers(row.placer)]
    order = next((one for one in orders if one.id == order_id), None) or next(
        (one for number in named for one in orders if one.number == number), None)
    row.case_id, row.order_id = case.id, order.id if order else None
    row.decided_at, row.decided_by_id = clock.now(), actor.id
    _record("attach-lab-document", row, actor, confirmed=[one.code for one in cautions])


def detach_document(row: LabDocument, reason: str, actor: User) -> None:
    """A person says that a printed report was attached wrongly: it waits for its case again, with what it came with.

    Raises AlreadyDone when it belongs to no case. The audit names the case that it stood on, with the reason.
    """
    if row.case_id is None:
        raise AlreadyDone(_("This report belongs to no case already. Look again."), document=row.id)
    _record("detach-lab-document", row, actor, reason)
    row.case_id = row.order_id = None
    row.decided_at, row.decided_by_id = clock.now(), actor.id
    db.session.flush()


def get_document(user: User, document_id: str) -> LabDocument:
    """A printed report of the user's site. Raises NotFound."""
    row = db.session.get(LabDocument, document_id)
    if row is None or row.site_id != user.site_id:
        raise NotFound(_("There is no such report at your site."), document=document_id)
    return row


def list_documents(case: Case) -> list[LabDocument]:
    """The printed reports of a case, oldest first."""
    return list(db.session.execute(
        select(LabDocument).where(LabDocument.case_id == case.id).order_by(LabDocument.id)).unique().scalars())


def list_suggestions(row: LabDocument) -> list[Suggestion]:
    """The cases that a report may belong to, by what the message says that it came with."""
    return find_match(row.laboratory, *find_said(row), is_wide=True)[1]


def find_said(row: LabDocument) -> tuple[ReportedPerson, ReportedPanel]:
    """Whom the message of a printed report speaks of, and which order and specimen it names."""
    message = db.session.get(InboundMessage, row.message_id) if row.message_id else None
    for report in ports.read_reports(message, row.laboratory) if message else ():
        for one in report.documents:
            if (one.placer[:80], one.filler[:80], hashlib.sha256(one.content).hexdigest()) == (
                    row.placer, row.filler, row.sha256):
                return report.person, ReportedPanel(placer=one.placer, specimen=one.specimen)
    return ReportedPerson(), ReportedPanel(placer=row.placer)


def read_document(row: LabDocument) -> bytes:
    """The bytes. Raises NotFound when the store has lost them."""
    return open_store(get_settings(current_app)).read(row.sha256)


def _record(
    action: str, row: LabDocument, actor: User, reason: str = "", confirmed: Sequence[str] = ()
) -> None:
    detail: dict[str, object] = {"order": row.order_id, "laboratory": row.laboratory_id}
    detail |= ({"reason": reason} if reason else {}) | ({"confirmed": list(confirmed)} if confirmed else {})
    record_change(action, "lab-document", row.id, case_id=row.case_id, site_id=row.site_id, actor_id=actor.id,
                  actor_kind="user", detail=detail)
    db.session.flush()
