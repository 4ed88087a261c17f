"""What strangers send: texts, numbers and bytes that break readers, with marks by which an answer betrays itself."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

MARK = "fz7"  # an element, attribute, header or host of this name in an answer was not escaped
PRODUCT = str(7191 * 7193)  # stands in an answer only if somebody computed a template of ours
HOST = f"{MARK}.example"

MARKUP = (
    f"<{MARK} on{MARK}=1>",
    f"\"'><{MARK} on{MARK}=1>",
    f"</script><{MARK}>",
    f"--><{MARK}>",
    f"' on{MARK}=1 x='",
    f'" on{MARK}=1 x="',
    f"javascript:{MARK}",
    "{{7191*7193}}",
    "${7191*7193}",
    "{%print 7191*7193%}",
)
ADDRESSES = (
    f"//{HOST}/",
    f"https://{HOST}/",
    f"/\\{HOST}",
    f"\t//{HOST}",
    f"http:///{HOST}",
    "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/%00",
    "file:///etc/passwd",
    f"/\r\nX-{MARK}: 1",
)
STATEMENTS = (
    "' or '1'='1",
    "'; drop table applicant;--",
    '" or 1=1--',
    "1) union select 1--",
    "%' or '%'='",
    "\\",
    "%",
    "_%",
    "%(x)s",
    "%s%n%d",
    "{0}",
    "{0.__class__}",
    "{}",
    "$(id)",
    "`id`",
    "|id",
    "=1+1",
    "@x",
)
LETTERS = (
    "\0",
    "a\0b",
    "\x0b",
    "\x1c\r",
    "\r\n",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e321",
    "\u2066x",
    "\u200b",
    "\ufeff",
    "\ufffe",
    "\U0010ffff",
    "\ud800",
    "a\udfff",
    "İ",
    "ı",
    "ß",
    "ŉ",
    "ﬃ",
    "ΐ",
    "e\u0301" * 40,
    "\u0489" * 300,
    "٣",
    "１２",
    "²",
    "①",
    "𝟗",
    "Ⅳ",
    "क्ष",
    "👩‍👩‍👧‍👦",
    "\u1e9b\u0323",
    "ǅ",
    "\U000e0041",
    " ",
    "\u3000",
    "\u00a0",
)
NUMBERS = (
    "-1",
    "0",
    "-0",
    "1e308",
    "1e309",
    "1e-400",
    "-1e9999999",
    "NaN",
    "sNaN",
    "Infinity",
    "-inf",
    "0x10",
    "1_000",
    "1,5",
    ".5",
    "5.",
    "00012",
    "9" * 5000,
    "0." + "1" * 5000,
    "2147483648",
    "-2147483649",
    "9223372036854775808",
    "1e5",
    "+1",
    "170141183460469231731687303715884105728",
    "１２",
    "٣",
    "²",
    "1 000",
    "0.1.2",
    "--1",
    "1/0",
)
DAYS = (
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "-0001-01-01",
    "2026-02-29",
    "2026-02-30",
    "1900-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-11-31",
    "1582-10-10",
    "31-12-9999",
    "01/02/03",
    "2026-W01-1",
    "2026-366",
    "20261120",
    "1e3",
    "2026-11-20T24:00:00Z",
    "2026-06-30T23:59:60Z",
    "2026-11-20T10:00:00+14:00",
    "2026-11-20T10:00:00.123456789Z",
    "2026-11-20T10:00:00+99:99",
    "2026-11",
    "0000",
    "9999",
    "99999999999999",
    "٢٠٢٦-١١-٢٠",
    "today",
    "29-Feb-1900",
)
IDS = (
    "",
    "0",
    "-1",
    "null",
    "None",
    "undefined",
    "00000000-0000-0000-0000-000000000000",
    "x" * 300,
    "a/../b",
    "é",
    "\0",
    "01a225d4-226a-745f-92ff-9f0ab2d6d179",
    "%00",
    "true",
    "[]",
)
LONG = ("A" * 300, "x " * 5000, "é" * 70000, "<" * 20000)
ALL = MARKUP + ADDRESSES + STATEMENTS + LETTERS + NUMBERS + DAYS + IDS
PLAIN = (None, True, False, 0, -1, 1.5, 1e308, 2**63, "", [], {}, [[]], [None], {"": None}, {"a": {"a": {}}})


def draw_text(chance: Random, sendable: bool = False) -> str:
    """One hostile text; `sendable` leaves out what cannot be written in UTF-8."""
    text = chance.choice(LONG) if chance.random() < 0.02 else chance.choice(ALL)
    if chance.random() < 0.2:
        text += chance.choice(ALL)
    return text.encode("utf-8", "ignore").decode() if sendable else text


def mutate_text(chance: Random, text: str) -> str:
    """`text` with a piece replaced, doubled, lost or moved, or another text altogether."""
    at, end = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
    end = min(end, at + chance.choice((1, 1, 3, 20)))
    match chance.randrange(7):
        case 0:
            return draw_text(chance)
        case 1:
            return text[:at] + draw_text(chance) + text[end:]
        case 2:
            return text[:at] + text[end:]
        case 3:
            return text[:at] + text[at:end] * chance.choice((2, 3, 50)) + text[end:]
        case 4:
            return text.swapcase() if chance.random() < 0.5 else text[::-1]
        case 5:
            return text[:at]
        case _:
            return text + draw_text(chance)


def mutate_bytes(chance: Random, content: bytes, times: int = 1) -> bytes:
    """`content` with some places overwritten, lost, doubled or filled with noise."""
    made = bytearray(content)
    for _ in range(times):
        at = chance.randrange(len(made) + 1)
        end = min(len(made), at + chance.choice((1, 1, 1, 2, 4, 16, 200)))
        match chance.randrange(6):
            case 0:
                made[at:end] = chance.randbytes(end - at)
            case 1:
                made[at:end] = chance.choice((b"\xff", b"\0", b"\x7f", b"\x80", b"\r", b"\x0b", b"\x1c")) * (end - at)
            case 2:
                del made[at:end]
            case 3:
                made[at:at] = made[at:end] * chance.choice((1, 2, 20))
            case 4:
                made[at:at] = chance.randbytes(chance.choice((1, 2, 8)))
            case _:
                if chance.random() < 0.3:
                    del made[at:]
    return bytes(made)


def mutate_json(chance: Random, value: Any, depth: int = 0) -> Any:
    """A JSON value with one place of it changed: another type, a hostile text, a member lost, doubled or renamed."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        made = dict(value)
        kind = chance.randrange(8)
        if kind == 0:
            del made[name]
        elif kind == 1:
            made[mutate_text(chance, name)] = made.pop(name)
        elif kind == 2:
            made[draw_text(chance)] = chance.choice(PLAIN)
        else:
            made[name] = mutate_json(chance, value[name], depth + 1)
        return made
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        kind = chance.randrange(5)
        if kind == 0:
            return value[:place] + value[place + 1 :]
        if kind == 1:
            return value[:place] + [value[place]] * chance.choice((2, 3, 40)) + value[place + 1 :]
        return [*value[:place], mutate_json(chance, value[place], depth + 1), *value[place + 1 :]]
    if isinstance(value, str) and chance.random() < 0.6:
        return mutate_text(chance, value)
    if chance.random() < 0.1:
        return nest(chance.choice((50, 300)))
    return chance.choice(PLAIN) if chance.random() < 0.6 else draw_text(chance)


def nest(depth: int) -> Any:
    """Lists within lists."""
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


def pick(chance: Random, things: Sequence[Any], most: int) -> list[Any]:
    """Some of `things`, in their order."""
    places = sorted(chance.sample(range(len(things)), min(len(things), chance.randint(0, most))))
    return [things[place] for place in places]
