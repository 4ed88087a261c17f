"""Why a film cannot be taken, as a code; the words stand where people read them (clinic/film_word.py)."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """One reason to refuse a file."""

    NOT_DICOM = "not-dicom"
    NO_IDENTITY = "no-identity"  # SOP class or one of the UIDs is missing or no UID
    NOT_A_RADIOGRAPH = "not-a-radiograph"  # another kind of object: CT, report, …
    NO_PIXELS = "no-pixels"
    SEVERAL_IMAGES = "several-images"
    TOO_LARGE = "too-large"  # more pixels, or more memory to unpack, than a chest film has
    TOO_SLOW = "too-slow"  # the time limit was reached
    UNKNOWN_SYNTAX = "unknown-syntax"
    NEEDS_DCMTK = "needs-dcmtk"  # 12-bit JPEG, and dcmdjpeg is not installed
    TRUNCATED = "truncated"
    DAMAGED = "damaged"


class FilmFault(Exception):
    """The file is refused; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault
