"""Specimens and laboratory results, one row for each test."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic.db import Base
from clinic.models.case import Case
from clinic.models.column import code, key, moment
from clinic.models.result import Recorded


class SpecimenKind(StrEnum):
    """What was taken."""

    BLOOD = "blood"
    SERUM = "serum"
    URINE = "urine"
    SPUTUM = "sputum"
    GASTRIC_ASPIRATE = "gastric-aspirate"


class Collection(StrEnum):
    """How a respiratory specimen was obtained (ca-au-nz-uk-addendum.md 2.1, us.md 1.5)."""

    EXPECTORATED = "expectorated"
    INDUCED = "induced"
    ASPIRATE = "aspirate"


class Purpose(StrEnum):
    """What a respiratory specimen is for; only those for the diagnosis make the series of an examination."""

    DIAGNOSIS = "diagnosis"
    MONITORING = "monitoring"
    END_OF_TREATMENT = "end-of-treatment"


MEDIA = ("liquid", "solid")  # a culture on each has its own clock and its own result


class SpecimenEventKind(StrEnum):
    """One hand-over, or what else happened to a specimen or its label."""

    DRAWN = "drawn"
    LABELLED = "labelled"
    REPRINTED = "reprinted"  # a further label, with the reason
    SENT = "sent"
    RECEIVED = "received"
    REJECTED = "rejected"
    STORED = "stored"
    DISCARDED = "discarded"


class RejectionReason(StrEnum):
    """Why a laboratory does not take a specimen (the matters of HL7 table 0490)."""

    HAEMOLYSED = "haemolysed"
    CLOTTED = "clotted"
    INSUFFICIENT = "insufficient"
    WRONG_CONTAINER = "wrong-container"
    BROKEN = "broken"
    UNLABELLED = "unlabelled"
    IDENTITY = "identity"
    LATE = "late"
    OTHER = "other"


# The WHERE of the partial index by which the clock finds cultures that should have been reported.
CULTURED = "kind in ('sputum', 'gastric-aspirate') and withdrawn_at is null and rejected_at is null"


class Specimen(Base):
    """One thing taken from one person at one time."""

    __tablename__ = "specimen"
    __projected__ = True
    __table_args__ = (
        Index("ix_specimen_cultured", "collected_on", "id", sqlite_where=text(CULTURED),
              postgresql_where=text(CULTURED)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    kind: Mapped[SpecimenKind] = code(SpecimenKind)
    collected_on: Mapped[date]
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("specimen.id"))  # the contaminated one
    withdrawn_at: Mapped[datetime | None] = moment()  # recorded by mistake
    collected_at: Mapped[datetime | None] = moment()  # the minute, where it is known; `collected_on` is its day
    collection: Mapped[Collection | None] = code(Collection, nullable=True)
    observed_by_id: Mapped[str | None] = mapped_column(String(36))  # the member of staff who watched it
    purpose: Mapped[Purpose] = code(Purpose, default=Purpose.DIAGNOSIS, server_default="diagnosis")
    treatment_month: Mapped[int | None]  # of a specimen taken during treatment
    inoculated_on: Mapped[date | None]  # the cultures' clocks begin; until it is known they begin at the collection
    media: Mapped[str | None] = mapped_column(String(20))  # what was inoculated, words of MEDIA; None: not said
    tube: Mapped[str | None] = mapped_column(String(20))  # of clinic/programmes/reference/tube.toml; None: sputum
    sent_at: Mapped[datetime | None] = moment()
    received_at: Mapped[datetime | None] = moment()  # by the laboratory
    rejected_at: Mapped[datetime | None] = moment()
    rejected_reason: Mapped[RejectionReason | None] = code(RejectionReason)
    discarded_at: Mapped[datetime | None] = moment()

    case: Mapped[Case] = relationship()
    results: Mapped[list[LabResult]] = relationship(back_populates="specimen", order_by="LabResult.id")

    @property
    def list_media(self) -> tuple[str, ...]:
        """The media inoculated; empty while nobody has said."""
        return tuple((self.media or "").split())

    @property
    def is_lost(self) -> bool:
        """Whether nothing will come of it: recorded by mistake, or not taken by the laboratory.

        A result that stands on one that was rejected afterwards counts on.
        """
        return self.withdrawn_at is not None or (
            self.rejected_at is not None and not any(row.is_current for row in self.results))

    @property
    def culture_began_on(self) -> date:
        """Day 0 of its cultures' clocks."""
        return self.inoculated_on or self.collected_on


class SpecimenEvent(Base):
    """One hand-over of a specimen: by whom, when, where. Rows are added and never edited."""

    __tablename__ = "specimen_event"

    id: Mapped[str] = key()
    specimen_id: Mapped[str] = mapped_column(ForeignKey("specimen.id"), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    kind: Mapped[SpecimenEventKind] = code(SpecimenEventKind)
    happened_at: Mapped[datetime] = moment()
    by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    place: Mapped[str] = mapped_column(String(80), default="")  # the room, shelf, courier or laboratory
    remark: Mapped[str] = mapped_column(Text, default="")


# The WHERE of the partial index of what waits for a second person.
WAITING = "status = 'preliminary' and superseded_at is null"
# Cultures that grew the complex: few, and looked for among all the others each minute.
GROWN = "test = 'sputum-culture' and value = 'mtb' and superseded_at is null"
# … and of what a second person sent back (who only withdraws a result is no second person).
SENT_BACK = "status = 'entered-in-error' and confirmed_by_id is not null and superseded_at is null"


class LabResult(Recorded, Base):
    """One test: entered by one person, confirmed by another before it counts."""

    __tablename__ = "lab_result"
    __projected__ = True
    __table_args__ = (
        Index("ix_lab_result_case", "case_id", "test"),
        Index("ix_lab_result_waiting", "case_id", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index("ix_lab_result_sent_back", "case_id", "test", sqlite_where=text(SENT_BACK),
              postgresql_where=text(SENT_BACK)),
        Index("ix_lab_result_grown", "performed_on", "specimen_id", sqlite_where=text(GROWN),
              postgresql_where=text(GROWN)),
    )

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"))
    specimen_id: Mapped[str | None] = mapped_column(ForeignKey("specimen.id"), index=True)  # sputum, gastric aspirate
    performed_on: Mapped[date]  # drawn, collected, or read (skin test)
    test: Mapped[str] = mapped_column(String(40))  # a test of the catalogue, clinic/programmes/reference
    value: Mapped[str] = mapped_column(String(60))  # a code of that test, or the number exactly as written
    unit: Mapped[str | None] = mapped_column(String(20))  # UCUM, for numbers; as reported, never converted
    reported_on: Mapped[date | None]
    method: Mapped[str | None] = mapped_column(String(24))  # one of the test's methods
    mark: Mapped[str | None] = mapped_column(String(12))  # of the laboratory: normal, low, high, critical
    refused_at: Mapped[datetime | None] = moment()  # the second person sent it back; the remark says why
    parent_series_id: Mapped[str | None] = mapped_column(String(36))  # the result this one was made on (OBR-26, OBR-29)
    order_id: Mapped[str | None] = mapped_column(String(36), index=True)  # a LabOrder; None: entered without one

    case: Mapped[Case] = relationship()
    specimen: Mapped[Specimen | None] = relationship(back_populates="results", lazy="joined")
    components: Mapped[list[LabComponent]] = relationship(
        cascade="all, delete-orphan", order_by="LabComponent.name", lazy="selectin"
    )

    @property
    def day(self) -> date:
        """The day from which it stands: that of the report, else that of the specimen."""
        return self.reported_on or self.performed_on

    @property
    def is_sent_back(self) -> bool:
        """Whether the second person refused it: not the same as withdrawn later."""
        return self.refused_at is not None


class LabComponent(Base):
    """One measured part of a result, e.g. the nil tube of an IGRA; digits as written."""

    __tablename__ = "lab_component"

    result_id: Mapped[str] = mapped_column(ForeignKey("lab_result.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(40))
    unit: Mapped[str | None] = mapped_column(String(20))


class SecondEntry(Base):
    """What the second person typed without seeing the first value, for tests marked so; never edited."""

    __tablename__ = "lab_second_entry"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    result_id: Mapped[str] = mapped_column(ForeignKey("lab_result.id"), index=True)
    value: Mapped[str] = mapped_column(String(60))
    unit: Mapped[str | None] = mapped_column(String(20))
    entered_at: Mapped[datetime] = moment()
    entered_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
    agrees: Mapped[bool]


class CriticalCall(Base):
    """Somebody was told of a critical value at once: who was called, when, and whether it was read back."""

    __tablename__ = "critical_call"

    id: Mapped[str] = key()
    case_id: Mapped[str] = mapped_column(ForeignKey("health_case.id"), index=True)
    result_id: Mapped[str] = mapped_column(ForeignKey("lab_result.id"), index=True)
    called: Mapped[str] = mapped_column(String(120))  # the person who was told
    called_at: Mapped[datetime] = moment()
    is_read_back: Mapped[bool]
    remark: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime] = moment()
    recorded_by_id: Mapped[str] = mapped_column(ForeignKey("user.id"))
