"""The glomerular filtration rate from a creatinine (clinic/programmes/reference/egfr.toml): figures, no database."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent / "programmes" / "reference" / "egfr.toml"
CREATININE, EGFR = "creatinine", "creatinine-egfr"  # tests of the catalogue
UNIT = "mL/min/{1.73_m2}"
MASS, MOLAR = "mg/dL", "umol/L"  # units of creatinine, UCUM


@dataclass(frozen=True)
class Formula:
    """One way to estimate the rate: for which ages, since when, and from where."""

    name: str
    label: str
    effective_from: date
    from_age: int
    below_age: int
    per_mg: Decimal
    source: str
    scale: Decimal = Decimal(0)
    beta: Decimal = Decimal(0)
    per_year: Decimal = Decimal(1)
    by_sex: tuple[tuple[str, tuple[Decimal, Decimal, Decimal]], ...] = ()  # sex: kappa, alpha, factor
    per_cm: Decimal | None = None

    @property
    def needs_height(self) -> bool:
        """Whether it reads the height."""
        return self.per_cm is not None

    @property
    def sexes(self) -> tuple[str, ...]:
        """The sexes it knows; empty: it reads none."""
        return tuple(sex for sex, _factors in self.by_sex)

    def compute(self, value: Decimal, unit: str, age: int, sex: str, height_cm: Decimal | None) -> int | None:
        """Whole mL/min/1.73 m2, cut; None for a unit, sex or age that it does not know, or without its height."""
        if unit not in (MASS, MOLAR) or value <= 0 or not self.from_age <= age < self.below_age:
            return None
        milligrams = value if unit == MASS else value / self.per_mg
        if self.per_cm is not None:
            rate = None if height_cm is None else self.per_cm * height_cm / milligrams
        else:
            rate = self._compute_adult(milligrams, age, sex)
        return None if rate is None else int(rate.to_integral_value(ROUND_DOWN))

    def _compute_adult(self, milligrams: Decimal, age: int, sex: str) -> Decimal | None:
        factors = dict(self.by_sex).get(sex)
        if factors is None:
            return None
        kappa, alpha, factor = factors
        ratio, one = milligrams / kappa, Decimal(1)
        return self.scale * min(ratio, one) ** alpha * max(ratio, one) ** self.beta * self.per_year ** age * factor


@cache
def list_formulas() -> dict[str, Formula]:
    """Every formula by name, which is also the method of a result that it gave."""
    return {name: _build(name, row) for name, row in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


def find_formula(age: int, on: date) -> Formula | None:
    """The newest formula for that age (completed years) on a day; None where there is none."""
    fitting = [one for one in list_formulas().values()
               if one.from_age <= age < one.below_age and one.effective_from <= on]
    return max(fitting, key=lambda one: one.effective_from, default=None)


def _build(name: str, row: dict[str, Any]) -> Formula:
    from_age, below_age = row["age"]
    return Formula(
        name=name, label=row["label"], effective_from=date.fromisoformat(row["effective_from"]), from_age=from_age,
        below_age=below_age, per_mg=Decimal(row["per_mg"]), source=row["origin"]["source"],
        scale=Decimal(row.get("scale", "0")), beta=Decimal(row.get("beta", "0")),
        per_year=Decimal(row.get("per_year", "1")), per_cm=Decimal(row["per_cm"]) if "per_cm" in row else None,
        by_sex=tuple((sex, (Decimal(kappa), Decimal(alpha), Decimal(factor)))
                     for sex, (kappa, alpha, factor) in row.get("by_sex", {}).items()))
