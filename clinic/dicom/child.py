"""The child process that opens one film: `python -m clinic.dicom.child SOURCE FOLDER`, within its own limits.

Exit 0: prepared; REFUSED: the fault is in the file `fault`; NO_ROOM: the disk was full; anything else: it broke
or was stopped.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

from clinic.limited_child import REFUSED, Limits, take_limits

NO_ROOM = 4
# A 7.8-megapixel film takes 0.3 GB (hl7-dicom.md 5.3).
LIMITS = Limits(cpu_seconds=30, memory_bytes=2 * 1024**3, file_bytes=256 * 1024**2)


def run(source: Path, folder: Path) -> int:
    """Prepare one film; returns the exit status."""
    from clinic.dicom.fault import Fault, FilmFault  # only after the limits
    from clinic.dicom.preparation import prepare

    try:
        prepare(source, folder)
    except FilmFault as refused:
        fault = refused.fault
    except MemoryError:
        fault = Fault.TOO_LARGE
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        fault = Fault.DAMAGED  # what the library falls over in an element that is none: three values where one belongs
    else:
        return 0
    (folder / "fault").write_text(fault.value)
    return REFUSED


def main(source: Path, folder: Path) -> int:
    """`run`, which says when it was the disk that failed and not the film."""
    try:
        return run(source, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return NO_ROOM
        raise


if __name__ == "__main__":
    take_limits(LIMITS)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
