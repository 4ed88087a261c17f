"""Bytes under the name of their own hash."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from clinic.config import ROOT, Settings
from clinic.errors import Misconfigured, NotFound
from clinic.file_store import FolderStore, find_files_folder


def test_written_bytes_are_read_again_and_kept_once(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    sha256 = store.write(b"a film")
    assert sha256 == hashlib.sha256(b"a film").hexdigest() == store.write(b"a film")
    assert store.read(sha256) == b"a film" and store.exists(sha256)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [sha256]
    assert (tmp_path / sha256[:2] / sha256).stat().st_mode & 0o077 == 0, "nobody else on the machine reads it"


def test_missing_or_damaged_bytes_are_not_handed_out(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    sha256 = store.write(b"a film")
    (tmp_path / sha256[:2] / sha256).write_bytes(b"another")
    with pytest.raises(NotFound):
        store.read(sha256)
    store.discard(sha256)
    store.discard(sha256)
    with pytest.raises(NotFound):
        store.read(sha256)


def test_damaged_file_is_set_aside_and_mended_by_the_same_bytes(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    sha256 = store.write(b"a film")
    place = tmp_path / sha256[:2] / sha256
    place.write_bytes(b"a fi")
    with pytest.raises(NotFound, match="Send it again"):
        store.read(sha256)
    assert not place.exists() and (tmp_path / "damaged" / sha256).read_bytes() == b"a fi"
    assert store.write(b"a film") == sha256 and store.read(sha256) == b"a film"
    place.write_bytes(b"")
    store.write(b"a film")
    assert store.is_sound(sha256) and list(store.list_hashes()) == [sha256]


def test_process_that_ends_while_writing_leaves_nothing_that_counts(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    sha256 = hashlib.sha256(b"a film").hexdigest()
    code = (
        "import os, sys, clinic.file_store\nfrom pathlib import Path\nfrom clinic.file_store import FolderStore\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), 9)\n"
        "clinic.file_store.make_folder = lambda folder: folder.mkdir(parents=True)\n"
        "FolderStore(Path(sys.argv[1])).write(b'a film')"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == -9
    assert not store.exists(sha256) and list(store.list_hashes()) == []
    assert len(store.list_unfinished()) == 1
    assert store.write(b"a film") == sha256 and store.read(sha256) == b"a film"


def test_name_that_is_no_hash_never_becomes_a_path(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "A" * 64, ""):
        with pytest.raises(ValueError, match="SHA-256"):
            FolderStore(tmp_path).read(name)


def test_folder_is_named_by_the_settings(tmp_path: Path) -> None:
    assert find_files_folder(Settings(var_dir=tmp_path)) == tmp_path / "files"
    assert find_files_folder(Settings(var_dir=tmp_path, files_url="file:///srv/a%20b")) == Path("/srv/a b")
    with pytest.raises(Misconfigured):
        find_files_folder(Settings(var_dir=tmp_path, files_url="ftp://files.example/films"))
