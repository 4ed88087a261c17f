"""The disk is full while people work: nothing is half kept, everybody is told, and it goes on once there is room.

A small file system in memory holds the installation's folder (and PostgreSQL's); needs the right to mount.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.fault.check import Check
from bench.fault.clinic_day import Act, ClinicDay
from bench.fault.postgresql_server import Server
from bench.installation import Installation, look_inside, make_settings, open_database, wait_until
from clinic import migration
from clinic.file_check import check_files
from clinic.file_store import open_store

ROOM = {"sqlite": "48m", "postgresql": "220m"}
PIECE = 1 << 20
TRIES = 40  # what is written before the first refusal fits into room that the database had already taken


def run(database: str) -> list[Check]:
    """Fill the disk, try everything, make room, try again."""
    from wsgi import create_app

    with _small_disk(ROOM[database]) as disk, open_database(database) as url:
        settings = make_settings(disk / "var", url)
        app = create_app(settings)
        with look_inside(app):
            migration.upgrade()
        installation = Installation(settings)
        day = ClinicDay(app, installation)
        try:
            installation.start("web", "worker", "mllp", "sandbox")
            installation.wait_ready()
            checks = [_try_once(act, "before") for act in day.list_acts()]
            before, ballast = day.count_kept(), _fill(disk)
            told, refusals = _try_until_refused(day)
            ballast.unlink()
            checks += [*refusals, _come_back(day, url), *_compare(before, day.count_kept(), told)]
            checks += [_try_once(act, "with room again") for act in [*day.list_acts(), Act("signature", day.sign)]]
            alive = {name: installation.is_alive(name) for name in installation.processes}
            checks.append(Check("no process was started again", all(alive.values()), str(alive)))
        finally:
            installation.end()
        with look_inside(app):
            from clinic.db import read_unit

            with read_unit() as session:
                wrong = list(check_files(session, open_store(settings)))
            unfinished = open_store(settings).list_unfinished()
        checks.append(Check("nothing half-written counts", not wrong and not unfinished,
                            f"{len(wrong)} damaged, {len(unfinished)} unfinished files"))
    return checks


@contextmanager
def _small_disk(size: str) -> Iterator[Path]:
    before = tempfile.gettempdir()
    folder = Path(tempfile.mkdtemp(prefix="clearway-full-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", str(folder)], check=True)
    tempfile.tempdir = str(folder)  # where a PostgreSQL of the drill lays its data
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
        folder.rmdir()


def _fill(disk: Path) -> Path:
    """Take all room there is, to the last page."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * PIECE):
            pass
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    return ballast


def _try_once(act: Act, when: str) -> Check:
    kept, words = act.do()
    return Check(f"{act.name}, {when}: kept", kept, words)


def _try_until_refused(day: ClinicDay) -> tuple[dict[str, int], list[Check]]:
    """Every act until it is refused; how often each was said to be kept."""
    told, checks = {}, []
    for act in [*day.list_acts(), Act("signature", day.sign)]:
        kept, words, count = True, "", 0
        while kept and count < (1 if act.name == "signature" else TRIES):
            kept, words = act.do()
            count += kept
        told[act.name] = count
        polite = "nothing was saved" in words or words == "not acknowledged" or kept
        checks.append(Check(f"{act.name}, disk full: refused with a sentence", polite,
                            f"{words} (after {count} that still found room)" if count else words))
    return told, checks


def _compare(before: dict[str, int], after: dict[str, int], told: dict[str, int]) -> list[Check]:
    """What people were told is kept must be in the database, and no more."""
    checks = []
    for name, count in told.items():
        grown = after[name] - before[name]
        # A page that was refused may have been written down as looked at; never the other way round.
        fine = grown == count if name != "look at a case" else grown >= count
        checks.append(Check(f"{name}: what was said to be kept is kept", fine, f"{count} said, {grown} kept"))
    return checks


def _come_back(day: ClinicDay, url: str) -> Check:
    """PostgreSQL ends itself when its log finds no room, and must be started; our processes are left alone."""
    words = "by itself"
    if url and not Server(url).is_up():
        Server(url).start()
        words = "PostgreSQL had ended for want of room and was started"
    took = wait_until(lambda: day.look()[0], "a case can be looked at again")
    return Check("works again once there is room", True, f"{words}, after {took:.1f} s")
