"""`python -m bench [--only NAME …] [--size full]`: runs the subjects, prints a table, writes results/latest.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

SUBJECTS = ("decisions", "document_build", "document_pull", "worklist")
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    """Run the subjects one after the other; each is a module with `run(full) -> list[Figure]`."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--only", nargs="*", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--size", choices=("small", "full"), default="small", help="full: a million cases")
    given = parser.parse_args()
    full = given.size == "full"
    figures = []
    for name in given.only:
        print(f"… {name}", file=sys.stderr, flush=True)
        figures += [(name, figure) for figure in importlib.import_module(f"bench.{name}").run(full)]
    width = max(len(figure.name) for _, figure in figures)
    for name, figure in figures:
        ratio = f"{figure.ratio:8.2f} of {figure.baseline}" if figure.ratio is not None else ""
        spread = f" ({figure.spread[0]:.2f}–{figure.spread[1]:.2f})" if figure.spread else ""
        print(f"{name:<14} {figure.name:<{width}} {figure.value:12,.2f} {figure.unit:<4} {ratio}{spread}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps({
        "python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d"),
        "figures": [{"subject": name, **figure.to_json()} for name, figure in figures],
    }, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
