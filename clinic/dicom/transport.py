"""How 12-bit pixels travel to the viewer (screens.md 3): small, and inflated by the browser itself.

Row by row the difference to the left neighbour, zigzag so that small differences are small numbers, all high bytes,
then all low bytes, gzip. clinic/static/film.js reads it.
"""

from __future__ import annotations

import gzip

import numpy as np
from numpy.typing import NDArray

LEVEL = 5  # of gzip: a sixth of the time of 9 for 2 % more bytes


def pack(grey: NDArray[np.uint16]) -> bytes:
    """Rows x columns of at most 15 bits as bytes."""
    values = grey.astype(np.int32)
    steps = np.diff(values, axis=1, prepend=0)
    folded = ((steps << 1) ^ (steps >> 31)).astype(np.uint16)
    planes = (folded >> 8).astype(np.uint8).tobytes() + (folded & 0xFF).astype(np.uint8).tobytes()
    return gzip.compress(planes, LEVEL, mtime=0)


def unpack(packed: bytes, rows: int, columns: int) -> NDArray[np.uint16]:
    """What `pack` was given."""
    planes = np.frombuffer(gzip.decompress(packed), dtype=np.uint8).astype(np.int32)
    folded = (planes[: rows * columns] << 8) | planes[rows * columns :]
    steps = (folded >> 1) ^ -(folded & 1)
    return np.cumsum(steps.reshape(rows, columns), axis=1).astype(np.uint16)
