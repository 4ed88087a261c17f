"""Where films and printed documents lie: bytes under the name of their own SHA-256, behind one small interface."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from clinic.config import Settings
from clinic.errors import Misconfigured, NotFound

_HEX = frozenset("0123456789abcdef")


class FileStore(Protocol):
    """Keeps bytes by their content; nothing about a person stands in a name."""

    def write(self, content: bytes) -> str:
        """Keep `content`, durable when this returns; gives its SHA-256 in hex. Twice the same is kept once."""

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises NotFound when they are not here or no longer what the hash says."""

    def exists(self, sha256: str) -> bool:
        """Whether the bytes are here."""

    def discard(self, sha256: str) -> None:
        """Take away what was written for something that was then refused; nothing happens when it is not here."""


class FolderStore:
    """A folder: `ab/abcdef…`, each file written beside its place, synced, then renamed into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, content: bytes) -> str:
        """Keep `content`; gives its SHA-256 in hex."""
        sha256 = hashlib.sha256(content).hexdigest()
        place = self._place(sha256)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(place, content)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises NotFound when they are not here or no longer what the hash says."""
        try:
            content = self._place(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound("The file is not in the store. Tell the clinic administrator.", sha256=sha256) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise NotFound("The file in the store was damaged. Tell the clinic administrator.", sha256=sha256)
        return content

    def exists(self, sha256: str) -> bool:
        """Whether the bytes are here."""
        return self._place(sha256).exists()

    def discard(self, sha256: str) -> None:
        """Take the bytes away."""
        self._place(sha256).unlink(missing_ok=True)

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self.folder / sha256[:2] / sha256


def write_durably(place: Path, content: bytes) -> None:
    """Write a file so that it is either whole or not there at all, also after a power cut."""
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def find_files_folder(settings: Settings) -> Path:
    """The folder of CLEARWAY_FILES_URL (a path or file:///…), or `files` in the data folder.

    Raises Misconfigured for an address this store does not know.
    """
    if not settings.files_url:
        return settings.var_dir / "files"
    parts = urlsplit(settings.files_url)
    if parts.scheme in ("", "file") and not parts.netloc:
        return Path(unquote(parts.path))
    raise Misconfigured("Set CLEARWAY_FILES_URL to a folder, for example file:///srv/clearway/files.")


def open_store(settings: Settings) -> FileStore:
    """The store of these settings."""
    return FolderStore(find_files_folder(settings))
