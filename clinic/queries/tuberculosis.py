"""What the pages of tuberculosis read beyond one case's own rows."""

from __future__ import annotations

from sqlalchemy import select

from clinic.db import db
from clinic.models import Case, Role, TbCase, User
from clinic.permissions import ROLES, Permission


def list_observers(site_id: str) -> list[tuple[str, str]]:
    """(id, name) of the active staff of a site whose work it is to watch a specimen or a dose being taken, by name."""
    roles = [name for name, (_label, held) in ROLES.items()
             if held & {Permission.RECORD_SPUTUM, Permission.RECORD_TREATMENT}]
    query = (select(User.id, User.name)
             .where(User.site_id == site_id, User.active, User.roles.any(Role.name.in_(roles))).order_by(User.name))
    return [(row.id, row.name) for row in db.session.execute(query)]


def list_other_tb_cases(case: Case) -> list[TbCase]:
    """The tuberculosis cases of the same person at the same site that stand on other cases, the newest first."""
    return list(db.session.execute(
        select(TbCase).join(Case, Case.id == TbCase.case_id)
        .where(Case.applicant_id == case.applicant_id, Case.site_id == case.site_id, Case.id != case.id)
        .order_by(TbCase.id.desc())).unique().scalars())
