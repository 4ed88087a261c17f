"""JSON lines in, JSON lines out: a bad line gets one sentence on its own line, every other line its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from clinic.rules.decision import decide
from clinic.rules.fact import FactError
from clinic.rules.igra import interpret_igra

BLANK = "This line is blank: write one JSON object a line."


class Writer(Protocol):
    """A text stream to write on."""

    def write(self, text: str, /) -> object:
        """Write a text."""


def decide_lines(lines: Iterable[bytes], out: Writer) -> int:
    """Decide every line; 1 if any line was not valid facts, else 0.

    Line n of the output answers line n of the input. A blank line between others is not valid facts and says so;
    blank lines at the end of the input are no lines.
    """
    return answer_lines(lines, out, decide)


def interpret_igra_lines(lines: Iterable[bytes], out: Writer) -> int:
    """Read quantitative IGRA values line by line; 1 if any line was not valid values, else 0."""
    return answer_lines(lines, out, _interpret)


def _interpret(raw: Any) -> dict[str, Any]:
    interpretation = interpret_igra(raw)
    name = _find_id(raw)
    return {"interpretation": interpretation} if name is None else {"id": name, "interpretation": interpretation}


def answer_lines(lines: Iterable[bytes], out: Writer, answer: Callable[[Any], dict[str, Any]]) -> int:
    """Answer every line; see decide_lines."""
    failed, blank = False, 0
    for number, line in enumerate(lines):
        if number == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            blank += 1
            continue
        replies = [{"id": None, "error": BLANK}] * blank + [answer_line(line, answer)]
        blank = 0
        for reply in replies:
            failed = failed or "error" in reply
            out.write(json.dumps(reply) + "\n")
    return int(failed)


def answer_line(line: bytes, answer: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The answer to one line, or `{"id": …, "error": …}`."""
    raw: Any = None
    try:
        raw = parse_json(line)
        return answer(raw)
    except FactError as error:
        return {"id": _find_id(raw), "error": error.message}
    except RecursionError:
        return {"id": _find_id(raw), "error": "facts: nested too deeply."}


def parse_json(text: bytes | str) -> Any:
    """One JSON value, decimals exact; raises FactError for what is not JSON, repeats a key or holds NaN."""
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise FactError("facts", "the line is not UTF-8") from None
    try:
        return _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        raise FactError("facts", f"not JSON at character {error.pos + 1}: {error.msg[:60]}") from None
    except RecursionError:
        raise FactError("facts", "nested too deeply") from None


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FactError(twice[:80] or "facts", "is given twice")
    return row


def _read_whole(text: str) -> int | Decimal:
    # Python refuses to read integers of thousands of digits; no fact has more than a dozen
    if len(text) > 30:
        raise FactError("facts", f"the number {text[:12]}... is too long")
    return int(text)


def _read_decimal(text: str) -> Decimal:
    if len(text) > 60:
        raise FactError("facts", f"the number {text[:12]}... is too long")
    return Decimal(text)


def _refuse_constant(text: str) -> Any:
    raise FactError("facts", f"{text} is not a number of JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object, parse_int=_read_whole, parse_float=_read_decimal, parse_constant=_refuse_constant
)


def _find_id(raw: Any) -> str | None:
    name = raw.get("id") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else None
