"""Signing in two halves (architecture.md, decision 13): prepare outside any transaction, commit in a short one."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import func, select

from clinic import clock, workflow
from clinic.audit import build_change
from clinic.config import get_settings
from clinic.counter import next_number
from clinic.db import db, read_unit, without_waiting, write_unit
from clinic.declaration import get_declaration
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.documents.packet import compose_packet
from clinic.documents.pdf_signature import SignedAs, issue_document
from clinic.errors import CaseChanged, NotAllowed, NotFound, NotNow
from clinic.key import new_id, new_id_after
from clinic.many_rows import ReadyRows, add_rows, make_ready
from clinic.models import (
    AuditChange,
    Case,
    CaseState,
    CaseTransition,
    Conclusion,
    Delivery,
    DeliveryState,
    SignedExam,
    User,
)
from clinic.partial_date import format_clinically
from clinic.permissions import Permission, permissions_of
from clinic.ports import (
    AttachPrint,
    ComposeDelivery,
    DocumentOrder,
    FrozenResource,
    PrintedExam,
    RenderedDelivery,
    ports,
)
from clinic.ready_query import ReadyQuery, given
from clinic.rules import decide
from clinic.services import assessment, tb_contact, tb_summary
from clinic.services.assessment import is_ready_for_review
from clinic.services.conclusion import ConclusionInput, conclude
from clinic.services.fact import build_facts
from clinic.services.hold import IS_HELD, ensure_may_clear, refuse_clearing
from clinic.services.task import close_tasks_about
from clinic.signing_key import SigningKey, load_signing_key

SIGNED_STATES = (CaseState.SIGNED, CaseState.SUBMITTED, CaseState.ACKNOWLEDGED)
WAITING = (DeliveryState.QUEUED, DeliveryState.HELD, DeliveryState.REJECTED, DeliveryState.DEAD)
# How case, person and signer stand now; nobody changes the case from here to the end of the transaction.
_STANDING = ReadyQuery(
    select(Case.version, User.active, IS_HELD.label("is_held")).join(User, User.id == given("signer_id"))
    .where(Case.id == given("case_id")).with_for_update(of=Case))
TOKEN_BYTES = 16  # 128 random bits: nobody guesses the address that verifies an exam


@dataclass(frozen=True)
class PreparedSignature:
    """Everything the second half writes, as plain values and exact bytes."""

    case_id: str
    case_version: int
    site_id: str
    authority_id: str
    signer_id: str
    signed_at: datetime
    exam_id: str
    exam_version: int
    replaces_id: str | None
    amendment_reason: str | None
    conclusion: dict[str, Any]  # columns of the Conclusion row
    packed_document: bytes  # gzip
    document_size: int  # bytes, unpacked
    sha256: str
    jws: str
    verify_token: str
    record: ReadyRows  # of the clinic's own record: what it says of case and conclusion once this is signed
    resources: tuple[FrozenResource, ...]
    deliveries: tuple[RenderedDelivery, ...] = ()
    pdf: bytes = b""
    pdf_sha256: str = ""


def sign(case_id: str, case_version: int, signer_id: str, choice: ConclusionInput) -> str:
    """Both halves; returns the id of the signed exam. Opens its own units: call it outside any.

    Raises CaseChanged when somebody changed the case meanwhile, NotNow, NotAllowed, InvalidInput.
    """
    return commit_signature(prepare_signature(case_id, case_version, signer_id, choice))


def prepare_signature(case_id: str, case_version: int, signer_id: str, choice: ConclusionInput) -> PreparedSignature:
    """The first half: from one read of the case to the bytes of document, signature, deliveries and printed packet.

    Raises as `sign` does, CertificateUnusable, and UnprintableCharacter naming what no font of ours can print.
    """
    with read_unit() as session:
        case = session.get(Case, case_id)
        signer = session.get(User, signer_id)
        if case is None or signer is None or signer.site_id != case.site_id:
            raise NotFound(_("There is no such case at your site."), case=case_id)
        _ensure_version(case.id, case.version, case_version)
        ensure_may_sign(signer, case)
        facts = build_facts(case)
        decision = decide(facts)
        if case.state is not CaseState.IN_REVIEW or not is_ready_for_review(case, decision):
            raise NotNow(_("The exam is not complete, so it cannot be signed. See the case page."), case=case.id)
        replaces = find_current_exam(case.id)
        order = DocumentOrder(
            case=case, signer=signer, signed_at=clock.now().replace(microsecond=0), bundle_id=new_id(),
            version=replaces.version + 1 if replaces else 1, replaces=replaces,
            amendment_reason=_find_amendment_reason(case) if replaces else None,
            conclusion=_build_conclusion(case, signer, facts, decision, choice),
        )
        ensure_may_clear(case, decision["status"], order.conclusion.conclusion)
        ensure_not_over(case, order.conclusion.conclusion)
        key = load_signing_key(get_settings(current_app))
        key.ensure_usable()
        prepared, html, attach, compose = _render(order, key)
        signed_as, site_id, code = _describe_signature(order, prepared.sha256), case.site_id, case.site.code
    pdf = issue_document(html, signed_as, key)  # a second of layout: nothing is open meanwhile
    delivery = compose(PrintedExam(pdf, prepared.sha256, _give_control_id(site_id, code, prepared.signed_at)))
    return replace(prepared, pdf=pdf, pdf_sha256=hashlib.sha256(pdf).hexdigest(),
                   resources=(*prepared.resources, *attach(pdf)), deliveries=(delivery,))


def commit_signature(prepared: PreparedSignature) -> str:
    """The second half: one short write unit that stands or falls as a whole; returns the signed exam's id.

    What it stores is ready, and goes past the session, whose listeners hear nothing: the projection was foreseen.
    """
    with write_unit() as session:
        (now,) = _STANDING.list_rows(case_id=prepared.case_id, signer_id=prepared.signer_id)
        _ensure_version(prepared.case_id, now.version, prepared.case_version)
        if not now.active:  # whose rights were asked before
            raise NotAllowed(_("This account is not active any more."), user=prepared.signer_id)
        decided = prepared.conclusion["decision"]["status"]
        if now.is_held:  # asked once more: a hold on another case of the same person counts no version of this one
            refuse_clearing(prepared.case_id, decided, prepared.conclusion["conclusion"])
        exam = _build_exam(prepared)
        newest = _supersede(prepared.case_id) if prepared.replaces_id else None
        connection = session.connection()
        with without_waiting(connection):
            add_rows(connection, make_ready(Conclusion, [prepared.conclusion]))
            add_rows(connection, make_ready(SignedExam, [exam]))
            workflow.mark_signed(prepared.case_id, prepared.site_id, prepared.signer_id, prepared.conclusion["edition"],
                                 decided)
            add_rows(connection, prepared.record)
            add_rows(connection, make_ready(Delivery, _list_deliveries(prepared, newest)))
            add_rows(connection, make_ready(AuditChange, [_build_audit(prepared)]))
        ports.release(session, SignedExam(**exam), prepared.resources)
        return prepared.exam_id


def hand_out(exam: SignedExam, case: Case, conclusion: Conclusion) -> bytes:
    """The printed packet of a signed exam. Raises NotFound where none was printed, NotNow while a hold stands."""
    if exam.pdf is None:
        raise NotFound(_("This version was signed before documents were printed."), exam=exam.id)
    ensure_may_clear(case, conclusion.decision["status"], conclusion.conclusion)
    return exam.pdf


def open_amendment(case: Case, reason: str, actor: User) -> None:
    """Take a signed case back into work; the old version stands until a new one is signed.

    What was recorded of a tuberculosis treatment or an exposure since the signature counts from now on.
    Raises NotNow unless the case was signed, NotAllowed unless `actor` may sign it.
    """
    ensure_may_sign(actor, case)
    if case.state not in SIGNED_STATES:
        raise NotNow(_("Only a signed exam can be amended."), case=case.id)
    workflow.move(case, CaseState.IN_PROGRESS, reason=reason, actor=actor)
    if (exam := find_current_exam(case.id)) is not None:
        for kind in ("contact-resistance", "contact-after-signature"):
            close_tasks_about(kind, exam.id, "reopened", actor)
    tb_contact.catch_up(case, actor)
    if tb_summary.publish(case, actor) is not None:
        assessment.refresh(case)


def ensure_may_sign(signer: User, case: Case) -> None:
    """Raise NotAllowed unless `signer` is authorised for the case's destination today."""
    if _is_authorised(signer, case):
        return
    others = [user.name for user in _list_colleagues(signer) if _is_authorised(user, case)]
    if others:
        sentence = _("You are not authorised to sign for this destination. These may: %(names)s.",
                     names=", ".join(others))
    else:
        sentence = _("You are not authorised to sign for this destination, and nobody else at this site is. "
                     "Ask the clinic administrator.")
    raise NotAllowed(sentence, user=signer.id, case=case.id)


def ensure_not_over(case: Case, concluded: dict[str, Any]) -> None:
    """Raise NotNow for a first certificate that has ended before it is issued: what it counts from is made again."""
    last = concluded.get("valid_until")
    if concluded.get("certificate") == "issue" and last and find_current_exam(case.id) is None and (
            date.fromisoformat(last) < clock.today(case.site.time_zone)):
        raise NotNow(_("The certificate counts from the film, or from the screening without one, and would have ended "
                       "on %(day)s. Take a new film, or screen the person again; or sign that it is not issued.",
                       day=format_clinically(date.fromisoformat(last))), case=case.id)


def _is_authorised(user: User, case: Case) -> bool:
    today = clock.today(case.site.time_zone)
    return any(one.programme == case.programme and _covers(one.valid_from, one.valid_until, today)
               for one in user.authorisations)


def _list_colleagues(signer: User) -> list[User]:
    """The active staff of the signer's site who may sign anything at all."""
    users = db.session.execute(select(User).where(
        User.site_id == signer.site_id, User.active, User.id != signer.id, User.authorisations.any()
    ).order_by(User.name)).unique().scalars()
    return [user for user in users if Permission.SIGN in permissions_of(user)]


def find_current_exam(case_id: str) -> SignedExam | None:
    """The newest signed version of a case."""
    return db.session.execute(
        select(SignedExam).where(SignedExam.case_id == case_id).order_by(SignedExam.version.desc()).limit(1)
    ).scalar_one_or_none()


def read_document(exam: SignedExam) -> bytes:
    """The exact bytes that were signed."""
    return gzip.decompress(exam.document)


def _find_last_day(conclusion: dict[str, Any]) -> date | None:
    found = conclusion["conclusion"].get("valid_until")
    return date.fromisoformat(found) if found else None


def _covers(valid_from: date, valid_until: date | None, day: date) -> bool:
    return valid_from <= day and (valid_until is None or day <= valid_until)


def _ensure_version(case_id: str, found: int, expected: int) -> None:
    if found != expected:
        raise CaseChanged(
            _("The case changed since you opened it. Nothing was signed: look at it again."), case=case_id
        )


def _build_conclusion(case: Case, signer: User, facts: dict[str, Any], decision: dict[str, Any],
                      choice: ConclusionInput) -> Conclusion:
    return Conclusion(
        id=new_id(), case_id=case.id, case_version=case.version, edition=decision["edition"], facts=facts,
        decision=decision, kind=choice.kind, reason=choice.reason.strip(),
        conclusion=conclude(facts, decision, choice) | {"declaration": get_declaration(case.programme).version},
        decided_at=clock.now(), decided_by_id=signer.id,
    )


def _give_control_id(site_id: str, code: str, moment: datetime) -> str:
    """A message number in a unit of its own: a signature that comes to nothing leaves a gap, never a double."""
    with write_unit():
        return f"{code[:8]}{moment:%y%m%d}{next_number(site_id, 'message') % 10**6:06}"


def _describe_signature(order: DocumentOrder, sha256: str) -> SignedAs:
    site = order.case.site
    return SignedAs(order.signed_at, order.signer.name, f"{site.name}, {site.city}",
                f"Exam {order.bundle_id}, version {order.version}; SHA-256 of the signed document {sha256}")


def _render(order: DocumentOrder, key: SigningKey) -> tuple[PreparedSignature, str, AttachPrint, ComposeDelivery]:
    """All but the print itself: the signature without it, its HTML, what makes resources and a delivery of it."""
    built = ports.build_document(order)
    sha256, token = hashlib.sha256(built.body).hexdigest(), secrets.token_urlsafe(TOKEN_BYTES)
    jws = key.sign_detached(built.body)
    proof = ports.build_proof(order, built, jws)
    columns = ("id", "case_id", "case_version", "edition", "facts", "decision", "kind", "conclusion", "reason",
               "decided_at", "decided_by_id")
    prepared = PreparedSignature(
        case_id=order.case.id, case_version=order.case.version, site_id=order.case.site_id,
        authority_id=order.case.authority_id, signer_id=order.signer.id, signed_at=order.signed_at,
        exam_id=order.bundle_id, exam_version=order.version, replaces_id=order.replaces.id if order.replaces else None,
        amendment_reason=order.amendment_reason,
        conclusion={name: getattr(order.conclusion, name) for name in columns},
        packed_document=gzip.compress(built.body, 6, mtime=0), document_size=len(built.body),
        sha256=sha256, jws=jws, verify_token=token,
        record=ports.foresee(order), resources=(*built.resources, *proof),
    )
    compose = ports.render_delivery(order.case.authority, order, built, jws)
    return prepared, compose_packet(order, sha256, token), ports.prepare_print(order), compose


def _build_exam(prepared: PreparedSignature) -> dict[str, Any]:
    """The SignedExam row."""
    return {
        "id": prepared.exam_id, "case_id": prepared.case_id, "authority_id": prepared.authority_id,
        "conclusion_id": prepared.conclusion["id"], "version": prepared.exam_version,
        "replaces_id": prepared.replaces_id, "amendment_reason": prepared.amendment_reason,
        "document": prepared.packed_document, "size": prepared.document_size, "sha256": prepared.sha256,
        "jws": prepared.jws, "signed_at": prepared.signed_at, "signed_by_id": prepared.signer_id, "pdf": prepared.pdf,
        "pdf_sha256": prepared.pdf_sha256, "verify_token": prepared.verify_token,
        "valid_until": _find_last_day(prepared.conclusion),
    }  # fmt: skip


def _build_audit(prepared: PreparedSignature) -> dict[str, Any]:
    return build_change(
        "sign", "signed-exam", prepared.exam_id, prepared.case_id, prepared.site_id,
        {"version": prepared.exam_version, "sha256": prepared.sha256, "pdf_sha256": prepared.pdf_sha256},
        prepared.signer_id)


def _supersede(case_id: str) -> str | None:
    """What still waited of an earlier version need not leave any more; returns the case's newest outbox row."""
    for delivery in db.session.execute(
        select(Delivery).where(Delivery.case_id == case_id, Delivery.state.in_(WAITING)).with_for_update()
    ).scalars():
        delivery.state = DeliveryState.SUPERSEDED
        delivery.state_reason = build_reason(DeliveryReason.SUPERSEDED)
    db.session.flush()
    return db.session.execute(select(func.max(Delivery.id)).where(Delivery.case_id == case_id)).scalar()


def _list_deliveries(prepared: PreparedSignature, newest: str | None) -> list[dict[str, Any]]:
    """Outbox rows of this version, `newest` the last one of earlier ones."""
    rows = []
    for rendered in prepared.deliveries:
        newest = new_id_after(newest)  # sent in the order of their keys, also after the clock was set back
        moment = clock.now()
        rows.append({
            "id": newest, "site_id": prepared.site_id, "case_id": prepared.case_id, "signed_exam_id": prepared.exam_id,
            "authority_id": prepared.authority_id, "channel": rendered.channel, "content_type": rendered.content_type,
            "body": rendered.body, "idempotency_key": rendered.idempotency_key, "queued_at": moment,
            "next_attempt_at": moment,
        })  # fmt: skip
    return rows


def _find_amendment_reason(case: Case) -> str | None:
    return db.session.execute(
        select(CaseTransition.reason).where(
            CaseTransition.case_id == case.id, CaseTransition.from_state.in_(SIGNED_STATES),
            CaseTransition.to_state == CaseState.IN_PROGRESS,
        ).order_by(CaseTransition.id.desc()).limit(1)
    ).scalar_one_or_none()
