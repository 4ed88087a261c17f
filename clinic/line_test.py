"""What a test of the line to an authority can find; the test itself is a channel's own (clinic/ports.py)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LineResult(StrEnum):
    """How far a test came. It sends no person's data: it asks for what is public, or connects and hangs up."""

    ANSWERS = "answers"  # and is what the channel speaks to
    CONNECTS = "connects"  # the line stands; whether the authority understands us only a message can show
    ANSWERS_OTHERWISE = "answers-otherwise"  # somebody answers, but not as expected
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no-answer"
    UNUSABLE = "unusable"  # the address, or how it is to be sent


@dataclass(frozen=True)
class LineReport:
    """The result, and what the transport said of it (an HTTP status, a fault of the network)."""

    result: LineResult
    detail: str = ""
