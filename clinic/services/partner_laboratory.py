"""Partner laboratories of a site: registered, changed, let in by a certificate or a token, stopped."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from clinic import clock
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotFound
from clinic.key import new_id
from clinic.models import Laboratory, Site, User

FACTS = ("name", "application", "facility", "our_facility", "endpoint", "fingerprint", "plain_allowed", "time_zone",
         "charset", "folder", "active")
TOKEN_LETTERS = 43  # 256 bits
_COLONS = re.compile(r"[\s:]")


@dataclass(frozen=True)
class LaboratoryFacts:
    """What is recorded of a laboratory; see clinic.models.Laboratory."""

    name: str
    application: str
    facility: str
    our_facility: str
    time_zone: str
    endpoint: str = ""
    fingerprint: str = ""
    plain_allowed: bool = False
    charset: str = "utf-8"
    folder: str = ""
    active: bool = True


def add_laboratory(site: Site, facts: LaboratoryFacts) -> Laboratory:
    """Register a laboratory that works for `site`; raises InvalidInput when its names or folder are taken."""
    _ensure_free(facts)
    laboratory = Laboratory(id=new_id(), site_id=site.id, site=site, created_at=clock.now(), column_map={},
                            **{name: getattr(facts, name) for name in FACTS})
    laboratory.user = _make_account(laboratory)
    db.session.add(laboratory)
    db.session.flush()
    _record("add-laboratory", laboratory, {"fingerprint": facts.fingerprint, "endpoint": facts.endpoint})
    return laboratory


def change_laboratory(laboratory: Laboratory, facts: LaboratoryFacts) -> list[str]:
    """Correct what is recorded of a laboratory; returns what changed. Raises as `add_laboratory` does."""
    _ensure_free(facts, laboratory)
    before = {name: getattr(laboratory, name) for name in FACTS}
    changed = [name for name in FACTS if before[name] != getattr(facts, name)]
    for name in changed:
        setattr(laboratory, name, getattr(facts, name))
    laboratory.user.name = _name_account(laboratory)
    if changed:
        detail: dict[str, object] = {"changed": changed}
        detail |= {name: [before[name], getattr(facts, name)] for name in changed if name != "name"}
        _record("change-laboratory", laboratory, detail)
    db.session.flush()
    return changed


def change_column_map(laboratory: Laboratory, columns: Mapping[str, str]) -> None:
    """Say under which headings a laboratory's CSV holds what; empty headings are left out."""
    before, wanted = dict(laboratory.column_map or {}), {field: name for field, name in columns.items() if name}
    if before != wanted:
        laboratory.column_map = wanted
        _record("change-column-map", laboratory, {"from": before, "to": wanted})
    db.session.flush()


def draw_token(laboratory: Laboratory) -> str:
    """A new token for the JSON interface, shown once; the one before ends at this moment."""
    token = secrets.token_urlsafe(32)
    laboratory.token_digest, laboratory.token_made_at = digest_token(token), clock.now()
    _record("draw-laboratory-token", laboratory, {})
    db.session.flush()
    return token


def end_token(laboratory: Laboratory) -> None:
    """Let nobody in by the laboratory's token any more."""
    laboratory.token_digest = laboratory.token_made_at = None
    _record("end-laboratory-token", laboratory, {})
    db.session.flush()


def find_by_token(token: str) -> Laboratory | None:
    """The active laboratory that a token belongs to; None for any other text."""
    if len(token) != TOKEN_LETTERS:
        return None
    return db.session.execute(
        select(Laboratory).where(Laboratory.token_digest == digest_token(token), Laboratory.active.is_(True))
    ).unique().scalar_one_or_none()


def digest_token(token: str) -> str:
    """What is kept of a token: it is as long as a key, so a plain hash tells nothing of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def list_laboratories(site_id: str) -> list[Laboratory]:
    """The laboratories of a site, by name."""
    return list(db.session.execute(
        select(Laboratory).where(Laboratory.site_id == site_id).order_by(Laboratory.name, Laboratory.id)
    ).unique().scalars())


def get_laboratory(user: User, laboratory_id: str) -> Laboratory:
    """A laboratory of the user's site. Raises NotFound, for another site's too."""
    laboratory = db.session.get(Laboratory, laboratory_id)
    if laboratory is None or laboratory.site_id != user.site_id:
        raise NotFound(_("There is no such laboratory at your site."), laboratory=laboratory_id)
    return laboratory


def clean_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as openssl or a browser writes it, in 64 small letters; raises ValueError."""
    found = _COLONS.sub("", text.lower().removeprefix("sha256 fingerprint=")).lower()
    if found and not re.fullmatch(r"[0-9a-f]{64}", found):
        raise ValueError("no SHA-256")
    return found


def _ensure_free(facts: LaboratoryFacts, own: Laboratory | None = None) -> None:
    others = select(Laboratory.id).where(Laboratory.id != (own.id if own else ""))
    names = others.where(Laboratory.application == facts.application, Laboratory.facility == facts.facility,
                         Laboratory.our_facility == facts.our_facility)
    problems: dict[str, Any] = {}
    if db.session.execute(names.limit(1)).first() is not None:
        problems["application"] = [_("Another laboratory comes under these names: one of the three must differ.")]
    if facts.folder and db.session.execute(others.where(Laboratory.folder == facts.folder).limit(1)).first():
        problems["folder"] = [_("Another laboratory puts its files there.")]
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems)


def _make_account(laboratory: Laboratory) -> User:
    """Who enters what the laboratory sends: nobody can sign in with it, and it holds no role."""
    return User(
        id=new_id(), email=f"laboratory-{laboratory.id}@machine.invalid", name=_name_account(laboratory),
        active=False, fs_uniquifier=new_id().replace("-", ""), site_id=laboratory.site_id, created_at=clock.now(),
    )


def _name_account(laboratory: Laboratory) -> str:
    return laboratory.name[:120]


def _record(action: str, laboratory: Laboratory, detail: Mapping[str, object]) -> None:
    record_change(action, "laboratory", laboratory.id, site_id=laboratory.site_id, detail=detail)
