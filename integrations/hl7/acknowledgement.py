"""Acknowledgements: reading a peer's, writing our own (2.5.1, chapters 2.9 and 2.13.1, tables 0008 and 0357)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from integrations.hl7.charset import UTF_8, UnknownCharset, decode
from integrations.hl7.composer import Field, SegmentDraft, compose
from integrations.hl7.escape import escape
from integrations.hl7.moment import format_moment
from integrations.hl7.reader import Message, NotHl7, Segment, read_message
from integrations.hl7.word import VERSION

ACCEPT_LEVEL = ("CA", "CE", "CR")  # the machine has stored it, or says why not
APPLICATION_LEVEL = ("AA", "AE", "AR")  # the authority's own word
POSITIVE = ("CA", "AA")
DUPLICATE = "205"
TRANSIENT = ("206", "207")  # table 0357: record locked, application internal error
# ORC-1 of an ORL (table 0119): the message was read, and what it asks is not done.
ORDER_REFUSALS = {"UA": "Unable to accept the order", "UC": "Unable to cancel", "UD": "Unable to discontinue",
                  "UH": "Unable to put on hold", "UM": "Unable to replace", "UR": "Unable to release",
                  "UX": "Unable to change", "DE": "Data errors"}  # fmt: skip


class Unreadable(Exception):
    """What came back is no acknowledgement that can be believed."""


@dataclass(frozen=True)
class Acknowledgement:
    """What a peer says of one message."""

    code: str  # MSA-1
    control_id: str  # MSA-2: the message it speaks of
    errors: tuple[str, ...]  # table 0357 codes of ERR-3
    words: str  # what it says in text, for people
    text: str  # the whole as it came
    own_id: str  # its own MSH-10, which nobody may rely on
    refuses_order: bool = False  # an ORL that takes the message and not the order in it

    @property
    def is_positive(self) -> bool:
        """Whether it takes the message, and the order where there is one."""
        return self.code in POSITIVE and not self.refuses_order

    @property
    def is_application_level(self) -> bool:
        """Whether the authority itself speaks, not only its machine."""
        return self.code in APPLICATION_LEVEL

    @property
    def is_duplicate(self) -> bool:
        """Whether it says that it has something under our number already."""
        return DUPLICATE in self.errors

    @property
    def is_transient(self) -> bool:
        """Whether the same bytes may be taken later: an error (not a rejection) without a code, or a passing one."""
        if self.code not in ("AE", "CE"):
            return False
        return not self.errors or any(code in TRANSIENT for code in self.errors)


def read_acknowledgement(frame: bytes) -> Acknowledgement:
    """The acknowledgement in an unwrapped frame; raises Unreadable."""
    try:
        message = read_message(decode(frame))
    except (NotHl7, UnknownCharset, UnicodeDecodeError) as error:
        raise Unreadable(f"the reply is no HL7 message: {error}") from error
    msa = message.find("MSA")
    if msa is None:
        raise Unreadable("the reply has no MSA segment")
    code = msa.get(1).strip().upper()
    if code not in ACCEPT_LEVEL + APPLICATION_LEVEL:
        raise Unreadable(f"the reply's MSA-1 is none of the codes of table 0008: {code[:20]!r}")
    errors = list(message.list("ERR"))
    refusal = _find_refusal(message)
    return Acknowledgement(
        code=code, control_id=msa.get(2).strip(), errors=tuple(filter(None, (error.get(3) for error in errors))),
        words=_words(msa, errors, refusal), text=message.text, own_id=message.control_id,
        refuses_order=bool(refusal),
    )  # fmt: skip


def build_acknowledgement(
    received: Message, code: str, own_id: str, now: datetime, error: tuple[str, str] | None = None, words: str = "",
    wants_answer: bool = False,
) -> str:  # fmt: skip
    """Our answer to `received`: sender and receiver change places, MSA-2 is its MSH-10.

    `error` is a code and name of table 0357; `words` must never hold anything about a
    person. `wants_answer` asks the receiver to confirm that it stored our answer (MSH-15).
    """
    own = (format_moment(now), own_id, received.control_id)
    return _write(received.header, code, own, error, words, wants_answer)


class AnswerForm:
    """Our answer to all messages whose headers, plain ASCII without escapes, differ in time and number alone."""

    def __init__(self, received: Message, code: str, error: tuple[str, str] | None = None, words: str = "") -> None:
        """`received` is one of them; for the rest see `build_acknowledgement`."""
        text = _write(received.header, code, _MARKS, error, words)
        self._before, self._between, self._then, self._after = re.split("|".join(_MARKS), text)
        self._moment: datetime | None = None  # of the last answer: those that came together share it
        self._begun = ""  # with that moment

    def fill(self, own_id: str, now: datetime, control_id: str) -> str:
        """The answer, whose number is `own_id`, letters and digits, to the message whose MSH-10 is `control_id`."""
        if now is not self._moment:
            self._moment, self._begun = now, f"{self._before}{format_moment(now)}{self._between}"
        return f"{self._begun}{own_id}{self._then}{escape(control_id)}{self._after}"


_MARKS = ("\ue000", "\ue001", "\ue002")  # of Unicode's private use, where time, own number and MSA-2 go


def _write(
    header: Segment, code: str, own: tuple[str, str, str], error: tuple[str, str] | None, words: str,
    wants_answer: bool = False,
) -> str:  # fmt: skip
    moment, own_id, control_id = own
    trigger = header.get(9, 2)
    kind: Field = ("ACK", trigger, "ACK") if trigger else "ACK"
    segments = [
        SegmentDraft("MSH", {
            3: header.get(5), 4: header.get(6), 5: header.get(3), 6: header.get(4), 7: moment, 9: kind,
            10: own_id, 11: header.get(11) or "P", 12: VERSION, 15: "AL" if wants_answer else "NE", 16: "NE", 18: UTF_8,
        }),
        SegmentDraft("MSA", {1: code, 2: control_id}),
    ]  # fmt: skip
    if error:
        segments.append(SegmentDraft("ERR", {3: (*error, "HL70357"), 4: "E", 8: words}))
    return compose(segments)


def _find_refusal(message: Message) -> list[str]:
    """In what words an ORL refuses the order that it answers; empty where it does not."""
    orc = next((one for one in message.list("ORC") if one.get(1).strip().upper() in ORDER_REFUSALS), None)
    if orc is None or message.header.get(9) != "ORL":
        return []
    return [ORDER_REFUSALS[orc.get(1).strip().upper()], orc.get(16, 2) or orc.get(16),
            *(note.get_text(3) for note in message.list("NTE"))]


def _words(msa: Segment, errors: list[Segment], refusal: list[str]) -> str:
    found = [msa.get(3), *refusal]
    for error in errors:
        found += [error.get(8) or error.get(7) or error.get(3, 2)]
    return "; ".join(dict.fromkeys(word.strip() for word in found if word.strip()))[:300]
