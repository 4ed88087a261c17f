"""A disk whose fsync takes as long as that of a small clinic's, for processes that are started with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MILLISECONDS = 3
SOURCE = f"""
#include <time.h>
static int wait_for_disk(int file) {{
    struct timespec pause = {{0, {MILLISECONDS} * 1000000L}};
    nanosleep(&pause, 0);
    return 0;
}}
int fsync(int file) {{ return wait_for_disk(file); }}
int fdatasync(int file) {{ return wait_for_disk(file); }}
"""


@contextmanager
def slow_disk() -> Iterator[dict[str, str] | None]:
    """The environment of a process for which an fsync takes just so long, whatever the disk; None without a gcc."""
    if shutil.which("gcc") is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="clearway-disk-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        library = folder / "slow_disk.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", str(library)], input=SOURCE, text=True,
                       check=True)
        yield os.environ | {"LD_PRELOAD": str(library)}
