"""Decides at once what can be known at once of a received message, and stores it before it is acknowledged.

Refused without storing: what is not for us, comes from nobody we know, or is of a kind we do not take. Anything about
the content is our own work later, never a refusal: senders repeat a refused message for ever (2.5.1, chapter 2.9).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic import clock
from clinic.key import new_id
from clinic.models import Authority, InboundMessage
from integrations.hl7.acknowledgement import build_acknowledgement
from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.reader import Message, NotHl7, read_message
from integrations.hl7.word import APPLICATION, VERSION
from integrations.transport.mllp import parse_peer

KINDS = ("ACK",)  # MSH-9.1 of what we take
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2")
ACCEPT_WANTED = ("AL", "SU")  # MSH-15: always, on success
NAME_LIMIT = 200


@dataclass(frozen=True)
class Arrival:
    """One frame as it came over the line."""

    frame: bytes
    peer: str


@dataclass(frozen=True)
class Verdict:
    """What to answer, None for nothing; and the row to keep, None when it is refused."""

    answer: bytes | None
    row: InboundMessage | None
    hang_up: bool = False


def list_senders(session: Session) -> frozenset[str]:
    """Everybody who may send to us, as MSH-3 and MSH-4: the authorities that we send HL7 to."""
    found = set()
    for endpoint in session.execute(select(Authority.endpoint)).scalars():
        try:
            peer = parse_peer(endpoint)
        except ValueError:
            continue
        found.add(f"{peer.application}|{peer.facility}")
    return frozenset(found)


def judge(arrival: Arrival, senders: frozenset[str]) -> Verdict:
    """What is knowable at once of a frame; nothing is written."""
    try:
        message = read_message(decode(arrival.frame))
    except (NotHl7, UnicodeDecodeError, UnknownCharset):
        return Verdict(None, None, hang_up=True)  # without a readable header there is nobody to answer
    refusal = _find_refusal(message, senders)
    if refusal is not None:
        code, name, words = refusal
        return Verdict(_answer(message, "AR" if _is_original(message) else "CR", (code, name), words), None)
    wanted = message.header.get(15)
    asks = wanted in ACCEPT_WANTED or (_is_original(message) and message.header.get(9) not in KINDS)
    answer = _answer(message, "AA" if _is_original(message) else "CA") if asks else None
    return Verdict(answer, InboundMessage(
        id=new_id(), received_at=clock.now(), peer=arrival.peer[:80], sender=_sender(message),
        control_id=message.control_id[:NAME_LIMIT], kind=message.kind[:20],
        sha256=hashlib.sha256(arrival.frame).hexdigest(), raw=arrival.frame, answer=answer,
    ))  # fmt: skip


def store(session: Session, verdicts: list[Verdict]) -> list[bytes | None]:
    """Keep every new message inside the caller's write unit; gives the answers, a repetition's as the first time."""
    answers: list[bytes | None] = []
    fresh: dict[tuple[str, str, str], InboundMessage] = {}
    for verdict in verdicts:
        row = verdict.row
        if row is None:
            answers.append(verdict.answer)
            continue
        identity = (row.sender, row.control_id, row.sha256)
        known = fresh.get(identity) or _find_known(session, row)
        if known is None:
            session.add(row)
            fresh[identity] = row
        else:
            known.times += 1
        answers.append((known or row).answer)
    session.flush()
    return answers


def _find_known(session: Session, row: InboundMessage) -> InboundMessage | None:
    return session.execute(
        select(InboundMessage).where(
            InboundMessage.sender == row.sender,
            InboundMessage.control_id == row.control_id,
            InboundMessage.sha256 == row.sha256,
        )
    ).scalar_one_or_none()


def _find_refusal(message: Message, senders: frozenset[str]) -> tuple[str, str, str] | None:
    """A code and name of table 0357 and a sentence; None when there is no reason to refuse."""
    header = message.header
    if header.get(5) != APPLICATION:
        return "207", "Application internal error", "MSH-5 does not name this application"
    if _sender(message) not in senders:
        return "207", "Application internal error", "MSH-3 and MSH-4 name no sender that is known here"
    if header.get(12) not in VERSIONS:
        return "203", "Unsupported version id", f"Send version {VERSION}"
    if header.get(9) not in KINDS:
        return "200", "Unsupported message type", f"Messages of these types are taken: {', '.join(KINDS)}"
    if not message.control_id:
        return "101", "Required field missing", "MSH-10 is empty"
    return None


def _sender(message: Message) -> str:
    return f"{message.header.get(3)}|{message.header.get(4)}"[:NAME_LIMIT]


def _is_original(message: Message) -> bool:
    return not message.header.get(15) and not message.header.get(16)


def _answer(message: Message, code: str, error: tuple[str, str] | None = None, words: str = "") -> bytes:
    own_id = new_id().replace("-", "")[-20:]
    return build_acknowledgement(message, code, own_id, clock.now(), error, words).encode()
