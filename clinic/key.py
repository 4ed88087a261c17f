"""Keys of rows: time-ordered UUIDs (RFC 9562 version 7), as text, the same on every database."""

from __future__ import annotations

import os
import uuid

from clinic import clock


def new_id() -> str:
    """A new UUIDv7 in its usual 36-character form; sorts by the millisecond it was made in."""
    milliseconds = int(clock.now().timestamp() * 1000)
    noise = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= ((noise >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))
