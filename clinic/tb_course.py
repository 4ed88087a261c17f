"""The course of a treatment computed from its days: doses, gaps, what they mean; resistance by drugs. No database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from clinic.models.tuberculosis import DoseState, InterruptionDecision, PhaseName
from clinic.tb_regimen import get_interruption_rule


@dataclass(frozen=True)
class Count:
    """Doses of a phase or a whole treatment."""

    planned: int = 0
    given: int = 0
    observed: int = 0  # of those given
    missed: int = 0
    held: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.planned + other.planned, self.given + other.given, self.observed + other.observed,
                     self.missed + other.missed, self.held + other.held)

    @property
    def share(self) -> int | None:
        """Per cent of the planned doses that were given, rounded down; None where no number was planned."""
        return self.given * 100 // self.planned if self.planned else None

    @property
    def is_observed(self) -> bool:
        """Whether so many were watched that it counts as directly observed (docs/clinical-open-points.md, T5)."""
        return self.observed * 100 >= self.given * get_interruption_rule().least_share


@dataclass(frozen=True)
class Gap:
    """Days in a row without a dose; `is_open` while it goes on. Days nobody wrote anything about count as well."""

    from_on: date
    to_on: date
    days: int
    is_open: bool


class Resistance(StrEnum):
    """What the medicines that fail make of it (WHO, 2021); the graver wins."""

    NONE = "none"
    HR = "hr"  # isoniazid alone
    RR = "rr"  # rifampicin, isoniazid not tested or susceptible
    MDR = "mdr"
    PRE_XDR = "pre-xdr"
    XDR = "xdr"


FLUOROQUINOLONES = ("fluoroquinolone", "levofloxacin", "moxifloxacin")
GROUP_A = ("bedaquiline", "linezolid")


def find_gaps(states: Mapping[date, DoseState], started_on: date, until: date, days_per_week: int = 7) -> list[Gap]:
    """Every run of days without a given dose from the first day to `until`, longer than what is noticed.

    With five days a week Saturdays and Sundays are no missed days, though they count as days of a gap around them.
    """
    found: list[Gap] = []
    run: list[date] = []
    day = started_on
    while day <= until:
        if states.get(day) is DoseState.GIVEN:
            _keep(run, found, is_open=False)
            run = []
        elif run or days_per_week == 7 or day.weekday() < 5:
            run.append(day)
        day += timedelta(days=1)
    _keep(_without_weekend(run, days_per_week), found, is_open=True)
    return found


def advise(phase: PhaseName, gap_days: int, count: Count) -> InterruptionDecision:
    """What the sources advise after a gap (us.md 1.7); the physician decides."""
    rule = get_interruption_rule()
    limit = rule.intensive_restart_days if phase is PhaseName.INTENSIVE else rule.continuation_restart_days
    if gap_days > limit:
        return InterruptionDecision.RESTART
    if phase is PhaseName.CONTINUATION and (count.share or 0) >= rule.least_share:
        return InterruptionDecision.CONTINUE
    return InterruptionDecision.EXTEND


def find_resistance(answers: Iterable[tuple[str, str]]) -> Resistance | None:
    """The category by (drug, answer) of every test; one resistant answer of a drug decides. None without isoniazid and
    rifampicin."""
    said: dict[str, set[str]] = {}
    for drug, answer in answers:
        said.setdefault(drug, set()).add(answer)
    failing = {drug for drug, found in said.items() if "resistant" in found}
    if "rifampicin" in failing:
        has_fluoroquinolone = bool(failing & set(FLUOROQUINOLONES))
        if has_fluoroquinolone and failing & set(GROUP_A):
            return Resistance.XDR
        if has_fluoroquinolone:
            return Resistance.PRE_XDR
        return Resistance.MDR if "isoniazid" in failing else Resistance.RR
    if "isoniazid" in failing:
        return Resistance.HR
    tested = {drug for drug, found in said.items() if "susceptible" in found}
    return Resistance.NONE if {"isoniazid", "rifampicin"} <= tested else None


def _keep(run: list[date], found: list[Gap], is_open: bool) -> None:
    if len(run) > get_interruption_rule().noticed_after_days:
        found.append(Gap(run[0], run[-1], len(run), is_open))


def _without_weekend(run: list[date], days_per_week: int) -> list[date]:
    """An open run does not end in a weekend on which nothing was to be given."""
    kept = list(run)
    while kept and days_per_week < 7 and kept[-1].weekday() >= 5:
        kept.pop()
    return kept
