"""What others fill in: the callables by which the clinic reaches FHIR and the authorities without knowing them.

`wsgi.py` fills them from `fhir` and `integrations` (docs/decisions/0001-one-datum.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from clinic.errors import Misconfigured
from clinic.lab_report import PersonReport
from clinic.line_test import LineReport
from clinic.many_rows import ReadyRows
from clinic.models import Authority, Case, Conclusion, InboundMessage, Laboratory, LabOrder, SignedExam, User

if TYPE_CHECKING:
    from clinic.queries.audit_trail import AuditEntry


@dataclass(frozen=True)
class DocumentOrder:
    """What a physician is about to sign: everything the document builder needs besides the case's own rows.

    `conclusion` is complete but not yet stored; `bundle_id` and `version` are those of the signed exam to come.
    """

    case: Case
    conclusion: Conclusion
    signer: User
    signed_at: datetime
    bundle_id: str
    version: int
    replaces: SignedExam | None = None
    amendment_reason: str | None = None


@dataclass(frozen=True)
class FrozenResource:
    """One FHIR resource as exact bytes; `version` counts within (authority, kind, id).

    What else is stored of it is worked out with the bytes, so that the signature's transaction stays short: `found_by`
    are its rows of the search index as the database's driver takes them, all but the authority that leads them.
    """

    kind: str
    id: str
    version: int
    body: bytes
    etag: str  # SHA-256 of `body`, hexadecimal
    found_by: tuple[Sequence[Any], ...]


@dataclass(frozen=True)
class BuiltDocument:
    """A document Bundle as exact bytes, and the resources an authority may read one by one once it is signed."""

    bundle_id: str
    body: bytes
    resources: tuple[FrozenResource, ...]


@dataclass(frozen=True)
class RenderedDelivery:
    """What leaves over one channel, composed and checked before the signature commits."""

    channel: str
    content_type: str
    body: bytes
    idempotency_key: str


@dataclass(frozen=True)
class PrintedExam:
    """What exists only once the exam is printed: the packet, the digest it names, and a number for a message.

    `control_id` is at most 20 characters (HL7 v2, MSH-10) and never given twice.
    """

    pdf: bytes
    sha256: str
    control_id: str


# Composes and checks one channel's bytes, when nothing is open any more.
ComposeDelivery = Callable[[PrintedExam], RenderedDelivery]

# The printed packet's exact bytes become the resources by which an authority fetches it.
AttachPrint = Callable[[bytes], tuple[FrozenResource, ...]]


@dataclass(frozen=True)
class OrderToSend:
    """What a laboratory is to be told of one order."""

    order: LabOrder
    laboratory: Laboratory
    act: str  # NW, CA, XO (HL7 table 0119)
    control_id: str  # at most 20 characters, never given twice
    reason: str
    label: str  # of the test
    their_code: tuple[str, str, str] | None  # what the laboratory calls the test, where it has told us
    orderer: User


@dataclass(frozen=True)
class MessageField:
    """One field of a message in words: where it stands, what it is called, and each of its repetitions.

    A repetition is its parts with anything in them: (what the part is called, its text); a plain value has no name.
    """

    place: str  # PID-5
    name: str
    values: tuple[tuple[tuple[str, str], ...], ...]
    is_report: bool = False  # the printed report, far too long to show


@dataclass(frozen=True)
class MessagePart:
    """One segment of an HL7 message, or one section of a FHIR document."""

    code: str  # PID; empty for a section
    name: str
    fields: tuple[MessageField, ...] = ()
    narrative: str = ""  # a section's own narrative: XHTML with nothing in it but known elements


@dataclass(frozen=True)
class MessageInWords:
    """What left or came in, readable; `text` is the whole as it is, the report left out."""

    title: str
    parts: tuple[MessagePart, ...]
    text: str


@dataclass
class Ports:
    """The callables; each raises Misconfigured until `wsgi.py` has filled it."""

    # Turn touched rows into stored FHIR versions, inside the caller's transaction.
    project: Callable[[Session, Sequence[object]], None]
    # Build and validate the document; raises InvalidInput naming what is missing.
    build_document: Callable[[DocumentOrder], BuiltDocument]
    # The versions of the clinic's own record that `project` would append once the order is signed; raises as it does.
    foresee: Callable[[DocumentOrder], ReadyRows]
    # The resources that can only be made once the signature over the Bundle's bytes exists (Provenance).
    build_proof: Callable[[DocumentOrder, BuiltDocument, str], tuple[FrozenResource, ...]]
    # What turns the printed packet into resources; called while the case is read, its answer when nothing is open.
    prepare_print: Callable[[DocumentOrder], AttachPrint]
    # New versions that say of a signed exam's resources that it was revoked, inside the caller's transaction.
    revoke: Callable[[Session, SignedExam], None]
    # What composes one channel's bytes for the authority; called while the case is read.
    render_delivery: Callable[[Authority, DocumentOrder, BuiltDocument, str], ComposeDelivery]
    # Freeze what the authority may read, inside the caller's transaction.
    release: Callable[[Session, SignedExam, Sequence[FrozenResource]], None]
    # A message's bytes in words; None when they are of no kind that we know.
    read_message: Callable[[bytes], MessageInWords | None]
    # What a stored message of a laboratory reports, by person, whatever way it came; empty when it cannot be read.
    read_reports: Callable[[InboundMessage, Laboratory], Sequence[PersonReport]]
    # The printed report inside a message's bytes; None when there is none.
    find_report: Callable[[bytes], bytes | None]
    # The names of the ways of sending that exist.
    list_channels: Callable[[], Sequence[str]]
    # What is wrong with an address for a way of sending, as one sentence in English; empty when it can be used.
    judge_address: Callable[[str, str], str]
    # Compose and check the message that asks a laboratory for an order; raises Misconfigured.
    compose_order: Callable[[OrderToSend], bytes]
    # The same for where a laboratory listens for orders.
    judge_laboratory_address: Callable[[str], str]
    # Try the line of a way of sending to an address, with a timeout, when nothing is open; sends no person's data.
    test_line: Callable[[str, str], LineReport]
    # Rows of the audit as one FHIR Bundle of AuditEvents.
    export_audit: Callable[[Sequence[AuditEntry]], bytes]


def _unfilled(*_args: object, **_named: object) -> None:
    raise Misconfigured("Start the application through wsgi.py: it connects its parts.")


ports = Ports(
    project=_unfilled,
    build_document=_unfilled,  # type: ignore[arg-type]
    foresee=_unfilled,  # type: ignore[arg-type]
    build_proof=_unfilled,  # type: ignore[arg-type]
    prepare_print=_unfilled,  # type: ignore[arg-type]
    revoke=_unfilled,
    render_delivery=_unfilled,  # type: ignore[arg-type]
    release=_unfilled,
    read_message=_unfilled,
    read_reports=_unfilled,  # type: ignore[arg-type]
    find_report=_unfilled,
    list_channels=_unfilled,  # type: ignore[arg-type]
    judge_address=_unfilled,  # type: ignore[arg-type]
    compose_order=_unfilled,  # type: ignore[arg-type]
    judge_laboratory_address=_unfilled,  # type: ignore[arg-type]
    test_line=_unfilled,  # type: ignore[arg-type]
    export_audit=_unfilled,  # type: ignore[arg-type]
)
