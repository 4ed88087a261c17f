"""Compare callables in alternating rounds, so that a busy machine disturbs both sides alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Work = Callable[[], object]
Measure = Callable[[], float]
ROUNDS = 5
NOISY = 2.0  # a range of ratios wider than this says that the machine did something else too


@dataclass(frozen=True)
class Figure:
    """One line of the table: a rate or a time, and the ratio to its baseline in the same round."""

    name: str
    value: float
    unit: str
    ratio: float | None = None  # median of the per-round ratios to the baseline
    spread: tuple[float, float] | None = None  # smallest and largest of those ratios
    baseline: str = ""
    goal: str = ""  # of goals.toml
    cpu: float | None = None  # microseconds of the server's processors for one answer

    def to_json(self) -> dict[str, object]:
        """The figure as a plain dict."""
        return {key: value for key, value in self.__dict__.items() if value not in (None, "")}

    @property
    def is_noisy(self) -> bool:
        """Whether the rounds disagree so much that the median says little."""
        return self.spread is not None and self.spread[1] > NOISY * self.spread[0]


def judge(figure: Figure, goal: Mapping[str, Any], database: str) -> str:
    """`met`, `missed`, or empty when the goal is about the other database or nothing was compared."""
    if figure.ratio is None or goal.get("only", database) != database:
        return ""
    most = goal.get(f"at_most_{database}", goal.get("at_most"))
    good = figure.ratio >= goal["at_least"] if most is None else figure.ratio <= most
    return "met" if good else "missed"


def rate(work: Work, seconds: float) -> float:
    """How often `work` runs a second, over about `seconds`."""
    count, start = 0, time.perf_counter()
    end = start + seconds
    while (now := time.perf_counter()) < end:
        work()
        count += 1
    return count / (now - start) if count else 0.0


def side_by_side(
    subjects: Mapping[str, Work], baseline: str, rounds: int = ROUNDS, seconds: float = 0.6,
    goals: Mapping[str, str] | None = None,
) -> list[Figure]:  # fmt: skip
    """Rates of `subjects`, run in turn for `rounds`; ratios are to `baseline`, which is one of them."""
    for work in subjects.values():
        work()
    measures = {name: lambda work=work: rate(work, seconds) for name, work in subjects.items()}
    return alternate(measures, baseline, rounds, goals=goals)  # type: ignore[arg-type]


def alternate(
    measures: Mapping[str, Measure], baseline: str, rounds: int = ROUNDS, unit: str = "/s",
    goals: Mapping[str, str] | None = None,
) -> list[Figure]:  # fmt: skip
    """The medians of `measures`, taken in turn for `rounds`, and of the ratios to `baseline` in the same round."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            values[name].append(measure())
    return [to_figure(name, taken, values[baseline] if name != baseline else None, unit, baseline,
                      (goals or {}).get(name, "")) for name, taken in values.items()]


def to_figure(name: str, values: list[float], base: list[float] | None, unit: str = "/s", baseline: str = "",
              goal: str = "", cpu: list[float] | None = None) -> Figure:
    """A figure of one subject's rounds; `base` are the baseline's."""
    used = statistics.median(cpu) if cpu else None
    if base is None:
        return Figure(name, statistics.median(values), unit, cpu=used)
    ratios = [one / other for one, other in zip(values, base, strict=True) if other]
    return Figure(name, statistics.median(values), unit, statistics.median(ratios), (min(ratios), max(ratios)),
                  baseline, goal, used)


def percentiles(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile of `work(number)`, in milliseconds."""
    taken = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - start) * 1000)
    taken.sort()
    return taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))]
