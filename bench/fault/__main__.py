"""`python -m bench.fault [--only NAME …] [--database sqlite|postgresql]`: breaks things under real processes.

Prints a line for each thing looked at; exit code 1 when anything was not as it should be.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import signal
import sys
import time

from bench.fault.check import Check

DRILLS = ("full_disk", "lost_database", "set_clock", "restored_backup", "two_versions",
          "killed_listener")


def main() -> int:
    """Run the drills one after the other; each is a module with `run(database) -> list[Check]`."""
    parser = argparse.ArgumentParser(prog="bench.fault")
    parser.add_argument("--only", nargs="*", choices=DRILLS, default=DRILLS)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(1))  # ends what was started, too
    logging.disable(logging.WARNING)  # the drill's own application tells of what it makes
    failed = 0
    print("| drill | should be so | was it | seen |")
    print("|---|---|---|---|")
    for name in given.only:
        began = time.monotonic()
        for check in _run(name, given.database):
            failed += not check.fine
            print(f"| {name}, {given.database} | {check.should} | {'yes' if check.fine else 'NO'} | {check.seen} |",
                  flush=True)
        print(f"| {name}, {given.database} | | | {time.monotonic() - began:.0f} s |", flush=True)
    return 1 if failed else 0


def _run(name: str, database: str) -> list[Check]:
    drill = importlib.import_module(f"bench.fault.{name}")
    try:
        found: list[Check] = drill.run(database)
    except TimeoutError as error:
        return [Check("everything within its time", False, str(error))]
    return found


if __name__ == "__main__":
    raise SystemExit(main())
