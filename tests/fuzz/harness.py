"""The one harness: draws numbered inputs from a seed, watches each, and makes what broke something small.

A door is a class with `draw` (an input out of a Random) and `ask` (tries it; answers with one word for the table, and
raises whatever should never be raised). Input number n of a seed is the same whoever draws it.
"""

from __future__ import annotations

import faulthandler
import logging
import re
import signal
import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, ClassVar

SHRINK_TRIES = 300
SHRINK_SECONDS = 60.0
LONGEST_SHOWN = 3000
VALUES = re.compile(r"'[^']*'|[0-9a-f-]{8,}|\d+")  # what differs between two findings of one fault


class Finding(AssertionError):
    """What no answer may be."""


class Door:
    """One way into the house."""

    name: ClassVar[str]
    count: ClassVar[int]  # inputs within `make test`
    least: ClassVar[frozenset[str]]  # words that these inputs must meet, or the generator says nothing
    hang: ClassVar[float] = 30.0  # seconds that one input may take on a busy machine
    on_database: ClassVar[bool] = False

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder, self.database_url = folder, database_url

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Whatever must stand while inputs are tried."""
        yield

    def draw(self, chance: Random, number: int) -> Any:
        """Input `number`; the same `chance` and number, the same input."""
        raise NotImplementedError

    def ask(self, given: Any) -> str:
        """Try it. Returns a word for the table; raises for a finding."""
        raise NotImplementedError

    def report(self) -> str:
        """What else a long run should tell at its end."""
        return ""

    def reduce(self, given: Any, _error: BaseException) -> Any:
        """What to make smaller, when it is not the input itself."""
        return given


@dataclass
class Found:
    """One thing that broke, with the command that breaks it again."""

    door: str
    seed: int
    number: int
    what: str
    given: str

    @property
    def command(self) -> str:
        """Does it again."""
        return f".venv/bin/python -m tests.fuzz --door {self.door} --seed {self.seed} --number {self.number}"

    def __str__(self) -> str:
        return f"{self.door}: {self.what}\n  smallest input: {self.given}\n  again: {self.command}"


@dataclass
class Tally:
    """What a run of one door saw."""

    door: str
    words: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # where findings broke; the same place is told once

    def __str__(self) -> str:
        answers = ", ".join(f"{word} {number}" for word, number in self.words.most_common())
        return f"{self.door:14}{sum(self.words.values()):8} inputs  {len(self.found):3} findings  {answers}"


class _LogWatch(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = logging.Formatter().format(record)
        if record.levelno >= logging.ERROR or "Traceback" in line:
            self.lines.append(line)


@contextmanager
def watched(seconds: float) -> Iterator[None]:
    """Raise Finding when the block takes longer, or when something is logged that only faults are logged for."""

    def ring(_signal: int, _frame: Any) -> None:
        raise Finding(f"no answer within {seconds:g} seconds")

    log, root = _LogWatch(), logging.getLogger()
    root.addHandler(log)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds * 4, exit=True)  # for what never comes back to Python
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()
        root.removeHandler(log)
    if log.lines:
        raise Finding("logged: " + log.lines[0])


@contextmanager
def only_loopback() -> Iterator[None]:
    """No address that an input names is ever spoken to, unless it is this machine."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def _connect(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            raise OSError("the fuzz speaks to this machine alone")
        return connect(self, address)

    def _resolve(host: Any, *args: Any, **named: Any) -> Any:
        if host not in (None, "127.0.0.1", "localhost", "::1"):
            raise socket.gaierror(socket.EAI_NONAME, "the fuzz resolves no names")
        return resolve(host, *args, **named)

    socket.socket.connect, socket.getaddrinfo = _connect, _resolve  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect, socket.getaddrinfo = connect, resolve  # type: ignore[method-assign]


def run_door(door: Door, seed: int, numbers: Iterator[int], is_over: Callable[[], bool] = lambda: False,
             tell: Callable[[Found], None] = lambda _found: None) -> Tally:
    """Try the inputs of `numbers` in order until `is_over`, and `tell` each finding; the door is open."""
    tally = Tally(door.name)
    for number in numbers:
        if is_over():
            break
        given = door.draw(Random(f"{door.name}/{seed}/{number}"), number)
        error = _try(door, given, tally)
        if error is None:
            continue
        place = find_place(error)
        tally.words["FINDING"] += 1
        if place in tally.seen:
            continue
        tally.seen.add(place)
        small = shrink(door, door.reduce(given, error), place)
        tally.found.append(Found(door.name, seed, number, describe(error), repr(small)[:LONGEST_SHOWN]))
        tell(tally.found[-1])
    return tally


def _try(door: Door, given: Any, tally: Tally | None = None) -> BaseException | None:
    try:
        with watched(door.hang):
            word = door.ask(given)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return error
    if tally is not None:
        tally.words[word] += 1
    return None


def find_place(error: BaseException) -> str:
    """Where it broke: kind, last line of ours, and the beginning of the sentence; two inputs of one fault agree."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames if "/.venv/" not in frame.filename
    ]
    told = VALUES.sub("", str(error))[:60] if isinstance(error, Finding) else ""
    return f"{type(error).__name__} {ours[-1] if ours else ''} {told}"


def describe(error: BaseException) -> str:
    """The error and the way to it."""
    if isinstance(error, Finding):
        return str(error)[:LONGEST_SHOWN]
    return "".join(traceback.format_exception(error))[-LONGEST_SHOWN:]


def shrink(door: Door, given: Any, place: str) -> Any:
    """The smallest input found, by leaving pieces out, that still breaks at the same place."""
    tries, end = SHRINK_TRIES, time.monotonic() + SHRINK_SECONDS
    smaller = True
    while smaller:
        smaller = False
        for candidate in cut(given):
            tries -= 1
            if tries < 0 or time.monotonic() > end:
                return given
            error = _try(door, candidate)
            if error is not None and find_place(error) == place:
                given, smaller = candidate, True
                break
    return given


def cut(given: Any) -> Iterator[Any]:
    """`given` without its first half, its second half, a quarter, … a single piece; members of a dict one by one."""
    if isinstance(given, dict):
        for name in given:
            yield {key: value for key, value in given.items() if key != name}
        for name, value in given.items():
            for smaller in cut(value):
                yield given | {name: smaller}
    elif hasattr(given, "_fields"):
        for name, value in given._asdict().items():
            if isinstance(value, list):
                yield from (given._replace(**{name: smaller}) for smaller in cut(value))
    elif isinstance(given, str | bytes | list):
        size = len(given)
        while size:
            size = (size + 1) // 2 if size > 1 else 1
            yield from (given[:at] + given[at + size :] for at in range(0, len(given), size))
            size = 0 if size == 1 else size
        if isinstance(given, list):
            for place, value in enumerate(given):
                for smaller in cut(value):
                    yield [*given[:place], smaller, *given[place + 1 :]]


def check_text(body: str, what: str) -> None:
    """No answer shows our insides."""
    for word in (
        "Traceback (most recent call last)",
        "sqlalchemy.exc",
        "psycopg.",
        "sqlite3.",
        "jinja2.exceptions",
        'File "/',
        "werkzeug.exceptions",
    ):
        if word in body:
            raise Finding(f"{what}: shows {word}")
