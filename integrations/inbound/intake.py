"""Decides at once what can be known at once of a received message, and stores it before it is acknowledged.

Refused without storing: what is not for us, comes from nobody we know, or is of a kind we do not take. Anything about
the content is our own work later, never a refusal: senders repeat a refused message for ever (2.5.1, chapter 2.9).
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Engine, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from clinic import clock
from clinic.key import new_id
from clinic.lone_insert import LoneInsert
from clinic.many_rows import ManyRows
from clinic.models import InboundMessage, InboundState, InboundWay
from integrations.hl7.acknowledgement import AnswerForm, build_acknowledgement
from integrations.hl7.charset import UnknownCharset, decode, find_codec
from integrations.hl7.reader import Message, NotHl7, read_message
from integrations.hl7.word import APPLICATION, VERSION
from integrations.inbound.sender import LINE_FAULTS, KnownLaboratory, Senders

FROM_AUTHORITY = ("ACK",)  # MSH-9.1 of what we take of an authority
FROM_LABORATORY = {"ORU": ("R01",), "ORL": ("O22", "O34", "O36"), "ACK": ()}  # MSH-9.1, and its events; (): any
ANSWERS = ("ACK", "ORL")  # are themselves answers: nothing is said to them unless they ask
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2")
ACCEPT_WANTED = ("AL", "SU")  # MSH-15: always, on success
PRODUCTION = "P"  # MSH-11
NAME_LIMIT = 200
_BREAK = re.compile(rb"[\r\n]")
# A header of printable ASCII with the usual separators and no escape: it says the same in every encoding.
_USUAL = re.compile(
    rb"(?P<sender>MSH\|\^~\\&(?:\|[ -[\]-{}~]*){4})\|[ -[\]-{}~]*\|(?P<kind>[ -[\]-{}~]*\|[ -[\]-{}~]*)"
    rb"\|(?P<number>[0-9A-Za-z_.:/-]+)(?P<rest>(?:\|[ -[\]-~]*)?)(?=[\r\n]|\Z)")
KEPT = ("id", "received_at", "peer", "sender", "control_id", "kind", "way", "sha256", "raw", "answer", "laboratory_id",
        "times", "state", "state_reason")  # the columns that build_row fills
IDENTITY = ("sender", "control_id", "sha256")  # a message that agrees in these is the same one
RULINGS = 1000  # that are remembered of one list of senders
Refusal = tuple[str, str, str]  # code and name of table 0357, and a sentence
_table = cast(Table, InboundMessage.__table__)
# Built once: the listener runs them for every few messages.
_COUNT = update(_table).where(_table.c.id == bindparam("one")).values(times=_table.c.times + bindparam("more"))
_KNOWN = select(_table.c.id, _table.c.sender, _table.c.control_id, _table.c.sha256, _table.c.answer).where(
    _table.c.sender.in_(bindparam("senders", expanding=True)),
    _table.c.control_id.in_(bindparam("numbers", expanding=True)),
    _table.c.sha256.in_(bindparam("digests", expanding=True)))


class Arrival(NamedTuple):
    """One message as it came, without its frame."""

    frame: bytes
    peer: str  # address and port, or the file's name
    way: InboundWay = InboundWay.MLLP
    fingerprint: str = ""  # SHA-256 of the client certificate that the line was opened with


class Verdict(NamedTuple):
    """What to answer, None for nothing; and the columns of the row to keep, None when it is refused."""

    answer: bytes | None
    row: dict[str, Any] | None
    hang_up: bool = False
    is_stranger: bool = False  # refused because nobody of that name is known
    fault: str = ""  # of whom a refused one is, and why it is refused, for the log
    todo: str = ""  # a key of refusal.TODO


@dataclass(frozen=True)
class _Ruling:
    """What all messages with the same header, but for its time and its number, have in common."""

    is_refused: bool
    laboratory_id: str | None
    is_stranger: bool
    asks: bool  # for an acknowledgement
    sender: str
    kind: str
    answer: Callable[[str, datetime, str], str]  # of our number, the moment and MSH-10
    fault: str = ""  # as in Verdict
    todo: str = ""


def judge(
    arrival: Arrival, senders: Senders, takes_tests: bool = False, now: datetime | None = None,
    own_id: str | None = None,
) -> Verdict:  # fmt: skip
    """What is knowable at once of a frame; nothing is written.

    `takes_tests`: MSH-11 need not be P. `now` is when it came, which those that came together may share; `own_id` a key
    that was made for it.
    """
    try:
        ruling, control_id = _find_ruling(arrival, senders, takes_tests)
    except NotHl7:
        return Verdict(None, None, hang_up=True)  # without a readable header there is nobody to answer
    now, own_id = now or clock.now(), own_id or new_id()
    if ruling.is_refused:
        return Verdict(_answer(ruling, own_id, now, control_id), None, is_stranger=ruling.is_stranger,
                       fault=ruling.fault, todo=ruling.todo)
    row = build_row(arrival, ruling.sender, control_id, ruling.kind, ruling.laboratory_id, now=now, own_id=own_id)
    if ruling.asks:
        row["answer"] = _answer(ruling, own_id, now, control_id)
    return Verdict(row["answer"], row)


def _find_ruling(arrival: Arrival, senders: Senders, takes_tests: bool) -> tuple[_Ruling, str]:
    """The ruling on a header, and MSH-10. Laboratories' usual headers are remembered with `senders`. Raises NotHl7."""
    usual = _USUAL.match(arrival.frame)
    key = usual and (usual.group("sender", "kind", "rest"), arrival.peer.rsplit(":", 1)[0], arrival.way,
                     arrival.fingerprint, takes_tests)
    if usual is not None and (ruling := senders.rulings.get(key)) is not None:
        return ruling, usual["number"].decode("ascii")
    message = _read(arrival.frame)
    laboratory = senders.laboratories.get(_name(message, 3, 4, 6))
    ruling = _rule(message, arrival, senders, takes_tests, laboratory, is_usual=usual is not None)
    if usual is not None and laboratory is not None:  # what an authority sends is looked at whole
        if len(senders.rulings) >= RULINGS:
            senders.rulings.clear()
        senders.rulings[key] = ruling
    return ruling, message.control_id


def _rule(
    message: Message, arrival: Arrival, senders: Senders, takes_tests: bool, laboratory: KnownLaboratory | None,
    is_usual: bool,
) -> _Ruling:  # fmt: skip
    header = message.header
    is_authority = laboratory is None and _name(message, 3, 4) in senders.authorities
    refusal = _find_header_fault(message) or (
        _find_laboratory_fault(message, arrival, laboratory, takes_tests) if laboratory
        else _find_authority_fault(message, arrival, is_authority))
    is_original = not header.get(15) and not header.get(16)  # answered by its application; else by the storing machine
    asks = header.get(15) in ACCEPT_WANTED or (is_original and header.get(9) not in ANSWERS)
    code = ("A" if is_original else "C") + ("R" if refusal else "A")
    error, words = (refusal[:2], refusal[2]) if refusal else (None, "")

    def answer(own_id: str, now: datetime, _control_id: str) -> str:
        return build_acknowledgement(message, code, own_id, now, error, words)

    is_stranger = laboratory is None and not is_authority
    who = f"laboratory {laboratory.id}" if laboratory else f"sender {_name(message, 3, 4, 6)!a}"
    return _Ruling(
        refusal is not None, laboratory.id if laboratory else None, is_stranger, asks, _name(message, 3, 4),
        message.kind, AnswerForm(message, code, error, words).fill if is_usual else answer,
        f"{who}: {words}" if refusal else "", "no-sender" if is_stranger else LINE_FAULTS.get(words, ""))


def build_row(
    arrival: Arrival, sender: str, control_id: str, kind: str, laboratory_id: str | None, answer: bytes | None = None,
    state: InboundState = InboundState.NEW, reason: str = "", now: datetime | None = None, own_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The columns of a message to be kept; a NUL, which PostgreSQL keeps in no text, is left out of the names."""
    return {
        "id": own_id or new_id(), "received_at": now or clock.now(), "peer": arrival.peer.replace("\0", "")[:80],
        "sender": sender.replace("\0", "")[:NAME_LIMIT], "control_id": control_id.replace("\0", "")[:NAME_LIMIT],
        "kind": kind.replace("\0", "")[:20], "way": arrival.way,
        "sha256": hashlib.sha256(arrival.frame).hexdigest(), "raw": arrival.frame, "answer": answer,
        "laboratory_id": laboratory_id, "times": 1, "state": state, "state_reason": reason,
    }


def store(unit: Session | Connection, verdicts: Sequence[Verdict]) -> list[bytes | None]:
    """Keep every new message inside the caller's write unit; gives the answers, a repetition's as the first time."""
    connection = unit.connection() if isinstance(unit, Session) else unit
    rows = [verdict.row for verdict in verdicts if verdict.row is not None]
    fresh = _insert(connection, rows) if rows else set()
    known = _list_known(connection, [row for row in rows if row["id"] not in fresh])
    again: dict[str, int] = {}
    answers: list[bytes | None] = []
    for verdict in verdicts:
        row = verdict.row
        if row is None or row["id"] in fresh:
            answers.append(verdict.answer)
        else:
            message_id, answer = known[row["sender"], row["control_id"], row["sha256"]]
            again[message_id] = again.get(message_id, 0) + 1
            answers.append(answer)
    if again:
        connection.execute(_COUNT, [{"one": message_id, "more": more} for message_id, more in again.items()])
    return answers


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[str]:
    """The ids of those rows that were new; of two alike the first. One statement, however many they are."""
    return {found[0] for found in connection.exec_driver_sql(*build_insert(connection.dialect.name).say(rows))}


@lru_cache
def build_insert(database: str, returns_ids: bool = True) -> ManyRows:
    """The statement that keeps messages, but for repetitions; with or without asking which ones those are."""
    new = (sqlite if database == "sqlite" else postgresql).insert(_table)
    new = new.values({name: bindparam(name) for name in KEPT}).on_conflict_do_nothing(index_elements=IDENTITY)
    return ManyRows(new.returning(_table.c.id) if returns_ids else new, database)


def build_lone_insert(engine: Engine) -> LoneInsert:
    """The same over a connection of its own; `close` it."""
    is_embedded = engine.dialect.name == "sqlite"
    return LoneInsert(engine, build_insert(engine.dialect.name, returns_ids=not is_embedded))


def _list_known(
    connection: Connection, rows: list[dict[str, Any]]
) -> dict[tuple[str, str, str], tuple[str, bytes | None]]:
    if not rows:
        return {}
    found = connection.execute(_KNOWN, {
        "senders": list({row["sender"] for row in rows}), "digests": list({row["sha256"] for row in rows}),
        "numbers": list({row["control_id"] for row in rows})})
    return {(row.sender, row.control_id, row.sha256): (row.id, row.answer) for row in found}


def _read(frame: bytes) -> Message:
    """The header alone, which is all that is judged at once; raises NotHl7.

    Bytes that are not what MSH-18 says are the content's fault, not the header's: they are kept for a person.
    """
    header = _BREAK.split(frame.removeprefix(codecs.BOM_UTF8), maxsplit=1)[0]
    try:
        return read_message(decode(header))
    except (UnicodeDecodeError, UnknownCharset):
        return read_message(header.decode("latin-1"))


def _find_header_fault(message: Message) -> Refusal | None:
    header = message.header
    if header.get(5) != APPLICATION:
        return "207", "Application internal error", "MSH-5 does not name this application"
    if header.get(12) not in VERSIONS:
        return "203", "Unsupported version id", f"Send version {VERSION}"
    if not message.control_id:
        return "101", "Required field missing", "MSH-10 is empty"
    return None


def _find_authority_fault(message: Message, arrival: Arrival, is_known: bool) -> Refusal | None:
    if not is_known:
        return "207", "Application internal error", "MSH-3, MSH-4 and MSH-6 name no sender that is known here"
    if message.header.get(9) not in FROM_AUTHORITY:
        return "200", "Unsupported message type", f"Messages of these types are taken: {', '.join(FROM_AUTHORITY)}"
    return None if _can_be_decoded(arrival.frame) else ("102", "Data type error", "MSH-18 does not fit the message")


def _find_laboratory_fault(
    message: Message, arrival: Arrival, laboratory: KnownLaboratory, takes_tests: bool
) -> Refusal | None:
    kind, event = message.header.get(9), message.header.get(9, 2)
    if fault := laboratory.find_fault(arrival.way, arrival.peer.rsplit(":", 1)[0], arrival.fingerprint):
        return "207", "Application internal error", fault
    if kind not in FROM_LABORATORY:
        return "200", "Unsupported message type", f"Messages of these types are taken: {', '.join(FROM_LABORATORY)}"
    if FROM_LABORATORY[kind] and event not in FROM_LABORATORY[kind]:
        taken = ", ".join(f"{kind}^{one}" for one in FROM_LABORATORY[kind])
        return "201", "Unsupported event code", f"Of these events: {taken}"
    if not takes_tests and (message.header.get(11) or PRODUCTION) != PRODUCTION:
        return "202", "Unsupported processing id", "This is a productive system: MSH-11 must be P"
    try:
        find_codec(arrival.frame)
    except UnknownCharset:
        return "102", "Data type error", "MSH-18 names a character set that is not read here"
    return None


def _can_be_decoded(frame: bytes) -> bool:
    try:
        decode(frame)
    except (UnicodeDecodeError, UnknownCharset):
        return False
    return True


def _name(message: Message, *positions: int) -> str:
    return "|".join(message.header.get(position) for position in positions)[:NAME_LIMIT]


def _answer(ruling: _Ruling, own_id: str, now: datetime, control_id: str) -> bytes:
    return ruling.answer(own_id.replace("-", "")[-20:], now, control_id).encode()
