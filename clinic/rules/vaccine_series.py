"""The dated table of vaccine series: minimum ages, intervals, contraindications (programmes/us/vaccine_series.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from clinic.rules.age import completion
from clinic.rules.programme import FOREVER, LONG_AGO, PROGRAMMES

TABLE = PROGRAMMES / "us" / "vaccine_series.toml"


@dataclass(frozen=True)
class Span:
    """A length of time in one unit: days, months or years."""

    unit: str
    count: int

    def after(self, day: date) -> date:
        """The day that lies so long after `day`; one that does not exist falls on the first of the next month."""
        return completion(day, **{self.unit: self.count}) if self.count else day

    def __str__(self) -> str:
        if self.unit == "days" and self.count and self.count % 7 == 0:
            return f"{self.count // 7} weeks"
        return f"{self.count} {self.unit}"


@dataclass(frozen=True)
class DoseRule:
    """What one dose of a series must keep."""

    at_least: Span | None
    gaps: tuple[tuple[Span | None, Span], ...]  # (below this age at the dose, gap); the first that fits
    gap_first: Span | None
    booster: bool

    def find_gap(self, birth: date, on: date) -> Span | None:
        """The gap to the dose before for a dose given on that day."""
        return next((gap for below, gap in self.gaps if below is None or on < below.after(birth)), None)


@dataclass(frozen=True)
class Enough:
    """Fewer doses that complete the series."""

    doses: int
    last_at_least: Span
    gap: Span | None


@dataclass(frozen=True)
class Series:
    """One series of a line, or of a part of it; `when` says for whom."""

    line: str
    part: str
    cvx: frozenset[str]
    also: tuple[str, ...]
    when: Mapping[str, Any]
    doses: tuple[DoseRule, ...]
    enough: tuple[Enough, ...]
    first_through: Span | None
    last_through: Span | None
    every: Span | None
    valid_for: Span | None
    once_cvx: frozenset[str]
    once_from: Span | None
    source: str

    def fits(self, birth: date, on: date, first: date | None, products: frozenset[str]) -> bool:
        """Whether it is the series of who was born then, had the first dose then, and had these products."""
        when = self.when
        started = first or on
        return (
            when["from"] <= on <= when["until"]
            and (when["on_from"] is None or on >= when["on_from"].after(birth))
            and (when["on_below"] is None or on < when["on_below"].after(birth))
            and (when["first_from"] is None or started >= when["first_from"].after(birth))
            and (when["first_below"] is None or started < when["first_below"].after(birth))
            and (not when["only_cvx"] or (bool(products) and products <= when["only_cvx"]))
        )


@dataclass(frozen=True)
class Contraindication:
    """A circumstance with which some vaccines are not given."""

    word: str
    lines: frozenset[str]
    cvx: frozenset[str]
    says: str
    source: str
    ask_sex: str | None
    ask_from: Span | None
    ask_below: Span | None


@dataclass(frozen=True)
class Table:
    """The whole table."""

    grace: timedelta
    live_cvx: frozenset[str]
    live_apart: Span
    live_source: str
    series: tuple[Series, ...]
    contraindications: tuple[Contraindication, ...]
    give: Mapping[str, list[dict[str, Any]]]

    def list_parts(self, line: str) -> list[str]:
        """The parts of a line, "" for a line of one."""
        return list(dict.fromkeys(one.part for one in self.series if one.line == line))


@cache
def read_table() -> Table:
    """The table as shipped."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    general = raw["general"]
    return Table(
        grace=timedelta(days=general["grace_days"]), live_cvx=frozenset(general["live_cvx"]),
        live_apart=_need_span(general["live_apart"]), live_source=general["source"],
        series=tuple(_read_series(row) for row in raw["series"]),
        contraindications=tuple(
            Contraindication(row["word"], frozenset(row["lines"]), frozenset(row["live_cvx"]), row["says"],
                             row["source"], row.get("ask_sex"), _span(row.get("ask_from")), _span(row.get("ask_below")))
            for row in raw["contraindication"]),
        give=raw["give"],
    )


def find_product(line: str, birth: date, on: date, had: frozenset[str]) -> str:
    """The product (CVX) to offer on a line at that age, seeing what was had before."""
    for row in read_table().give[line]:
        below = _span(row.get("below"))
        if (below is None or on < below.after(birth)) and not (row.get("unless_had") and row["cvx"] in had):
            return str(row["cvx"])
    raise KeyError(line)


def _read_series(row: Mapping[str, Any]) -> Series:
    when = {name: _span(row.get(name)) for name in ("on_from", "on_below", "first_from", "first_below")}
    once = row.get("once", {})
    return Series(
        line=row["line"], part=row.get("part", ""), cvx=frozenset(row.get("cvx", ())), also=tuple(row.get("also", ())),
        when=when | {"from": row.get("from", LONG_AGO), "until": row.get("until", FOREVER),
                     "only_cvx": frozenset(row.get("only_cvx", ()))},
        doses=tuple(_read_dose(one) for one in row["doses"]),
        enough=tuple(Enough(one["doses"], _need_span(one["last_at_least"]), _span(one.get("gap")))
                     for one in row.get("enough", ())),
        first_through=_span(row.get("first_through")), last_through=_span(row.get("last_through")),
        every=_span(row.get("every")), valid_for=_span(row.get("valid_for")),
        once_cvx=frozenset(once.get("cvx", ())), once_from=_span(once.get("from_age")), source=row["source"],
    )


def _read_dose(row: Mapping[str, Any]) -> DoseRule:
    gaps = row.get("gaps") or ([{"gap": row["gap"]}] if "gap" in row else [])
    return DoseRule(
        _span(row.get("at_least")), tuple((_span(one.get("below")), _need_span(one["gap"])) for one in gaps),
        _span(row.get("gap_first")), row.get("booster", False))


def _span(row: Mapping[str, int] | None) -> Span | None:
    return _need_span(row) if row is not None else None


def _need_span(row: Mapping[str, int]) -> Span:
    (unit, count), = row.items()
    if unit not in ("days", "months", "years"):
        raise ValueError(f"vaccine_series.toml: a span is in days, months or years, not {unit}")
    return Span(unit, count)
