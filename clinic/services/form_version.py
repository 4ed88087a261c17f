"""The versions of a completed form: what it said before each amendment, who changed it and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from clinic import clock
from clinic.db import db
from clinic.errors import NotFound
from clinic.models import FormResponse, FormVersion, User


def keep_version(row: FormResponse, reason: str, actor: User) -> FormVersion:
    """Keep what `row` says now, before an amendment by `actor` replaces it."""
    kept = FormVersion(
        response=row, number=len(list_versions(row)) + 1, form_version=row.form_version, answers=dict(row.answers),
        completed_at=row.completed_at or row.saved_at, completed_by_id=row.completed_by_id or row.started_by_id,
        replaced_at=clock.now(), replaced_by_id=actor.id, reason=reason,
    )
    db.session.add(kept)
    return kept


def list_versions(row: FormResponse) -> list[FormVersion]:
    """The replaced versions, oldest first."""
    return list(db.session.execute(
        select(FormVersion).where(FormVersion.response_id == row.id).order_by(FormVersion.number)).scalars())


def get_version(row: FormResponse, number: int) -> FormVersion:
    """One replaced version. Raises NotFound."""
    for version in list_versions(row):
        if version.number == number:
            return version
    raise NotFound("There is no such version of this form.", form=row.id, number=number)


def to_plain(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers alone, without what is kept beside them (ticks, templates)."""
    return {key: value for key, value in answers.items() if not key.startswith("_")}
