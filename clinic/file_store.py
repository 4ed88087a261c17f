"""Where films and printed documents lie: bytes under the name of their own SHA-256, behind one small interface."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from flask_babel import gettext as _

from clinic.config import Settings
from clinic.durable_file import UNFINISHED, make_folder, sync_folder, write_durably
from clinic.errors import Misconfigured, NotFound

DAMAGED = "damaged"  # the folder of files that are no longer what their name says
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
        if not is_sound(place):  # a damaged file is mended by whoever brings the bytes again
            make_folder(place.parent)
            write_durably(place, content)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises NotFound when they are not here or no longer what the hash says."""
        place = self._place(sha256)
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            raise NotFound(_("This file is not in the store, so it cannot be shown. Send it again, or tell the clinic "
                             "administrator: it may be in the backup."), sha256=sha256) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            self._set_aside(place)
            raise NotFound(_("This file was damaged in the store, so it is not shown. Send it again, or tell the "
                             "clinic administrator: it may be in the backup."), sha256=sha256)
        return content

    def exists(self, sha256: str) -> bool:
        """Whether the bytes are here."""
        return self._place(sha256).exists()

    def discard(self, sha256: str) -> None:
        """Take the bytes away."""
        self._place(sha256).unlink(missing_ok=True)

    def list_hashes(self) -> Iterator[str]:
        """The names of all files in the store, whether they are whole or not."""
        for place in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*")):
            if len(place.name) == 64 and _HEX.issuperset(place.name):
                yield place.name

    def list_unfinished(self) -> list[Path]:
        """What was being written when its process ended; nothing names these."""
        return sorted(self.folder.glob(f"[0-9a-f][0-9a-f]/{UNFINISHED}*"))

    def is_sound(self, sha256: str) -> bool:
        """Whether the bytes are here and still what their name says."""
        return is_sound(self._place(sha256))

    def set_aside(self, sha256: str) -> None:
        """Move a damaged file to the folder `damaged`, so that its place is free for the right bytes."""
        self._set_aside(self._place(sha256))

    def _set_aside(self, place: Path) -> None:
        with suppress(OSError):  # a disk that takes no writes keeps it where it is: it is refused there all the same
            if not is_sound(place):
                aside = self.folder / DAMAGED
                make_folder(aside)
                place.replace(aside / place.name)
                sync_folder(aside)

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not _HEX.issuperset(sha256):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self.folder / sha256[:2] / sha256


def is_sound(place: Path) -> bool:
    """Whether a file is there and its bytes have the hash that is its name."""
    try:
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == place.name
    except FileNotFoundError:
        return False


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


def find_slots_folder(settings: Settings) -> Path:
    """The folder of the locks that count the children which open strangers' files (clinic/limited_child.py)."""
    return find_files_folder(settings) / "slots"


def open_store(settings: Settings) -> FolderStore:
    """The store of these settings."""
    return FolderStore(find_files_folder(settings))
