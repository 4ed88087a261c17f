"""`make fuzz`: an hour over all doors by two processes, or one input again: `python -m tests.fuzz --help`."""

from __future__ import annotations

import argparse
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest  # noqa: F401  before wsgi.py, which makes no application of its own then

from tests.fuzz.doors import DOORS, SHARES, load_door
from tests.fuzz.harness import Tally, only_loopback, run_door
from tests.postgresql import start_postgresql


def main() -> int:
    """Exit status 1 when something broke."""
    ask = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    ask.add_argument("--door", action="append", choices=list(DOORS), help="only this one (may be repeated)")
    ask.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    ask.add_argument("--number", type=int, help="only this input: a finding again")
    ask.add_argument("--minutes", type=float, default=60.0, help="over all doors")
    ask.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = ask.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger().setLevel(logging.ERROR)
    if given.door is None:
        return _share_out(given)
    failed = False
    weights = {name: next(share[name] for share in SHARES if name in share) for name in given.door}
    for name in given.door:
        numbers = iter((given.number,)) if given.number is not None else count()
        tally = _run(name, given, numbers, given.minutes * 60 * weights[name] / sum(weights.values()))
        failed = failed or bool(tally.found)
    return int(failed)


def _share_out(given: Any) -> int:
    """A process for each share; both print as they go."""
    print(f"seed {given.seed}, {given.minutes:g} minutes, {given.database}", flush=True)
    common = ["--seed", str(given.seed), "--minutes", str(given.minutes), "--database", given.database]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", *common, *(word for name in share for word in ("--door", name))]
        )
        for share in SHARES
    ]
    return max([process.wait() for process in processes])


def _run(name: str, given: Any, numbers: Any, seconds: float) -> Tally:
    with tempfile.TemporaryDirectory(prefix="clearway-fuzz-") as place:
        folder = Path(place)
        kind = load_door(name)
        on_server = given.database == "postgresql" and kind.on_database
        with start_postgresql(folder) if on_server else nullcontext("") as url, only_loopback():
            door = kind(folder, url)
            with door.opened():
                end = time.monotonic() + seconds
                tally = run_door(door, given.seed, numbers, lambda: time.monotonic() > end,
                                 lambda found: print(found, flush=True))
    print(tally, door.report(), sep="\n", flush=True)
    return tally


if __name__ == "__main__":
    sys.exit(main())
