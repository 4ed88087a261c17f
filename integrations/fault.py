"""Says where an unforeseen fault happened, without any of the values that its message may carry."""

from __future__ import annotations

import traceback

LINES_KEPT = 6


def describe_fault(error: BaseException) -> str:
    """The fault's kind and the innermost lines of code; never its message, which may name a person."""
    frames = traceback.extract_tb(error.__traceback__)[-LINES_KEPT:]
    places = " > ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {places}"
