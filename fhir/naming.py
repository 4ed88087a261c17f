"""Ids and references: the clinic's own keys inside the house, unlinkable ones for each authority and case outside it.

A released id is derived from authority, case, type and internal key, so that it is the same in every amendment, and
tells an authority neither our key nor whether another case is the same person.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from fhir.element import Element

_RELEASED = uuid.UUID("6f1d9f4e-2f5c-5c0c-9d0e-0c1ea4a7a001")  # made once; changing it would rename what was released


@dataclass(frozen=True)
class Naming:
    """How resources are called in the clinic's own record."""

    is_released = False

    def id_of(self, kind: str, key: str, part: str | None = None) -> str:
        """The resource id for a row's key, or for one part of what the row says."""
        return key if part is None else str(uuid.uuid5(_to_uuid(key), f"{kind}/{part}"))

    def refer(self, kind: str, key: str | None, part: str | None = None) -> Element | None:
        """A versionless relative reference; None for no key."""
        return {"reference": f"{kind}/{self.id_of(kind, key, part)}"} if key else None


@dataclass(frozen=True)
class ReleasedNaming(Naming):
    """How resources are called towards one authority within one case."""

    authority_id: str = field(default="")
    case_id: str = field(default="")
    is_released = True

    def id_of(self, kind: str, key: str, part: str | None = None) -> str:
        """As in the clinic's record, but derived for this authority and case.

        A case has one Patient towards its authority for good, also when the applicant's record is merged meanwhile.
        """
        if kind == "Patient":
            key = self.case_id
        return str(uuid.uuid5(_RELEASED, "/".join((self.authority_id, self.case_id, kind, key, part or ""))))


def _to_uuid(key: str) -> uuid.UUID:
    try:
        return uuid.UUID(key)
    except ValueError:
        return uuid.uuid5(_RELEASED, key)
