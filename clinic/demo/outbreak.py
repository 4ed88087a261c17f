"""A family in which the mother coughs: she is held, the others are her contacts, and tasks are due."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from clinic.db import db
from clinic.demo.walk import ensure_consent
from clinic.errors import ClearwayError
from clinic.models import (
    Answer,
    Case,
    ContactSetting,
    Family,
    FamilyMember,
    Relation,
    SourceType,
    TbContact,
    User,
)
from clinic.schemas.tb_contact import NewContact
from clinic.services.assessment import refresh
from clinic.services.circumstance import write_answers
from clinic.services.plausibility import get_today
from clinic.services.task import open_task
from clinic.services.tb_contact import confirm_contact, list_proposals

EXPOSED_DAYS = 58  # the second test of a contact is due since two days


def add_outbreak(staff: dict[str, User]) -> None:
    """Let it befall the site's first family with an open case, once."""
    if db.session.execute(select(TbContact.id).limit(1)).first() is not None:
        return
    case = db.session.execute(
        select(Case).join(FamilyMember, FamilyMember.applicant_id == Case.applicant_id)
        .join(Family, Family.id == FamilyMember.family_id)
        .where(FamilyMember.relation.is_(None), FamilyMember.left_at.is_(None),
               Family.site_id == staff["reception"].site_id)
        .order_by(Case.id).limit(1)
    ).unique().scalar_one_or_none()
    if case is None:
        return
    ensure_consent(case, staff["reception"])
    write_answers(case, {"tb_symptoms": Answer.YES}, staff["nurse"])
    refresh(case)
    today = get_today(case)
    for proposal, days in zip(list_proposals(case)[:2], (EXPOSED_DAYS, 0), strict=False):
        new = NewContact(
            relation=proposal.relation or Relation.RELATIVE, setting=ContactSetting.HOUSEHOLD,
            first_exposed_on=today - timedelta(days=150),
            last_exposed_on=today - timedelta(days=days) if days else None, source_type=SourceType.UNKNOWN)
        try:
            confirm_contact(proposal.applicant, new, staff["tbteam"], case)
        except ClearwayError:
            continue  # refused for this person, as it would be at the desk
    open_task("follow-up", case, "demo-notify", today - timedelta(days=3), role="physician", actor=staff["tbteam"],
              detail="Notify the county's tuberculosis team")
    open_task("document-awaited", case, "demo-letter", today + timedelta(days=6), actor=staff["nurse"],
              detail="Letter of the chest clinic, Kisumu")
