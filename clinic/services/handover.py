"""The hand-overs of a specimen, each written down: labelled, sent, received, rejected, stored, discarded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.caution import Caution, ensure_confirmed
from clinic.db import db
from clinic.errors import InvalidInput, NotNow
from clinic.models import LabOrder, LabOrderState, RejectionReason, Specimen, SpecimenEvent, SpecimenEventKind, User
from clinic.services import assessment, lab_order
from clinic.services.specimen import list_tests_on
from clinic.tube import list_tubes

K = SpecimenEventKind


def write_event(specimen: Specimen, kind: SpecimenEventKind, actor: User, place: str = "", remark: str = "") -> None:
    """Add one line to the specimen's history and to the audit."""
    db.session.add(SpecimenEvent(specimen_id=specimen.id, case_id=specimen.case_id, kind=kind, happened_at=clock.now(),
                                 by_id=actor.id, place=place, remark=remark))
    detail: dict[str, object] = {"number": specimen.number}
    if remark:
        detail["reason"] = remark
    record_change(f"specimen-{kind.value}", "specimen", specimen.id, case_id=specimen.case_id,
                  site_id=specimen.case.site_id, detail=detail, actor_id=actor.id, actor_kind="user")
    db.session.flush()


def note_print(specimens: Sequence[Specimen], actor: User, reason: str = "", form: str = "pdf") -> None:
    """Write down that labels were printed; again only with a reason, so that no second tube gets the number unseen.

    Raises InvalidInput without one.
    """
    again = [row for row in specimens if is_labelled(row)]
    if again and not reason.strip():
        raise InvalidInput(_("Please correct what is marked."), fields={"reason": [
            _("These labels were printed before: say why they are printed again.")]})
    for row in specimens:
        kind, why = (K.REPRINTED, reason.strip()) if row in again else (K.LABELLED, "")
        write_event(row, kind, actor, form, why)


def send(specimens: Sequence[Specimen], place: str, actor: User) -> None:
    """Hand specimens to a courier or another room. Raises NotNow for one that is gone, InvalidInput without one."""
    for row in specimens:
        _ensure_there(row)
        if row.received_at is not None:
            raise NotNow(_("%(number)s is in the laboratory already.", number=row.number), specimen=row.id)
        _send(row, place, actor)


def send_on(specimens: Sequence[Specimen], place: str, actor: User) -> None:
    """Hand what the laboratory received to another one: it is on its way again, and what waits for a result with it.

    Raises NotNow for one that was not received or is gone, InvalidInput without a place.
    """
    for row in specimens:
        _ensure_there(row)
        if row.received_at is None:
            raise NotNow(_("%(number)s is not in the laboratory.", number=row.number), specimen=row.id)
        _send(row, place, actor)
        row.received_at = None  # the history keeps when it came


def receive(specimen: Specimen, place: str, actor: User, confirmed: Sequence[str] = ()) -> None:
    """The laboratory takes it. Raises NotNow when it is there already or gone, NeedsConfirmation when it comes late."""
    _ensure_there(specimen)
    if specimen.received_at is not None:
        raise NotNow(_("%(number)s was received already.", number=specimen.number), specimen=specimen.id)
    ticked = ensure_confirmed(list_receipt_cautions(specimen), list(confirmed))
    specimen.received_at = clock.now()
    _move_orders(specimen, LabOrderState.RECEIVED)
    write_event(specimen, K.RECEIVED, actor, place, _("came late") if ticked else "")


def reject(specimen: Specimen, reason: RejectionReason, remark: str, place: str, actor: User) -> list[LabOrder]:
    """The laboratory does not take it: what is in work for it is asked for again. Gives the new orders.

    Raises NotNow when it is gone, and for sputum that has a result (which counts whatever becomes of the culture);
    InvalidInput for "other" without words, and for one with results of which it is doubtful whose it is.
    """
    _ensure_there(specimen)
    if specimen.tube is None and any(row.is_current for row in specimen.results):
        raise NotNow(_("%(number)s has a result, which counts. Record its culture as inconclusive instead: then "
                       "another specimen takes its place.", number=specimen.number), specimen=specimen.id)
    workflow.ensure_recording(specimen.case)
    if reason is RejectionReason.IDENTITY and (tests := list_tests_on(specimen)):
        raise InvalidInput(_("Please correct what is marked."), specimen=specimen.id, fields={"why": [
            _("It has results (%(tests)s): withdraw those first, each with its reason, on the page of results.",
              tests=", ".join(tests))]})
    if reason is RejectionReason.OTHER and not remark.strip():
        raise InvalidInput(_("Please correct what is marked."), fields={"remark": [_("Say what is wrong with it.")]})
    workflow.mark_touched(specimen.case)
    specimen.rejected_at, specimen.rejected_reason = clock.now(), reason
    words = rejection_word(reason) if not remark.strip() else f"{rejection_word(reason)}: {remark.strip()}"
    made = lab_order.lose_specimen(specimen, words, actor)
    write_event(specimen, K.REJECTED, actor, place, words)
    assessment.refresh(specimen.case)
    return made


def store(specimens: Sequence[Specimen], place: str, actor: User) -> None:
    """Put specimens away. Raises InvalidInput without a place."""
    if not place.strip():
        raise InvalidInput(_("Please correct what is marked."), fields={"place": [_("Say where they are put.")]})
    for row in specimens:
        _ensure_there(row)
        write_event(row, K.STORED, actor, place.strip())


def discard(specimens: Sequence[Specimen], place: str, actor: User) -> None:
    """Throw specimens away. Raises NotNow while an order of one waits for its result."""
    for row in specimens:
        if row.discarded_at is not None:
            raise NotNow(_("%(number)s was discarded already.", number=row.number), specimen=row.id)
        if any(order.is_live for order in list_orders_of(row)):
            raise NotNow(_("%(number)s still waits for a result: it is kept.", number=row.number), specimen=row.id)
        row.discarded_at = clock.now()
        write_event(row, K.DISCARDED, actor, place.strip())


def list_events(specimen: Specimen) -> list[SpecimenEvent]:
    """The history of a specimen, oldest first."""
    return list(db.session.execute(
        select(SpecimenEvent).where(SpecimenEvent.specimen_id == specimen.id).order_by(SpecimenEvent.id)).scalars())


def list_orders_of(specimen: Specimen) -> list[LabOrder]:
    """What is asked of a specimen, cancelled orders too."""
    return list(db.session.execute(
        select(LabOrder).where(LabOrder.specimen_id == specimen.id).order_by(LabOrder.id)).unique().scalars())


def list_receipt_cautions(specimen: Specimen) -> list[Caution]:
    """A specimen that was too long on its way is taken only by somebody who says so."""
    by = find_deadline(specimen)
    if by is None or clock.now() <= by:
        return []
    return [Caution("late-receipt", _(
        "%(number)s was drawn more than %(hours)s hours ago: the laboratory may not be able to use it.",
        number=specimen.number, hours=list_tubes()[specimen.tube or ""].within), "scan")]


def find_deadline(specimen: Specimen) -> datetime | None:
    """Until when it should be in the laboratory; None where nobody knows when it was drawn, or sputum."""
    tube = list_tubes().get(specimen.tube or "")
    if tube is None or specimen.collected_at is None:
        return None
    return specimen.collected_at + timedelta(hours=tube.within)


def is_labelled(specimen: Specimen) -> bool:
    """Whether its label was printed before."""
    return any(row.kind in (K.LABELLED, K.REPRINTED) for row in list_events(specimen))


def rejection_word(reason: RejectionReason) -> str:
    """Why a specimen was not taken, in words."""
    return {
        RejectionReason.HAEMOLYSED: _("haemolysed"), RejectionReason.CLOTTED: _("clotted"),
        RejectionReason.INSUFFICIENT: _("not enough"), RejectionReason.WRONG_CONTAINER: _("wrong container"),
        RejectionReason.BROKEN: _("broken or leaking"), RejectionReason.UNLABELLED: _("without a readable label"),
        RejectionReason.IDENTITY: _("identity in doubt"), RejectionReason.LATE: _("too old on arrival"),
        RejectionReason.OTHER: _("another reason"),
    }[reason]


def event_word(kind: SpecimenEventKind) -> str:
    """One hand-over in words."""
    return {
        K.DRAWN: _("Drawn"), K.LABELLED: _("Labelled"), K.REPRINTED: _("Label printed again"), K.SENT: _("Sent"),
        K.RECEIVED: _("Received"), K.REJECTED: _("Rejected"), K.STORED: _("Stored"), K.DISCARDED: _("Discarded"),
    }[kind]


def place_word(event: SpecimenEvent) -> str:
    """Where a hand-over happened; of a print, on what."""
    if event.kind in (K.LABELLED, K.REPRINTED):
        return {"pdf": _("sheet (PDF)"), "zpl": _("label printer (ZPL)")}.get(event.place, event.place)
    return event.place


def _ensure_there(specimen: Specimen) -> None:
    """Raise NotNow for a specimen that is no more."""
    if specimen.withdrawn_at is not None:
        raise NotNow(_("%(number)s was withdrawn: it was recorded by mistake.", number=specimen.number),
                     specimen=specimen.id)
    if specimen.rejected_at is not None:
        raise NotNow(_("%(number)s was rejected: a new one is to be taken.", number=specimen.number),
                     specimen=specimen.id)
    if specimen.discarded_at is not None:
        raise NotNow(_("%(number)s was discarded.", number=specimen.number), specimen=specimen.id)


def _send(specimen: Specimen, place: str, actor: User) -> None:
    if not place.strip():
        raise InvalidInput(_("Please correct what is marked."), fields={"place": [_("Say to whom they go.")]})
    specimen.sent_at = clock.now()
    _move_orders(specimen, LabOrderState.SENT)
    write_event(specimen, K.SENT, actor, place.strip())


def _move_orders(specimen: Specimen, state: LabOrderState) -> None:
    for order in list_orders_of(specimen):
        if order.is_live:
            lab_order.move(order, state)
