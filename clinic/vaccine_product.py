"""Vaccines that can be recorded, by line of the worksheet (clinic/programmes/reference/vaccine_product.toml)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parent / "programmes" / "reference" / "vaccine_product.toml"

# Lines whose immunity a laboratory can show (us.md 2.8, "Evidence of immunity per row").
SHOWN_BY_LABORATORY = frozenset({"MMR", "HepA", "HepB", "Varicella", "Polio"})


@cache
def list_products() -> dict[str, dict[str, str]]:
    """Line -> CVX code -> short name, in the worksheet's order."""
    return tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))


def get_usual_product(line: str) -> str:
    """The product of a record that names none: the line's unspecified code, else its first."""
    names = list_products()[line]
    *_rest, last = names
    return last if "not specified" in names[last] else next(iter(names))


def label_product(cvx: str) -> str:
    """The short name of a CVX code; the code itself when it is not in our list."""
    return next((names[cvx] for names in list_products().values() if cvx in names), cvx)
