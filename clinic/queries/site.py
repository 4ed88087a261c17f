"""The sites as an administrator sees them: what they offer, and who and what belongs to each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from clinic import workflow
from clinic.db import db
from clinic.models import Case, Site, SiteProgramme, User


@dataclass(frozen=True)
class SiteRow:
    """One site with its programmes, in the order of their codes."""

    site: Site
    programmes: tuple[str, ...]
    members: int  # who may sign in
    open_cases: dict[str, int]  # by programme


def list_sites() -> list[SiteRow]:
    """Every site, by name."""
    sites = db.session.execute(select(Site).order_by(Site.name, Site.id)).scalars().all()
    offered: dict[str, list[str]] = {}
    for row in db.session.execute(select(SiteProgramme).order_by(SiteProgramme.programme)).scalars():
        offered.setdefault(row.site_id, []).append(row.programme)
    members = {row[0]: row[1] for row in db.session.execute(
        select(User.site_id, func.count()).where(User.active).group_by(User.site_id))}
    cases: dict[str, dict[str, int]] = {}
    for site_id, programme, count in db.session.execute(
        select(Case.site_id, Case.programme, func.count()).where(
            Case.site_id.in_([site.id for site in sites]), Case.state.in_(workflow.OPEN))
        .group_by(Case.site_id, Case.programme)
    ):  # fmt: skip
        cases.setdefault(site_id, {})[programme] = count
    return [SiteRow(site, tuple(offered.get(site.id, ())), members.get(site.id, 0), cases.get(site.id, {}))
            for site in sites]


def get_site_row(site_id: str) -> SiteRow | None:
    """One of them."""
    return next((row for row in list_sites() if row.site.id == site_id), None)
