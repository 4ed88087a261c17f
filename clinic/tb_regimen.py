"""Regimens of tuberculosis, doses by weight, interruptions (clinic/programmes/reference/tb_regimen.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "tb_regimen.toml"
UNCHANGED, ALL_STOPPED = "none", "all-stopped"  # of the actions about a side effect
WEIGHT_LIMITS = ("1.0", "250.0")  # kilograms; catches a slip of the hand


@dataclass(frozen=True)
class PhasePlan:
    """One phase as the sources plan it; no weeks and no drugs where the prescriber writes them down."""

    weeks: int
    drugs: tuple[str, ...]

    def count_doses(self, days_per_week: int) -> int:
        """The doses of the phase."""
        return self.weeks * days_per_week


@dataclass(frozen=True)
class DoseRange:
    """Milligrams of one dose of a drug for a weight: the usual one, and between what it lies."""

    drug: str
    low: int
    usual: int
    high: int

    def holds(self, milligrams: Decimal) -> bool:
        """Whether a dose lies within, a tenth of tablet sizes being allowed on either side."""
        return Decimal(self.low) * Decimal("0.9") <= milligrams <= Decimal(self.high) * Decimal("1.1")


@dataclass(frozen=True)
class InterruptionRule:
    """Days without a dose after which a phase is begun anew, and the share below which it is extended."""

    intensive_restart_days: int
    continuation_restart_days: int
    least_share: int
    noticed_after_days: int


@cache
def list_regimens() -> dict[str, dict[str, PhasePlan]]:
    """Every regimen's phases by name."""
    return {name: {phase: PhasePlan(plan["weeks"], tuple(plan["drugs"])) for phase, plan in row["phase"].items()}
            for name, row in _table()["regimen"].items()}


@cache
def get_interruption_rule() -> InterruptionRule:
    """What an interruption means."""
    return InterruptionRule(**_table()["interruption"])


def list_drugs() -> list[str]:
    """The drugs whose doses are tabled."""
    return list(_table()["drug"])


def compute_dose(drug: str, weight_kg: Decimal) -> DoseRange | None:
    """The range for one dose at a weight; None for a drug that is not tabled."""
    row = _table()["drug"].get(drug)
    if row is None:
        return None
    low, usual, high = row["child"] if weight_kg < _table()["child_below_kg"] else row["per_kg"]
    return DoseRange(drug, *(min(_round(each * weight_kg), row["most"]) for each in (low, usual, high)))


def find_tablets(weight_kg: Decimal) -> int | None:
    """Fixed-dose tablets a day for the weight band of an adult; None below the first band."""
    fitting = [band["tablets"] for band in _table()["band"] if weight_kg >= band["from_kg"]]
    return fitting[-1] if fitting else None


def list_week_days() -> list[int]:
    """How many days a week doses are given."""
    return list(_table()["days_per_week"])


def count_end_cultures(programme: str) -> int:
    """Specimens whose smear and culture are negative at the end of treatment."""
    return int(_table()["end_cultures"][programme])


def get_monitoring() -> dict[str, int]:
    """Specimens a month, and what follows from them."""
    return dict(_table()["monitoring"])


def get_stop_review_days() -> int:
    """After how many days it is asked how the medicines go on, when all of them were stopped."""
    return int(_table()["stop"]["review_days"])


def list_side_effects() -> dict[str, str]:
    """Kinds of side effects by code."""
    return dict(_table()["side_effect"])


def list_actions() -> dict[str, str]:
    """What may be done about one, by code."""
    return dict(_table()["action"])


def _round(milligrams: Decimal) -> int:
    return int(milligrams.quantize(Decimal(1), ROUND_HALF_UP))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
