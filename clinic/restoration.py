"""Puts a backup into an empty installation, and settles what went on after the backup was made.

What was sent or numbered after it is unknown here: numbers leap, and whatever may have been sent is asked about first.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, inspect, make_url, select, update
from sqlalchemy.orm import Session

from clinic import clock, migration
from clinic.audit import audit_engine, record_change
from clinic.backup import (
    FILES,
    KEYS,
    LEFT_OUT,
    POSTGRESQL_DATABASE,
    SQLITE_AUDIT,
    SQLITE_DATABASE,
    Manifest,
    copy_sqlite,
    find_audit_place,
    read_manifest,
    run_postgresql,
)
from clinic.config import Settings
from clinic.counter import LASTING_KINDS
from clinic.db import db, write_unit
from clinic.delivery_reason import DeliveryReason, build_reason
from clinic.durable_file import sync_folder, write_durably
from clinic.errors import Misconfigured
from clinic.file_store import FolderStore, open_store
from clinic.key_box import open_keys, put_back
from clinic.models import Counter, Delivery, DeliveryAttempt, DeliveryState, Destination, Heartbeat, Lease, Site, User
from clinic.partial_date import format_clinically

MARKER = "restoring"  # in the data folder while a restore is under way
LEAST_LEAP = 1000
SECONDS_A_NUMBER = 10  # a site gives fewer numbers of a kind than one in ten seconds, by day and night
VISIT_LEAP = 100  # visits are counted anew each day and called out aloud
MAY_BE_SENT = (DeliveryState.QUEUED, DeliveryState.SENDING)


def restore(folder: Path, settings: Settings, passphrase: str) -> tuple[Manifest, list[str]]:
    """Verify the backup, put it in place, migrate, settle; gives the manifest and sentences on what is left to do.

    Raises Misconfigured saying what to do. What was begun and not finished keeps the installation from starting.
    """
    manifest = read_manifest(folder)
    kind = make_url(settings.effective_database_url).get_backend_name()
    if manifest.database != kind:
        raise Misconfigured(f"The backup is of {manifest.database}; CLEARWAY_DATABASE_URL names {kind}. Use the same.")
    if not migration.knows_revision(manifest.revision):
        raise Misconfigured("The backup was made by a newer version of this program. Restore with that version.")
    keys = {}
    if passphrase and KEYS in manifest.parts:
        keys = open_keys((folder / KEYS).read_bytes(), passphrase)
    _ensure_empty(settings)
    write_durably(settings.var_dir / MARKER, str(folder).encode())
    _put_database(folder, settings)
    _put_files(folder, settings)
    kept = put_back(keys, settings)
    migration.upgrade()
    with write_unit() as session:
        settle(session, manifest.made_at, clock.now())
    (settings.var_dir / MARKER).unlink()
    sync_folder(settings.var_dir)
    return manifest, _list_advice(manifest, bool(keys), kept)


def ensure_no_restore(settings: Settings) -> None:
    """Raise Misconfigured while a restore is under way or was broken off: its numbers are not settled."""
    if (settings.var_dir / MARKER).exists():
        raise Misconfigured(f"A restore is under way, or was broken off. Let it end; if it was broken off, empty the "
                            f"database and {settings.var_dir}, then restore again.")


def settle(session: Session, made_at: datetime, now: datetime) -> None:
    """Make a database of `made_at` safe to work on at `now`; inside the caller's write unit.

    Numbers leap over those given since, what may have been sent is asked about before it is sent (under the same
    number, so that it is stored once), nobody holds a lease, and everybody signs in again.
    """
    _let_numbers_leap(session, made_at, now)
    _ask_about_deliveries(session, made_at, now)
    session.execute(update(Destination).values(resting_until=None, trying_since=None)
                    .execution_options(synchronize_session=False))
    for table in (Lease, Heartbeat):
        session.execute(delete(table).execution_options(synchronize_session=False))
    for user in session.execute(select(User)).unique().scalars():
        user.fs_uniquifier = secrets.token_hex(16)
    record_change("restore", "installation", "backup", detail={"made_at": made_at.isoformat()})


def _let_numbers_leap(session: Session, made_at: datetime, now: datetime) -> None:
    """Every counter of every site, those included that gave their first number after the backup."""
    known = {(row.site_id, row.kind): row for row in session.execute(select(Counter)).scalars()}
    for site_id in session.execute(select(Site.id)).scalars():
        for kind in LASTING_KINDS:
            if (site_id, kind) not in known:
                known[site_id, kind] = Counter(site_id=site_id, kind=kind, value=0)
                session.add(known[site_id, kind])
    for row in known.values():
        row.value += compute_leap(row.kind, made_at, now)


def compute_leap(kind: str, made_at: datetime, now: datetime) -> int:
    """By how much a counter leaps, so that no number given since `made_at` is given again.

    It grows with the time passed, so that the same backup may be restored twice and gives different numbers each time.
    """
    if kind.startswith("visit-"):
        return VISIT_LEAP
    return LEAST_LEAP + max(0, int((now - made_at).total_seconds())) // SECONDS_A_NUMBER


def _ask_about_deliveries(session: Session, made_at: datetime, now: datetime) -> None:
    of_open = Delivery.state.in_(MAY_BE_SENT)
    for delivery_id in session.execute(select(Delivery.id).where(of_open)).scalars().all():
        session.add(DeliveryAttempt(
            delivery_id=delivery_id, number=0, started_at=now, ended_at=now, outcome=DeliveryState.UNKNOWN,
            detail=f"restored from the backup of {format_clinically(made_at.date())} {made_at:%H:%M} UTC: "
                   "it may have been sent since",
        ))
    session.execute(update(Delivery).where(of_open).values(
        state=DeliveryState.UNKNOWN, state_reason=build_reason(DeliveryReason.INTERRUPTED), next_attempt_at=now,
    ).execution_options(synchronize_session=False))
    session.execute(update(Delivery).where(Delivery.lease_owner.is_not(None)).values(
        lease_owner=None, lease_until=None).execution_options(synchronize_session=False))


def _ensure_empty(settings: Settings) -> None:
    if inspect(db.engine).get_table_names():
        raise Misconfigured("The database is not empty, so nothing was restored. Name an empty one, or move this away.")
    if next(open_store(settings).list_hashes(), None) is not None:
        raise Misconfigured("The file store is not empty, so nothing was restored. Move its folder away.")
    if make_url(settings.effective_database_url).get_backend_name() == "sqlite":
        place = Path(str(db.engine.url.database))
        if find_audit_place(place).exists() and inspect(audit_engine()).get_table_names():
            raise Misconfigured("There is an audit database already, so nothing was restored. Move it away.")
    db.session.remove()
    db.engine.dispose()
    audit_engine().dispose()


def _put_database(folder: Path, settings: Settings) -> None:
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() != "sqlite":
        run_postgresql("pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
                       f"--dbname={url.database}", str(folder / POSTGRESQL_DATABASE))
        return
    place = Path(str(url.database))
    for part, target in ((SQLITE_DATABASE, place), (SQLITE_AUDIT, find_audit_place(place))):
        for beside in ("", "-wal", "-shm"):
            Path(f"{target}{beside}").unlink(missing_ok=True)  # empty, as was seen above
        copy_sqlite(folder / part, target)
        sync_folder(target.parent)


def _put_files(folder: Path, settings: Settings) -> None:
    source, target = FolderStore(folder / FILES), open_store(settings)
    for sha256 in source.list_hashes():
        target.write(source.read(sha256))


def _list_advice(manifest: Manifest, has_keys: bool, kept: list[str]) -> list[str]:
    since = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    advice = [
        f"What was recorded after {since} is not here. Enter it again from paper; no number is given twice.",
        f"Ask laboratories and authorities to send again what they sent after {since}: it was acknowledged.",
        f"Revoke again whoever was revoked after {since} (staff, authorities' clients).",
    ]
    if not has_keys:
        reason = "are not in this backup" if manifest.keys == LEFT_OUT else "were not opened: no passphrase was given"
        advice.append(f"The keys {reason}. Put signing.pem back from its own copy before anybody signs.")
    advice += [f"{name} was here already and differs from the backup's; it was kept. See which is right."
               for name in kept]
    advice += [f"The file {sha256} was damaged before the backup was made." for sha256 in manifest.damaged]
    return advice
