"""Who shared air with somebody who has tuberculosis of the lungs, with whom, where, and until when."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.applicant import Applicant
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.related_person import Relation


class ContactSetting(StrEnum):
    """Where the air was shared (us.md 1.8: household, travel group, dormitory)."""

    HOUSEHOLD = "household"
    TRAVEL_GROUP = "travel-group"
    DORMITORY = "dormitory"
    OTHER = "other"


class SourceType(StrEnum):
    """What the source's tuberculosis is, as Class B3 asks it (us.md 1.6)."""

    PANSUSCEPTIBLE = "pansusceptible"
    MDR = "mdr"
    OTHER_RESISTANT = "other-resistant"
    CULTURE_NEGATIVE = "culture-negative"
    UNKNOWN = "unknown"


class ContactState(StrEnum):
    """What a person said of a proposed contact."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"  # they shared no air
    WITHDRAWN = "withdrawn"  # recorded by mistake


STANDS = "state = 'confirmed'"


class TbContact(Base):
    """One contact as somebody confirmed it; the source is a case of the site, or named in words."""

    __tablename__ = "tb_contact"
    __table_args__ = (
        Index("ix_tb_contact_source", "source_case_id", "applicant_id"),
        Index("ix_tb_contact_person", "applicant_id", sqlite_where=text(STANDS), postgresql_where=text(STANDS)),
        Index("ix_tb_contact_retest", "retest_on", sqlite_where=text(STANDS), postgresql_where=text(STANDS)),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)  # who was exposed
    source_case_id: Mapped[str | None] = mapped_column(ForeignKey("health_case.id"))
    source_name: Mapped[str] = mapped_column(String(160), default="")  # of somebody who is no applicant here
    source_number: Mapped[str] = mapped_column(String(60), default="")  # the authority's or another clinic's
    source_type: Mapped[SourceType] = code(SourceType, default=SourceType.UNKNOWN)
    relation: Mapped[Relation] = code(Relation)  # what the contact is to the source
    setting: Mapped[ContactSetting] = code(ContactSetting)
    first_exposed_on: Mapped[date | None]
    last_exposed_on: Mapped[date | None]  # none: the exposure goes on
    retest_on: Mapped[date | None]  # the first day of the second test, eight weeks after the last exposure
    state: Mapped[ContactState] = code(ContactState)
    reason: Mapped[str] = mapped_column(Text, default="")  # why dismissed or withdrawn
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    applicant: Mapped[Applicant] = relationship()
    source_case: Mapped[Case | None] = relationship()
