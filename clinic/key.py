"""Keys of rows: time-ordered UUIDs (RFC 9562 version 7), as text, the same on every database."""

from __future__ import annotations

import os
import struct
import threading
import uuid
from itertools import accumulate

from clinic import clock

NOISE_BITS = 74  # beneath the 48 bits of the milliseconds
STEP_BYTES = 4  # between two keys of one moment: nobody guesses the next
_STEP = struct.Struct(">I")  # of so many bytes

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new UUIDv7 in its usual 36-character form; sorts by the millisecond it was made in.

    Within a process a key never sorts before an earlier one, also in one millisecond and after the clock was set back
    (RFC 9562, 6.2, method 2).
    """
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """As many new keys, each sorting after the one before, for less than the price of one by one."""
    global _last
    value = _draw(int(clock.now().timestamp() * 1000))
    steps = _draw_steps(count)
    if clock.is_stopped():  # a test, or the demo telling of the past: that time is the one that is meant
        return [_write(one) for one in accumulate(steps[1:], initial=value)]
    with _lock:
        if value <= _last:
            value = _last + steps[0]
        values = list(accumulate(steps[1:], initial=value))
        _last = values[-1]
    return [_write(one) for one in values]


def new_id_after(earlier: str | None) -> str:
    """A new key that sorts after `earlier`, whatever the clock says."""
    made = new_id()
    if earlier is None or made > earlier:
        return made
    return _write(_read(earlier) + _draw_steps(1)[0])


def _draw(milliseconds: int) -> int:
    noise = int.from_bytes(os.urandom(10), "big") & ((1 << NOISE_BITS) - 1)
    return (milliseconds & ((1 << 48) - 1)) << NOISE_BITS | noise


def _draw_steps(count: int) -> list[int]:
    noise = os.urandom(STEP_BYTES * count)
    return [1 + step for (step,) in _STEP.iter_unpack(noise)]


def _write(value: int) -> str:
    moment, high, low = value >> NOISE_BITS, (value >> 62) & 0xFFF, value & ((1 << 62) - 1)
    # As uuid.UUID writes it, in a third of the time.
    text = f"{moment << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _read(key: str) -> int:
    whole = uuid.UUID(key).int
    return whole >> 80 << NOISE_BITS | ((whole >> 64) & 0xFFF) << 62 | whole & ((1 << 62) - 1)
