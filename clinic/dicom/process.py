"""Has a stranger's film prepared in a child process with limits (clinic/limited_child.py)."""

from __future__ import annotations

import errno
from pathlib import Path

from clinic.dicom.child import NO_ROOM
from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.summary import Summary, read_summary
from clinic.limited_child import REFUSED, Ended, run_limited

SECONDS = 45.0  # for one film, by the wall; a large one takes three


def prepare_safely(source: Path, folder: Path, slots: Path, seconds: float = SECONDS) -> Summary:
    """Prepare the film at `source` into `folder`; `slots` is the folder of the locks that count the children.

    Raises FilmFault, Unavailable when too many files came at once, or OSError when the disk is full.
    """
    ended = run_limited("clinic.dicom.child", [str(source), str(folder)], slots, seconds)
    if ended.status == 0:
        return read_summary(folder)
    if ended.status == NO_ROOM:
        raise OSError(errno.ENOSPC, "no room to prepare a film")
    raise FilmFault(_find_fault(ended, folder))


def _find_fault(ended: Ended, folder: Path) -> Fault:
    if ended.status == REFUSED:
        return Fault((folder / "fault").read_text())
    return Fault.TOO_SLOW if ended.was_too_slow else Fault.DAMAGED  # a decoder fell over it
