"""People who are examined, and the documents they identify themselves with."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Connection, ForeignKey, Index, String, Text, UniqueConstraint, delete, event, insert, inspect
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from clinic.db import Base
from clinic.models.column import code, key, moment
from clinic.models.contact import ContactKind, ContactPoint
from clinic.models.site import Site

LONGEST_WORD = 40


class Sex(StrEnum):
    """As FHIR AdministrativeGender; a passport's X is `other`, a blank is `unknown`."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    UNKNOWN = "unknown"


class DocumentKind(StrEnum):
    """What an applicant shows."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity-card"
    REFUGEE_DOCUMENT = "refugee-document"
    OTHER = "other"


class Applicant(Base):
    """One person: names as in the passport's Latin line and in their own script, never transliterated by us."""

    __tablename__ = "applicant"
    __projected__ = True
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_applicant_site_search", "site_id", "search_name", "id"),
    )

    id: Mapped[str] = key()
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    number: Mapped[str] = mapped_column(String(24))
    family_name: Mapped[str] = mapped_column(String(120))  # empty never: a single name stands here
    given_names: Mapped[str] = mapped_column(String(160), default="")
    native_family_name: Mapped[str | None] = mapped_column(String(120))
    native_given_names: Mapped[str | None] = mapped_column(String(160))
    native_language: Mapped[str | None] = mapped_column(String(12))  # BCP 47, for the right font and direction
    # Folded, for look-up only; its words stand in ApplicantWord. The old one must be known when it changes.
    search_name: Mapped[str] = mapped_column(String(300), active_history=True)
    birth_date: Mapped[str] = mapped_column(String(10))  # 1985, 1985-04 or 1985-04-12: as known, never filled up
    sex: Mapped[Sex] = code(Sex)
    citizenship: Mapped[str] = mapped_column(String(3))  # ISO 3166-1 alpha-3
    residence: Mapped[str] = mapped_column(String(3))
    language: Mapped[str] = mapped_column(String(12))  # BCP 47, spoken to in
    interpreter_language: Mapped[str | None] = mapped_column(String(12))  # BCP 47; None: no interpreter is needed
    registered_at: Mapped[datetime] = moment()
    registered_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("applicant.id"), index=True)  # see models/merge.py
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    site: Mapped[Site] = relationship(lazy="joined", innerjoin=True)
    documents: Mapped[list[IdentityDocument]] = relationship(
        back_populates="applicant", order_by="IdentityDocument.id", lazy="selectin"
    )
    contacts: Mapped[list[ContactPoint]] = relationship(order_by="ContactPoint.position, ContactPoint.id")

    def list_contacts(self, kind: ContactKind) -> list[ContactPoint]:
        """How the person is reached now, what is used first in front."""
        present = [one for one in self.contacts if one.kind == kind and one.ended_at is None]
        return sorted(present, key=lambda one: one.position)

    def _find_first(self, kind: ContactKind) -> str | None:
        return next((one.value for one in self.list_contacts(kind)), None)

    @property
    def phone(self) -> str | None:
        """The telephone number to call first."""
        return self._find_first(ContactKind.PHONE)

    @property
    def email(self) -> str | None:
        """The e-mail address to write to first."""
        return self._find_first(ContactKind.EMAIL)

    @property
    def address(self) -> str | None:
        """Where the person stays now."""
        return self._find_first(ContactKind.ADDRESS)


class IdentityDocument(Base):
    """A passport or other paper, as shown or as read from its machine readable zone."""

    __tablename__ = "identity_document"
    __table_args__ = (Index("ix_identity_document_number", "number_key", "issuing_country"),)

    id: Mapped[str] = key()
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), index=True)
    kind: Mapped[DocumentKind] = code(DocumentKind)
    number: Mapped[str] = mapped_column(String(40))
    number_key: Mapped[str] = mapped_column(String(40))  # upper case, letters and digits only
    issuing_country: Mapped[str] = mapped_column(String(3))
    expires_on: Mapped[date | None]
    mrz: Mapped[str | None] = mapped_column(String(120))  # the lines as read, if it was read
    mrz_mismatches: Mapped[str | None] = mapped_column(Text)  # check digits that were wrong, accepted by a person
    recorded_at: Mapped[datetime] = moment()

    applicant: Mapped[Applicant] = relationship(back_populates="documents")


class ApplicantKey(Base):
    """Short keys by which likely doubles are found without reading every applicant."""

    __tablename__ = "applicant_key"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), primary_key=True, index=True)


class ApplicantWord(Base):
    """The words of a folded name, so that a beginning of any of them is found by index among a million people.

    Written with the applicant's row itself, below; one mechanism for both databases, and no extension to install.
    """

    __tablename__ = "applicant_word"
    __table_args__ = ({"sqlite_with_rowid": False},)  # the key is all there is: one tree instead of two

    site_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    word: Mapped[str] = mapped_column(String(LONGEST_WORD), primary_key=True)
    applicant_id: Mapped[str] = mapped_column(ForeignKey("applicant.id"), primary_key=True)


def list_search_words(search_name: str) -> list[str]:
    """The different words of a folded name, each cut to LONGEST_WORD characters."""
    return sorted({word[:LONGEST_WORD] for word in search_name.split()})


@event.listens_for(Applicant, "after_insert")
def _write_words(_mapper: Mapper[Applicant], connection: Connection, applicant: Applicant) -> None:
    rows = [{"site_id": applicant.site_id, "word": word, "applicant_id": applicant.id}
            for word in list_search_words(applicant.search_name)]
    if rows:
        connection.execute(insert(ApplicantWord.__table__), rows)  # type: ignore[arg-type]


@event.listens_for(Applicant, "after_update")
def _rewrite_words(mapper: Mapper[Applicant], connection: Connection, applicant: Applicant) -> None:
    if not inspect(applicant).attrs.search_name.history.has_changes():
        return
    connection.execute(delete(ApplicantWord).where(ApplicantWord.applicant_id == applicant.id,
                                                   ApplicantWord.site_id == applicant.site_id,
                                                   ApplicantWord.word.in_(_list_old_words(applicant))))
    _write_words(mapper, connection, applicant)


def _list_old_words(applicant: Applicant) -> list[str]:
    old = inspect(applicant).attrs.search_name.history.deleted
    return list_search_words(old[0]) if old else []
