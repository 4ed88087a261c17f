"""The photo of a visit: written down, replaced, found again; its bytes lie in the file store."""

from __future__ import annotations

from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.models import Applicant, Case, Photo, PhotoSource, User
from clinic.workflow import ensure_recording


def record_photo(case: Case, sha256: str, size: int, source: PhotoSource, actor: User) -> Photo:
    """Make the stored file `sha256` (`size` bytes) the photo of `case`; an earlier one stays, replaced.

    Raises NotNow when nothing may be recorded on the case any more.
    """
    ensure_recording(case)
    earlier = find_photo(case)
    if earlier is not None and earlier.sha256 == sha256:
        return earlier
    if earlier is not None:
        earlier.replaced_at = clock.now()
        db.session.flush()
    photo = Photo(case_id=case.id, sha256=sha256, size=size, source=source, taken_at=clock.now(), taken_by_id=actor.id)
    db.session.add(photo)
    case.updated_at = clock.now()
    db.session.flush()
    record_change("photo", "case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                  detail={"photo": photo.id, "source": source.value, "replaces": earlier.id if earlier else None})
    return photo


def find_photo(case: Case) -> Photo | None:
    """The photo of this visit."""
    return db.session.execute(
        select(Photo).where(Photo.case_id == case.id, Photo.replaced_at.is_(None))
    ).scalar_one_or_none()


def find_latest_photo(applicant: Applicant) -> Photo | None:
    """The newest photo of the person at any visit."""
    return db.session.execute(
        select(Photo).join(Case, Case.id == Photo.case_id)
        .where(Case.applicant_id == applicant.id, Photo.replaced_at.is_(None)).order_by(Photo.id.desc()).limit(1)
    ).scalar_one_or_none()
