"""The machine: who can read our files, room on its disks, its clock."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import select, text

from clinic import clock
from clinic.audit import audit_engine, audit_read
from clinic.config import PREFIX, Settings
from clinic.db import db
from clinic.doctor.finding import Finding, good, needs_database, warning, wrong
from clinic.models import AuditChange, Heartbeat

OTHERS = 0o007
GROUP = 0o070
# Our own choices: a full day of films of a busy site is about 5 GiB; with 1 GiB left the next days' work is in danger.
LOW_BYTES, LITTLE_BYTES = 1 << 30, 5 << 30
SKEW_SECONDS = 5  # tokens are refused at 60 (SMART Backend Services allows little); a kept clock is within one
CLOCK_ADVICE = "Set the machine's clock by a time server (systemd-timesyncd, chrony)."


def check_files(settings: Settings) -> Iterator[Finding]:
    """What holds keys or records belongs to the account we run as, and nobody else can read it."""
    folder = settings.var_dir
    if not folder.is_dir():
        yield wrong("files", "The folder of the state does not exist.", f"Set {PREFIX}VAR_DIR to a folder of ours.")
        return
    if folder.stat().st_uid != os.geteuid():
        yield warning("files", "The folder of the state belongs to another account than the one that asks.",
                      "Run the doctor as the account that the application runs as.")
    secret = [folder / "secret_key", Path(settings.signing_key) if settings.signing_key else folder / "signing.pem",
              *sorted(folder.glob("demo/authorities/*.jwk.json"))]
    if settings.mllp_certificate:
        secret.append(Path(settings.mllp_certificate))
    records = sorted(folder.glob("*.sqlite3*"))
    shut = not folder.stat().st_mode & (OTHERS | GROUP)
    bad = False
    if folder.stat().st_mode & 0o022:
        bad = True
        yield wrong("files", "Other accounts may write into the folder of the state.", f"chmod 700 {folder.name}")
    for path in [*secret, *records]:
        if not path.exists() or (shut and path.is_relative_to(folder)):
            continue
        mode = path.stat().st_mode
        if mode & OTHERS or (mode & GROUP and path in secret):
            bad = True
            yield wrong("files", f"Other accounts of this machine can read {path.name}.",
                        f"chmod 600 {path.name}" + (f", and chmod 700 {folder.name}" if path in records else ""))
    if not bad:
        yield good("files", "Nobody but our own account can read keys and records.")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Room where the state, the films and temporary files lie."""
    places = {"state": settings.var_dir, "temporary files": Path(tempfile.gettempdir())}
    files = urlsplit(settings.files_url)
    if settings.files_url and files.scheme in ("", "file"):
        places["films and documents"] = Path(unquote(files.path))
    for name, place in places.items():
        if not place.exists():
            yield wrong("disk", f"The folder of {name} does not exist.", "Make it, or correct the setting.")
            continue
        free = shutil.disk_usage(place).free
        words = f"{free / (1 << 30):.1f} GiB are free for {name}."
        if free < LOW_BYTES:
            yield wrong("disk", words, "Make room now: nothing can be recorded on a full disk.")
        elif free < LITTLE_BYTES:
            yield warning("disk", words, "Make room this week.")
        else:
            yield good("disk", words)


@needs_database
def check_clocks(settings: Settings) -> Iterator[Finding]:
    """Our clock agrees with the database's and with everything already recorded."""
    now = clock.now()
    if db.engine.dialect.name == "postgresql":
        theirs: datetime = db.session.execute(text("select clock_timestamp()")).scalar_one()
        apart = abs((theirs - clock.now()).total_seconds())
        if apart > SKEW_SECONDS:
            yield wrong("clock", f"Our clock and the database's are {apart:.0f} seconds apart.", CLOCK_ADVICE)
        else:
            yield good("clock", "Our clock and the database's agree.")
    limit = now + timedelta(seconds=SKEW_SECONDS)
    for name, latest in _list_latest():
        if latest is not None and latest > limit:
            ahead = (latest - now).total_seconds()
            yield wrong("clock", f"{name} lies {ahead:.0f} seconds in the future: a clock went backwards, or differs.",
                        CLOCK_ADVICE)
            return
    yield good("clock", "Nothing recorded lies in the future.")


def _list_latest() -> Iterator[tuple[str, datetime | None]]:
    yield "The newest change on record", db.session.execute(
        select(AuditChange.happened_at).order_by(AuditChange.id.desc()).limit(1)).scalar_one_or_none()
    with audit_engine().connect() as connection:
        yield "The newest look on record", connection.execute(
            select(audit_read.c.happened_at).order_by(audit_read.c.happened_at.desc()).limit(1)).scalar_one_or_none()
    for name, beat in db.session.execute(select(Heartbeat.name, Heartbeat.beat_at)):
        yield f"The heartbeat of {name}", beat


CHECKS = (check_files, check_disk, check_clocks)
