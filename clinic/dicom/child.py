"""The child process that opens one film: `python -m clinic.dicom.child SOURCE FOLDER`, within its own limits.

It takes the limits before it loads anything that reads a stranger's bytes. Exit 0: prepared; 3: refused, with the
fault's code in `fault`; 4: there was no room on the disk; anything else: it broke or was stopped.
"""

from __future__ import annotations

import errno
import resource
import sys
from pathlib import Path

REFUSED, NO_ROOM = 3, 4
CPU_SECONDS = 30
MEMORY_BYTES = 2 * 1024**3  # a 7.8-megapixel film takes 0.3 GB (hl7-dicom.md 5.3)
FILE_BYTES = 256 * 1024**2
OPEN_FILES = 64


def limit_resources() -> None:
    """No more time, memory, file size or open files than a film needs; no memory image left behind."""
    for kind, limit in ((resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, MEMORY_BYTES),
                        (resource.RLIMIT_FSIZE, FILE_BYTES), (resource.RLIMIT_NOFILE, OPEN_FILES),
                        (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (limit, limit))


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
    limit_resources()
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
