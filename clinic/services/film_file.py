"""A film's files: prepared in a child on arrival, the film itself in the store, its pictures in a cache beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clinic.config import Settings
from clinic.dicom.process import prepare_safely
from clinic.dicom.summary import FILM, FULL, HALF, PREVIEW, SUMMARY, Summary, read_summary
from clinic.durable_file import make_folder, sync_file, sync_folder
from clinic.errors import NotFound
from clinic.file_store import find_files_folder, find_slots_folder, open_store
from clinic.services.film import Kept

DERIVED = (SUMMARY, PREVIEW, HALF, FULL)
Prepare = Callable[[Path, Path], Summary]


class FilmFiles:
    """The films' files of one installation; nothing here touches the database."""

    def __init__(self, settings: Settings, prepare: Prepare | None = None) -> None:
        self.store = open_store(settings)
        self._folder = find_files_folder(settings)
        self._slots = find_slots_folder(settings)
        self._prepare = prepare or self._prepare_in_child

    def receive(self, save: Callable[[Path], object]) -> tuple[Summary, Kept]:
        """Take one file, which `save` writes to the path it is given; prepare and keep it.

        Raises FilmFault when it cannot be taken; nothing is kept of it then.
        """
        with self._workplace() as work:
            save(work / "source")
            summary = self._prepare(work / "source", work / "out")
            content = (work / "out" / FILM).read_bytes()
            kept = Kept(self.store.write(content), len(content))
            self._cache(work / "out", kept.sha256)
            return summary, kept

    def discard(self, sha256: str) -> None:
        """Forget a film that was refused after all."""
        self.store.discard(sha256)
        shutil.rmtree(self._place(sha256), ignore_errors=True)

    def read_summary(self, sha256: str) -> Summary:
        """What the film says of itself. Raises NotFound when its file is gone, FilmFault when it is damaged."""
        return read_summary(self._derived(sha256))

    def read_picture(self, sha256: str, name: str) -> bytes:
        """One of PREVIEW, HALF, FULL. Raises NotFound for a film that has no half, or whose file is gone."""
        try:
            return (self._derived(sha256) / name).read_bytes()
        except FileNotFoundError:
            raise NotFound("There is no such picture of this film.", sha256=sha256) from None

    def _derived(self, sha256: str) -> Path:
        """The folder of the pictures; made again from the film when the cache was emptied."""
        place = self._place(sha256)
        if not (place / SUMMARY).exists():
            with self._workplace() as work:
                (work / "source").write_bytes(self.store.read(sha256))
                self._prepare(work / "source", work / "out")
                self._cache(work / "out", sha256)
        return place

    def _cache(self, made: Path, sha256: str) -> None:
        """Move what was made into its place, the summary last: where it stands, the others are complete."""
        place = self._place(sha256)
        make_folder(place)
        for name in reversed(DERIVED):
            if (made / name).exists():
                sync_file(made / name)  # a power cut must not leave an empty picture where a whole one is named
                (made / name).replace(place / name)
        sync_folder(place)

    def _place(self, sha256: str) -> Path:
        return self._folder / "derived" / sha256[:2] / sha256

    def _prepare_in_child(self, source: Path, folder: Path) -> Summary:
        return prepare_safely(source, folder, self._slots)

    @contextmanager
    def _workplace(self) -> Iterator[Path]:
        """A folder of our own on the same file system, gone afterwards whatever happened."""
        incoming = self._folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=incoming) as name:
            (Path(name) / "out").mkdir()
            yield Path(name)
