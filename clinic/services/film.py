"""Films of a case: received once, kept from the reading while they may be another person's, looked at twice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.dicom.summary import Summary
from clinic.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from clinic.models import Case, Film, FilmState, ResultStatus, User, XrayReading
from clinic.services.film_comparison import ALARMS, Remark, compare_person, list_remarks


class Receipt(StrEnum):
    """What became of a file that was sent."""

    NEW = "new"
    SAME = "same"  # here already, byte for byte
    CONFLICT = "conflict"  # another file under the same DICOM number
    ELSEWHERE = "elsewhere"  # this very film is on another person's case


@dataclass(frozen=True)
class Kept:
    """Where a film's bytes lie: their hash, and how many."""

    sha256: str
    size: int


def receive_film(case: Case, summary: Summary, kept: Kept, actor: User) -> tuple[Receipt, Film | None]:
    """Take a prepared film to `case`; the row says whether it may be read.

    A conflict is written down and gives no row of this case. Raises NotNow when nothing may be recorded any more.
    """
    workflow.ensure_recording(case)
    header = summary.header
    for known in _list_same_uid(case, header.sop_uid):
        is_same = kept.sha256 == known.sha256 or summary.source_sha256 == known.source_sha256
        if known.case_id == case.id and is_same:
            return Receipt.SAME, known
        if not is_same or _is_anothers(known, case):
            receipt = Receipt.CONFLICT if not is_same else Receipt.ELSEWHERE
            _write_down("refuse-film", case, known.id, actor, {"why": receipt.value, "sha256": kept.sha256})
            return receipt, None
    person = compare_person(header.person, case)
    remarks = list_remarks(header, case, person, _is_known_picture(case, summary.pixels_sha256))
    film = Film(
        case=case, case_id=case.id, study_id=str(uuid.uuid5(uuid.UUID(case.id), header.study_uid)),
        sop_class=header.sop_class, sop_uid=header.sop_uid, study_uid=header.study_uid, series_uid=header.series_uid,
        sha256=kept.sha256, source_sha256=summary.source_sha256, pixels_sha256=summary.pixels_sha256, size=kept.size,
        transfer_syntax=header.transfer_syntax, modality=header.modality,
        taken_on=date.fromisoformat(header.taken_on) if header.taken_on else None, view=header.view,
        rows=header.rows, columns=header.columns, spacing=header.spacing, person=person, remarks=remarks,
        is_repaired=header.is_repaired, is_lossy=header.is_lossy, state=_judge(remarks), received_at=clock.now(),
        received_by_id=actor.id,
    )
    workflow.mark_touched(case)
    db.session.add(film)
    db.session.flush()
    _write_down("receive-film", case, film.id, actor, {"state": film.state.value, "person": person, "remarks": remarks})
    return Receipt.NEW, film


def confirm_film(film: Film, reason: str, actor: User) -> None:
    """The second look says that the film is this person's (or that an older one may stand for this exam).

    Raises NotAllowed for who received it, AlreadyDone when it waits for nobody.
    """
    if film.state not in (FilmState.QUARANTINED, FilmState.PRIOR):
        raise AlreadyDone(_("This film waits for no second look."), film=film.id)
    if film.received_by_id == actor.id:
        raise NotAllowed(_("You received this film yourself: another person must take the second look."),
                         user=actor.id, film=film.id)
    is_older = Remark.OLDER.value in film.remarks and film.state is FilmState.QUARANTINED
    _decide(film, FilmState.PRIOR if is_older else FilmState.ACCEPTED, reason, actor)


def reject_film(film: Film, reason: str, actor: User) -> None:
    """Put a film away that does not belong here or cannot be read; it stays in the store.

    Raises NotNow while a reading stands on it, AlreadyDone when it was rejected before.
    """
    if film.state is FilmState.REJECTED:
        raise AlreadyDone(_("This film was rejected already."), film=film.id)
    if any(reading.is_current for reading in _list_readings(film)):
        raise NotNow(_("This film has been read. Withdraw the reading first."), film=film.id)
    _decide(film, FilmState.REJECTED, reason, actor)


def get_film(case: Case, film_id: str) -> Film:
    """A film of `case`. Raises NotFound."""
    film = db.session.get(Film, film_id)
    if film is None or film.case_id != case.id:
        raise NotFound(_("There is no such film on this case."), case=case.id, film=film_id)
    return film


def list_films(case: Case) -> list[Film]:
    """Every film of the case: what may be read first, newest first within, the frontal view before the lateral."""
    films = db.session.execute(select(Film).where(Film.case_id == case.id).order_by(Film.id.desc())).scalars()
    order = list(FilmState)
    return sorted(films, key=lambda film: (
        order.index(film.state), -(film.taken_on or date.min).toordinal(), film.view not in ("pa", "ap")))


def is_in_store(sha256: str) -> bool:
    """Whether any film at all needs these bytes."""
    return db.session.execute(select(Film.id).where(Film.sha256 == sha256).limit(1)).first() is not None


def _judge(remarks: list[str]) -> FilmState:
    if ALARMS & set(remarks):
        return FilmState.QUARANTINED
    return FilmState.PRIOR if Remark.OLDER.value in remarks else FilmState.ACCEPTED


def _decide(film: Film, state: FilmState, reason: str, actor: User) -> None:
    workflow.mark_touched(film.case)
    before, film.state = film.state, state
    film.reason, film.decided_at, film.decided_by_id = reason, clock.now(), actor.id
    db.session.flush()
    _write_down("decide-film", film.case, film.id, actor, {"from": before.value, "to": state.value})


def _list_same_uid(case: Case, sop_uid: str) -> list[Film]:
    """Films of this site under the same DICOM number, those of this case first."""
    found = db.session.execute(
        select(Film).join(Case).where(Film.sop_uid == sop_uid, Case.site_id == case.site_id)).scalars()
    return sorted(found, key=lambda film: film.case_id != case.id)


def _is_anothers(film: Film, case: Case) -> bool:
    """Whether a film stands on another person's case; one rejected there was sent to the wrong case."""
    return film.case.applicant_id != case.applicant_id and film.state is not FilmState.REJECTED


def _is_known_picture(case: Case, pixels_sha256: str) -> bool:
    """Whether the same picture stands on another person's case, under whatever number."""
    found = db.session.execute(
        select(Film).join(Case).where(Film.pixels_sha256 == pixels_sha256, Case.site_id == case.site_id)).scalars()
    return any(_is_anothers(film, case) for film in found)


def _list_readings(film: Film) -> list[XrayReading]:
    return list(db.session.execute(select(XrayReading).where(
        XrayReading.film_id == film.id, XrayReading.status != ResultStatus.ENTERED_IN_ERROR)).scalars())


def _write_down(action: str, case: Case, film_id: str, actor: User, detail: dict[str, object]) -> None:
    record_change(action, "film", film_id, case_id=case.id, site_id=case.site_id, detail=detail, actor_id=actor.id)
