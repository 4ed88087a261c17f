"""The organisation's clinics, and which programmes each offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.audit import record_change
from clinic.db import db
from clinic.errors import InvalidInput, NotFound, NotNow
from clinic.models import Counter, Site, SiteProgramme
from clinic.rules.programme import Programme, list_programmes

FACTS = ("code", "name", "city", "country", "time_zone")
SAID = ("code", "country", "time_zone")  # codes, which the audit names; a name it does not


@dataclass(frozen=True)
class SiteFacts:
    """What is recorded of a site."""

    code: str  # in every number it gives
    name: str
    city: str
    country: str  # ISO 3166-1 alpha-3
    time_zone: str  # IANA name
    programmes: frozenset[str]


def add_site(facts: SiteFacts) -> Site:
    """A new clinic. Raises InvalidInput when its code is taken."""
    _ensure_code_is_free(facts.code)
    site = Site(**{name: getattr(facts, name) for name in FACTS})
    db.session.add(site)
    db.session.flush()
    _set_programmes(site, facts.programmes)
    record_change("add-site", "site", site.id, site_id=site.id,
                  detail={"code": site.code, "programmes": sorted(facts.programmes)})
    return site


def change_site(site_id: str, facts: SiteFacts) -> list[str]:
    """Correct what is recorded of a clinic; returns what changed.

    Raises NotFound; InvalidInput for another code when numbers were given under the present one, or when it is taken.
    """
    site = get_site(site_id)
    before = {name: getattr(site, name) for name in FACTS}
    if facts.code != site.code:
        if has_given_numbers(site):
            raise InvalidInput(_("Please correct what is marked."), fields={
                "code": [_("Numbers were given under this code: it stays.")]})
        _ensure_code_is_free(facts.code)
    for name in FACTS:
        setattr(site, name, getattr(facts, name))
    added, removed = _set_programmes(site, facts.programmes)
    changed = [name for name in FACTS if before[name] != getattr(site, name)]
    detail: dict[str, object] = {"changed": changed}
    detail |= {name: [before[name], getattr(site, name)] for name in SAID if name in changed}
    detail |= {key: sorted(found) for key, found in (("added", added), ("removed", removed)) if found}
    if changed or added or removed:
        record_change("change-site", "site", site.id, site_id=site.id, detail=detail)
    db.session.flush()
    return [*changed, *(["programmes"] if added or removed else [])]


def get_site(site_id: str) -> Site:
    """A clinic by its id. Raises NotFound."""
    site = db.session.get(Site, site_id)
    if site is None:
        raise NotFound(_("There is no such site."), site=site_id)
    return site


def has_given_numbers(site: Site) -> bool:
    """Whether any number carries the site's code already."""
    return db.session.execute(select(Counter.kind).where(Counter.site_id == site.id).limit(1)).first() is not None


def list_in_use(site_id: str) -> frozenset[str]:
    """The programmes that a site offers."""
    return frozenset(db.session.execute(
        select(SiteProgramme.programme).where(SiteProgramme.site_id == site_id)).scalars())


def ensure_in_use(site_id: str, programme: str) -> None:
    """Raises NotNow when the site does not offer the programme: no case is opened there, open ones go on."""
    if programme not in list_in_use(site_id):
        name = list_programmes()[programme].name
        raise NotNow(_("This site does not offer %(name)s: no new case can be opened. Ask the clinic administrator.",
                       name=name), site=site_id, programme=programme)


def list_offered(site_id: str) -> list[Programme]:
    """The programmes a site offers, as the rules know them, in their order."""
    in_use = list_in_use(site_id)
    return [programme for code, programme in list_programmes().items() if code in in_use]


def _set_programmes(site: Site, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    present: Mapping[str, SiteProgramme] = {row.programme: row for row in db.session.execute(
        select(SiteProgramme).where(SiteProgramme.site_id == site.id)).scalars()}
    added, removed = wanted - present.keys(), frozenset(present) - wanted
    db.session.add_all(SiteProgramme(site_id=site.id, programme=programme) for programme in sorted(added))
    for programme in removed:
        db.session.delete(present[programme])
    db.session.flush()
    return added, removed


def _ensure_code_is_free(code: str) -> None:
    if db.session.execute(select(Site.id).where(Site.code == code)).first():
        raise InvalidInput(_("There is a site %(code)s already. Choose another code.", code=code), fields={
            "code": [_("There is a site %(code)s already. Choose another code.", code=code)]})
