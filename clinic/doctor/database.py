"""The database: its tables are the newest, what it confirms is on the disk, and an embedded one is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

from clinic import migration
from clinic.audit import audit_engine
from clinic.config import Settings
from clinic.db import db
from clinic.doctor.finding import Finding, good, needs_database, warning, wrong

# A confirmed commit survives a power cut only so (PostgreSQL manual, 20.5 "Write Ahead Log").
DURABLE = {
    "fsync": ("on",), "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}
NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "afs")
FULL = 2  # PRAGMA synchronous


@needs_database
def check_migrations(settings: Settings) -> Iterator[Finding]:
    """The tables are those that this code knows."""
    revision = migration.current_revision()
    if revision is None:
        yield wrong("migrations", "The database is empty.", "flask --app wsgi migrate")
    elif migration.compare_revisions() is migration.RevisionAge.NEWER:
        yield warning("migrations", f"The tables stand at revision {revision}, newer than this code knows.",
                      "An update has begun: start every process anew with the new version.")
    elif migration.compare_revisions() is migration.RevisionAge.OLDER:
        yield wrong("migrations", f"The tables stand at revision {revision}, which is not this code's newest.",
                    "flask --app wsgi migrate")
    else:
        yield good("migrations", f"The tables are the newest (revision {revision}).")


@needs_database
def check_durability(settings: Settings) -> Iterator[Finding]:
    """What was confirmed survives a power cut."""
    if db.engine.dialect.name == "sqlite":
        for name, engine in _list_files():
            with engine.connect() as connection:
                yield from _check_sqlite(name, engine, connection)
        return
    lacking = [name for name, wanted in DURABLE.items()
               if str(db.session.execute(text(f"show {name}")).scalar_one()) not in wanted]
    for name in lacking:
        yield wrong("durability", f"PostgreSQL's {name} is off: what was confirmed may be lost.",
                    f"alter system set {name} = on; select pg_reload_conf();")
    if not lacking:
        yield good("durability", "PostgreSQL keeps what it confirms (fsync, synchronous_commit, full_page_writes).")
    encoding = str(db.session.execute(text("show server_encoding")).scalar_one())
    if encoding != "UTF8":
        yield wrong("encoding", f"The database stores text as {encoding}: names in other scripts are lost.",
                    "Make a database with encoding UTF8, and restore into it.")


@needs_database
def check_soundness(settings: Settings) -> Iterator[Finding]:
    """The embedded database's own quick check of its pages."""
    if db.engine.dialect.name != "sqlite":
        return
    for name, engine in _list_files():
        try:
            with engine.connect() as connection:
                answer = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(5)")]
        except DatabaseError:  # so damaged that the check itself stumbles
            answer = []
        if answer == ["ok"]:
            yield good("soundness", f"{name} is sound (quick_check).")
        else:
            yield wrong("soundness", f"{name} is damaged.",
                        "Stop everything, keep a copy, and restore the last backup (docs/operating.md).")


def _list_files() -> list[tuple[str, Engine]]:
    return [(Path(str(engine.url.database)).name, engine) for engine in (db.engine, audit_engine())]


def _check_sqlite(name: str, engine: Engine, connection: Connection) -> Iterator[Finding]:
    def read(pragma: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one()

    if str(read("journal_mode")).lower() != "wal" or int(read("synchronous")) < FULL:
        yield wrong("durability", f"{name} does not keep what it confirms (journal_mode, synchronous).",
                    "Take out what changes these pragmas; the application sets WAL and FULL itself.")
    else:
        yield good("durability", f"{name} keeps what it confirms (WAL, synchronous FULL).")
    kind = _find_file_system(Path(str(engine.url.database)))
    if kind.startswith(NETWORK_FILE_SYSTEMS):
        yield warning("durability", f"{name} lies on a network file system ({kind}), whose locks cannot be trusted.",
                      "Move the state to a disk of this machine, or use PostgreSQL.")


def _find_file_system(path: Path) -> str:
    """The kind of file system that holds `path`, as the kernel calls it; empty where it does not say."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    rows = [line.split()[:3] for line in mounts.read_text(encoding="utf-8").splitlines()]
    holding = [(point, kind) for _device, point, kind in rows if path.resolve().is_relative_to(point)]
    return max(holding, key=lambda row: len(row[0]), default=("", ""))[1]


CHECKS = (check_migrations, check_durability, check_soundness)
