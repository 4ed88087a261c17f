"""Files that are either whole or not there at all, also after a power cut: written beside, synced, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

UNFINISHED = ".new-"  # begins the name of a file that is being written; one left behind was cut off


def write_durably(place: Path, content: bytes) -> None:
    """Write a file, durable when this returns; one that was there is replaced."""
    name = _write_beside(place, content)
    try:
        name.replace(place)
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)


def write_once(place: Path, content: bytes) -> bool:
    """Write a file unless it is there already; False when somebody else was first. Readable by its owner only."""
    name = _write_beside(place, content)
    try:
        os.link(name, place)
    except FileExistsError:
        return False
    finally:
        name.unlink(missing_ok=True)
    sync_folder(place.parent)
    return True


def make_folder(folder: Path) -> None:
    """Make a folder for us alone, with those above it; it is still there after a power cut."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for one in missing:
        sync_folder(one.parent)


def sync_file(place: Path) -> None:
    """Make the content of a file durable that something else wrote."""
    _sync(place, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(place: Path, flags: int) -> None:
    handle = os.open(place, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_beside(place: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=UNFINISHED)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
