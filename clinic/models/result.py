"""The life of everything that is recorded as a result: who wrote it, who confirmed it, what replaced it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from clinic.key import new_id
from clinic.models.column import Code, Instant


class ResultStatus(StrEnum):
    """As FHIR Observation.status, the four that we use (R4, observation-status)."""

    PRELIMINARY = "preliminary"  # entered by one person
    FINAL = "final"  # confirmed by another
    CORRECTED = "corrected"  # replaces an earlier final one, and confirmed again
    ENTERED_IN_ERROR = "entered-in-error"  # withdrawn; kept and shown as such


class Recorded:
    """Columns of every recorded result.

    A correction is a new row with the same `series_id` and the next `revision`; the old row gets `superseded_at`
    and stays. The series is what becomes one FHIR resource, its revisions that resource's versions.
    """

    @declared_attr
    def series_id(cls) -> Mapped[str]:
        """Shared by all revisions of one result; the id of its FHIR resource."""
        return mapped_column(String(36), index=True, default=new_id)

    revision: Mapped[int] = mapped_column(default=1)
    status: Mapped[ResultStatus] = mapped_column(Code(ResultStatus), default=ResultStatus.PRELIMINARY)
    entered_at: Mapped[datetime] = mapped_column(Instant())
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant())
    superseded_at: Mapped[datetime | None] = mapped_column(Instant())
    remark: Mapped[str] = mapped_column(Text, default="")  # why corrected, withdrawn or refused stands here too

    @declared_attr
    def entered_by_id(cls) -> Mapped[str]:
        """The first person."""
        return mapped_column(ForeignKey("user.id"))

    @declared_attr
    def confirmed_by_id(cls) -> Mapped[str | None]:
        """The second person, never the first."""
        return mapped_column(ForeignKey("user.id"))

    @property
    def counts(self) -> bool:
        """Whether the rules may use it: confirmed, current and not withdrawn."""
        return self.superseded_at is None and self.status in (ResultStatus.FINAL, ResultStatus.CORRECTED)

    @property
    def is_sent_back(self) -> bool:
        """Whether a second person refused it; only the laboratory has one."""
        return False

    @property
    def is_current(self) -> bool:
        """Whether it is the newest revision and not withdrawn."""
        return self.superseded_at is None and self.status != ResultStatus.ENTERED_IN_ERROR
