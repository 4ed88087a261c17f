"""Who may send to us: the authorities that we send HL7 to, and the partner laboratories, each by its names in MSH."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic.models import Authority, InboundWay, Laboratory
from integrations.transport.mllp import parse_peer

LOOPBACK = ("127.0.0.1", "::1")
OTHER_CERTIFICATE = "The certificate is not the one that is registered for this sender"
NO_TLS = "This sender is taken over TLS with its certificate only"
LINE_FAULTS = {OTHER_CERTIFICATE: "certificate", NO_TLS: "no-tls"}  # what to do about each (refusal.TODO)


@dataclass(frozen=True)
class KnownLaboratory:
    """What must be right before a laboratory's message is taken, and how it is read."""

    id: str
    fingerprint: str
    plain_allowed: bool
    charset: str

    def find_fault(self, way: InboundWay, host: str, fingerprint: str) -> str:
        """Why a message under its names is not taken on this line; empty when it is.

        Its certificate proves the laboratory. Without encryption it is believed on this very machine while no
        certificate is registered, elsewhere only where an administrator said so.
        """
        if way is InboundWay.MLLP_TLS:
            return "" if self.fingerprint and fingerprint == self.fingerprint else OTHER_CERTIFICATE
        if way is InboundWay.MLLP and not self.plain_allowed and (self.fingerprint or host not in LOOPBACK):
            return NO_TLS
        return ""


@dataclass(frozen=True)
class Senders:
    """Everybody who may send: names joined by `|`."""

    authorities: frozenset[str] = frozenset()  # MSH-3 and MSH-4
    laboratories: dict[str, KnownLaboratory] = field(default_factory=dict)  # MSH-3, MSH-4 and MSH-6
    rulings: dict[Any, Any] = field(default_factory=dict, compare=False)  # what intake.py remembers of their headers


def list_senders(session: Session) -> Senders:
    """Everybody who may send to us now."""
    authorities = set()
    for endpoint in session.execute(select(Authority.endpoint)).scalars():
        try:
            peer = parse_peer(endpoint)
        except ValueError:
            continue
        authorities.add(f"{peer.application}|{peer.facility}")
    rows = session.execute(select(
        Laboratory.id, Laboratory.application, Laboratory.facility, Laboratory.our_facility, Laboratory.fingerprint,
        Laboratory.plain_allowed, Laboratory.charset).where(Laboratory.active.is_(True)))
    laboratories = {f"{row.application}|{row.facility}|{row.our_facility}": KnownLaboratory(
        row.id, row.fingerprint, row.plain_allowed, row.charset) for row in rows}
    return Senders(frozenset(authorities), laboratories)
