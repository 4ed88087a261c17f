"""The operator's backup: a consistent copy of database, files and keys, made while the clinic works.

The manifest is written last: a folder without one is no backup (docs/decisions/0015-upgrade-and-backup.md).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from clinic import clock, migration
from clinic.config import Settings
from clinic.durable_file import make_folder, sync_file, write_durably
from clinic.errors import Misconfigured
from clinic.file_store import FolderStore, open_store
from clinic.key_box import list_keys, seal_keys

FORMAT = "clearway-backup-1"
MANIFEST = "manifest.json"
SQLITE_DATABASE, SQLITE_AUDIT, POSTGRESQL_DATABASE = "database.sqlite3", "audit.sqlite3", "database.dump"
KEYS = "keys.sealed"
FILES = "files"
SEALED, LEFT_OUT = "sealed", "left out"


@dataclass(frozen=True)
class Part:
    """One file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, and from when it is."""

    made_at: datetime  # nothing recorded after it is sure to be in the backup
    database: str  # sqlite or postgresql
    revision: str
    keys: str  # SEALED or LEFT_OUT
    parts: dict[str, Part]
    damaged: tuple[str, ...] = ()  # files that were damaged in the store already; not in the backup


def make_backup(folder: Path, settings: Settings, passphrase: str) -> Manifest:
    """Copy everything into `folder`, which must be empty or absent; keys only under a `passphrase`.

    Raises Misconfigured saying what to do; the folder then holds no manifest and counts for nothing.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misconfigured("Name a folder that is empty or does not exist; a backup never writes over another one.")
    make_folder(folder)
    made_at, url = clock.now(), make_url(settings.effective_database_url)
    revision = migration.current_revision()
    if revision is None:
        raise Misconfigured("There is no database to back up. Run: flask --app wsgi migrate.")
    kind = url.get_backend_name()
    if kind == "sqlite":
        place = Path(str(url.database))
        copy_sqlite(place, folder / SQLITE_DATABASE)
        copy_sqlite(find_audit_place(place), folder / SQLITE_AUDIT)
    else:
        _begin_own(folder / POSTGRESQL_DATABASE)
        run_postgresql("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges",
                       f"--file={folder / POSTGRESQL_DATABASE}")
        sync_file(folder / POSTGRESQL_DATABASE)
    # Files come before the rows that name them: a copy made after the database's holds all that its rows name.
    damaged = _copy_files(open_store(settings), FolderStore(folder / FILES))
    keys = list_keys(settings)
    if passphrase and keys:
        write_durably(folder / KEYS, seal_keys(keys, passphrase))
    manifest = Manifest(made_at, kind, revision, SEALED if passphrase and keys else LEFT_OUT, _list_parts(folder),
                        tuple(damaged))
    write_durably(folder / MANIFEST, _write_manifest(manifest))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup whose every file is there and unchanged. Raises Misconfigured naming what is wrong."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise Misconfigured(f"{folder} holds no {MANIFEST}: it is no backup, or one that was not finished.") from None
    except ValueError:
        raise Misconfigured(f"{folder / MANIFEST} cannot be read. Take another backup.") from None
    if found.get("format") != FORMAT:
        raise Misconfigured(f"{folder} was made by another version of this program. Restore with that one.")
    parts = {name: Part(**part) for name, part in found["parts"].items()}
    for name, part in parts.items():
        place = folder / name
        if not place.is_file() or place.stat().st_size != part.size or compute_sha256(place) != part.sha256:
            raise Misconfigured(f"{place} is missing or was changed since the backup. Take another backup.")
    return Manifest(datetime.fromisoformat(found["made_at"]), found["database"], found["revision"], found["keys"],
                    parts, tuple(found["damaged"]))


def find_audit_place(database: Path) -> Path:
    """Where the rows of reads lie beside an SQLite database (clinic/audit.py)."""
    return database.with_name(database.stem + "-audit.sqlite3")


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a database that others write to meanwhile. Raises Misconfigured for a damaged one."""
    address = f"file:{source}?mode=ro"
    _begin_own(target)
    with closing(sqlite3.connect(address, uri=True)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)
        here.execute("pragma journal_mode = delete")  # one file, nothing beside it
        found = here.execute("pragma quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Misconfigured(f"{source} is damaged ({found}); no backup was made. Restore the last good backup.")
    sync_file(target)


def run_postgresql(program: str, url: URL, *arguments: str) -> None:
    """Run pg_dump or pg_restore; no password on the command line. Raises Misconfigured with what it said."""
    found = shutil.which(program)
    if found is None:
        raise Misconfigured(f"Install {program}: PostgreSQL's client programs, of the server's version.")
    given = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password,
             "PGDATABASE": url.database}
    environment = os.environ | {name: str(value) for name, value in given.items() if value is not None}
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise Misconfigured(f"{program} failed: {said}")


def compute_sha256(place: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _begin_own(place: Path) -> None:
    """An empty file that nobody else can read, whatever folder the operator made for the backup."""
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))


def _copy_files(source: FolderStore, target: FolderStore) -> list[str]:
    damaged = []
    for sha256 in source.list_hashes():
        if source.is_sound(sha256):
            target.write(source.read(sha256))
        else:
            damaged.append(sha256)
    return damaged


def _list_parts(folder: Path) -> dict[str, Part]:
    places: Iterable[Path] = sorted(place for place in folder.rglob("*") if place.is_file())
    return {str(place.relative_to(folder)): Part(place.stat().st_size, compute_sha256(place)) for place in places}


def _write_manifest(manifest: Manifest) -> bytes:
    body = {"format": FORMAT, **asdict(manifest), "made_at": manifest.made_at.isoformat()}
    return json.dumps(body, indent=1).encode() + b"\n"
