"""People who answer for an applicant: guardians, emergency contacts, and why a minor has no guardian."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base, db
from clinic.models.applicant import Applicant, DocumentKind
from clinic.models.column import code, key, moment


class Relation(StrEnum):
    """What one person is to another; the codes of HL7 stand in fhir/codes.toml under the same names."""

    SPOUSE = "spouse"
    PARTNER = "partner"
    MOTHER = "mother"
    FATHER = "father"
    PARENT = "parent"
    STEP_PARENT = "step-parent"
    CHILD = "child"
    STEP_CHILD = "step-child"
    ADOPTED_CHILD = "adopted-child"
    FOSTER_CHILD = "foster-child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    GRANDCHILD = "grandchild"
    AUNT = "aunt"
    UNCLE = "uncle"
    NIECE_OR_NEPHEW = "niece-or-nephew"
    COUSIN = "cousin"
    PARENT_IN_LAW = "parent-in-law"
    RELATIVE = "relative"  # any other
    LEGAL_GUARDIAN = "legal-guardian"  # appointed: a person, or an agency's case worker
    FRIEND = "friend"
    UNRELATED = "unrelated"  # travels with the group


PARENTS = frozenset({Relation.MOTHER, Relation.FATHER, Relation.PARENT})


class RelatedPerson(Base):
    """One person in one or both roles for an applicant; a change ends the row and writes another.

    Name and telephone are as they were when recorded, also of somebody registered here, so that what a consent names
    does not change behind it.
    """

    __tablename__ = "related_person"
    __projected__ = True

    id: Mapped[str] = key()
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    registered_id: Mapped[str | None] = mapped_column(ForeignKey("applicant.id"), index=True)  # when registered here
    name: Mapped[str] = mapped_column(String(160))
    organisation: Mapped[str | None] = mapped_column(String(120))  # an agency that is guardian through this person
    relation: Mapped[Relation] = code(Relation)
    is_guardian: Mapped[bool] = mapped_column(default=False)
    is_emergency: Mapped[bool] = mapped_column(default=False)
    phone: Mapped[str | None] = mapped_column(String(40))
    document_kind: Mapped[DocumentKind | None] = code(DocumentKind, nullable=True)  # that was seen
    document_number: Mapped[str | None] = mapped_column(String(40))
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = moment()
    ended_by_id: Mapped[str | None] = mapped_column(ForeignKey("user.id"))
    end_reason: Mapped[str] = mapped_column(Text, default="")

    applicant: Mapped[Applicant] = relationship(foreign_keys=[applicant_id])
    registered: Mapped[Applicant | None] = relationship(foreign_keys=[registered_id])


class GuardianAbsence(Base):
    """Why a minor has no guardian who could be recorded; ends with the first guardian."""

    __tablename__ = "guardian_absence"
    __table_args__ = (
        Index("ix_guardian_absence_current", "applicant_id", unique=True, sqlite_where=db.text("ended_at is null"),
              postgresql_where=db.text("ended_at is null")),
    )

    id: Mapped[str] = key()
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None] = moment()
