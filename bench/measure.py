"""Compare callables in alternating rounds, so that a busy machine disturbs both sides alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Figure:
    """One line of the table: a rate or a time, and the ratio to its baseline in the same round."""

    name: str
    value: float
    unit: str
    ratio: float | None = None  # median of the per-round ratios to the baseline
    spread: tuple[float, float] | None = None  # smallest and largest of those ratios
    baseline: str = ""

    def to_json(self) -> dict[str, object]:
        """The figure as a plain dict."""
        return {key: value for key, value in self.__dict__.items() if value not in (None, "")}


def rate(work: Work, seconds: float) -> float:
    """How often `work` runs a second, over about `seconds`."""
    count, start = 0, time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        work()
        count += 1
    return count / (now - start) if count else 0.0


def side_by_side(subjects: dict[str, Work], baseline: str, rounds: int = 5, seconds: float = 0.6) -> list[Figure]:
    """Rates of `subjects`, run in turn for `rounds`; ratios are to `baseline`, which is one of them."""
    for work in subjects.values():
        work()
    rates: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, work in subjects.items():
            rates[name].append(rate(work, seconds))
    figures = []
    for name, values in rates.items():
        ratios = [a / b for a, b in zip(values, rates[baseline], strict=True) if b]
        figures.append(Figure(
            name, statistics.median(values), "/s",
            *(() if name == baseline else (statistics.median(ratios), (min(ratios), max(ratios)), baseline)),
        ))
    return figures


def percentiles(work: Work, times: int) -> tuple[float, float]:
    """Median and 99th percentile of `work`, in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    return taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))]
