"""Results that a laboratory puts as files into a folder of its own: taken whole, once, and moved away.

`<incoming>/<folder of the laboratory>/` is written by the laboratory. A file is taken once it is no longer written: its
name has no ending of the unfinished kind, and it has not changed for some seconds, or a file of the same name with
`.ok` behind it says so. It is claimed by renaming it into `work/`; then it goes to `done/` with its acknowledgements
beside it, or to `refused/` with the reason beside it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from clinic.config import Settings
from clinic.db import read_unit, write_unit
from clinic.durable_file import make_folder, sync_folder, write_durably
from clinic.models import InboundState, InboundWay, Laboratory
from integrations.hl7.batch import BatchFault, split_file
from integrations.hl7.frame import SIZE_LIMIT
from integrations.inbound.intake import Arrival, Verdict, build_row, judge, store
from integrations.inbound.sender import Senders, list_senders

log = logging.getLogger(__name__)

WORK, DONE, REFUSED, READY = "work", "done", "refused", ".ok"
UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".swp", READY)
STABLE_SECONDS = 10.0  # without a change, where nothing says that the file is whole
FILES_AT_ONCE = 50


@dataclass(frozen=True)
class Place:
    """A laboratory and its folder."""

    laboratory_id: str
    folder: Path


def find_incoming(settings: Settings) -> Path:
    """Where the laboratories' folders lie."""
    return Path(settings.incoming_dir) if settings.incoming_dir else settings.var_dir / "incoming"


def take_files(settings: Settings) -> int:
    """Take what is whole in every laboratory's folder; returns how many files were taken or refused."""
    with read_unit() as session:
        rows = session.execute(select(Laboratory.id, Laboratory.folder).where(
            Laboratory.active.is_(True), Laboratory.folder != ""))
        places = [Place(row.id, find_incoming(settings) / row.folder) for row in rows]
    return sum(_take_of(place, settings) for place in places)


def _take_of(place: Place, settings: Settings) -> int:
    for name in ("", WORK, DONE, REFUSED):
        make_folder(place.folder / name)
    count = 0
    for path in _list_whole(place.folder):
        claimed = place.folder / WORK / path.name
        try:
            path.rename(claimed)
        except FileNotFoundError:
            continue  # another worker was first
        path.with_name(path.name + READY).unlink(missing_ok=True)
    for claimed in sorted((place.folder / WORK).iterdir())[:FILES_AT_ONCE]:  # those of a worker that ended, too
        if claimed.is_file():
            _take(place, claimed, settings)
            count += 1
    return count


def _list_whole(folder: Path) -> Iterator[Path]:
    now = time.clock_gettime(time.CLOCK_REALTIME)  # files carry the machine's own time, whatever ours is set to
    for path in sorted(folder.iterdir())[: 10 * FILES_AT_ONCE]:
        if path.is_symlink() or not path.is_file() or path.name.startswith("."):
            continue
        if path.name.lower().endswith(UNFINISHED):
            continue
        with suppress(FileNotFoundError):
            is_said = path.with_name(path.name + READY).exists()
            if is_said or now - path.stat().st_mtime >= STABLE_SECONDS:
                yield path


def _take(place: Place, path: Path, settings: Settings) -> None:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise BatchFault(f"the file is larger than {SIZE_LIMIT // 2**20} MB")
        messages = split_file(path.read_bytes())
    except FileNotFoundError:
        return  # another worker has moved it
    except BatchFault as fault:
        _refuse(place, path, str(fault))
        return
    with write_unit() as session:
        senders = list_senders(session)
        judged = [_judge(place, Arrival(message, path.name, InboundWay.FILE), senders, settings.demo)
                  for message in messages]
        refused = [verdict for verdict in judged if verdict.row is None]
        answers = [] if refused else store(session, judged)
    if refused:
        answer = next((one.answer for one in refused if one.answer), b"").decode("utf-8", "replace")
        _refuse(place, path, f"{len(refused)} of {len(judged)} messages are refused, so none is taken: "
                             f"{refused[0].fault or 'a message has no readable header'}.\n"
                             + answer.replace("\r", "\n"))
        return
    _move(path, place.folder / DONE, b"".join(answer or b"" for answer in answers).replace(b"\r", b"\r\n"), ".ack")
    log.info("file of laboratory %s: %d messages taken", place.laboratory_id, len(messages))


def _judge(place: Place, arrival: Arrival, senders: Senders, takes_tests: bool) -> Verdict:
    """Judge a message; under another laboratory's names it is refused in this one's folder."""
    verdict = judge(arrival, senders, takes_tests)
    if verdict.row is not None and verdict.row["laboratory_id"] != place.laboratory_id:
        return Verdict(verdict.answer, None, fault="MSH-3, MSH-4 and MSH-6 are those of another laboratory")
    return verdict


def _refuse(place: Place, path: Path, reason: str) -> None:
    """Put a file aside, and a row beside the messages so that somebody of the clinic sees it."""
    content = path.read_bytes()[: 1024 * 1024]
    words = "A file was refused as a whole: " + reason.split("\n", 1)[0]
    with write_unit() as session:
        row = build_row(Arrival(content, path.name, InboundWay.FILE), place.folder.name, path.name, "file",
                        place.laboratory_id, state=InboundState.HELD, reason=words)
        store(session, [Verdict(None, row)])
    _move(path, place.folder / REFUSED, reason.encode(), ".reason.txt")
    log.warning("file of laboratory %s refused", place.laboratory_id)


def _move(path: Path, folder: Path, beside: bytes, ending: str) -> None:
    """Move a file away for good, what there is to say first; a name that is taken gets a number."""
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    write_durably(target.with_name(target.name + ending), beside)
    path.rename(target)
    sync_folder(folder)
