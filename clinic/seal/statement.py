"""What one seal says, in bytes that are hashed for the chain and signed with the installation's key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Statement:
    """One batch of rows, closed: which, how many, when by our clock, and after which seal.

    `witness` is the newest seal of the other stream: who cuts off one of them contradicts the other.
    """

    stream: str
    number: int
    layout: int
    sealed_at: datetime
    complete_to: datetime
    count: int
    first_id: str
    last_id: str
    members: str
    previous: str
    witness: str | None = None

    def to_bytes(self) -> bytes:
        """Canonical bytes: sorted JSON, moments in UTC to the microsecond."""
        plain = {
            name: value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
            for name, value in vars(self).items() if name != "witness" or value is not None
        }
        return json.dumps({"kind": "clearway-audit-seal", **plain}, sort_keys=True, separators=(",", ":")).encode()

    def hash(self) -> str:
        """SHA-256 of the statement, hexadecimal; the next seal names it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def digest_members(members: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 over (row id, row digest) in order, hexadecimal."""
    whole = hashlib.sha256()
    for row_id, digest in members:
        whole.update(json.dumps([row_id, digest.hex()]).encode())
    return whole.hexdigest()
