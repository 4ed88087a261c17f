"""The chest X-ray findings a reading may name (clinic/programmes/reference/finding.toml), read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

PROGRAMMES = Path(__file__).resolve().parent / "programmes"
CATALOGUE = PROGRAMMES / "reference" / "finding.toml"
NORMAL = "NORMAL"
# Whose certificate asks one result besides the findings (ca-au-nz-uk-addendum.md 2.1, "Chest X-ray coding").
RESULT_PROGRAMMES = frozenset({"uk"})


class FindingCategory(StrEnum):
    """What follows from a finding (Form DS-3030 section 3)."""

    NORMAL = "normal"
    SUGGESTS_TB = "suggests-tb"  # sputum
    FOLLOW_UP = "follow-up"  # no smears; Class B other in the United States
    MINOR = "minor"  # neither


@dataclass(frozen=True)
class Finding:
    """One finding of the form."""

    code: str
    label: str
    category: FindingCategory
    programmes: tuple[str, ...] = ()  # empty: everybody's

    @property
    def must_be_specified(self) -> bool:
        """Whether the form asks for words in its remarks."""
        return self.code.startswith("OTHER_")


class XrayResult(StrEnum):
    """The United Kingdom's result of the film, one of three (ca-au-nz-uk-addendum.md 2.1)."""

    NORMAL = "normal"
    NON_TB = "non-tb"  # an abnormality, not tuberculosis
    TB = "tb"  # old or active tuberculosis


@dataclass(frozen=True)
class NumberedFinding:
    """One finding by the authority's own number, and the common code it is read as."""

    number: str
    label: str
    common: str


@cache
def list_numbered(programme: str) -> dict[str, NumberedFinding]:
    """The authority's own numbered findings in its order; empty where it has none."""
    path = PROGRAMMES / programme / "findings.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["finding"] if path.exists() else []
    return {row["code"]: NumberedFinding(row["code"], row["label"], row["common"]) for row in rows}


@cache
def list_all_findings() -> dict[str, Finding]:
    """Every finding by code, in the order of the form."""
    return {
        code: Finding(code, row["label"], FindingCategory(row["category"]), tuple(row.get("programmes", ())))
        for code, row in tomllib.loads(CATALOGUE.read_text(encoding="utf-8")).items()
    }


def list_findings(programme: str) -> dict[str, Finding]:
    """The findings a reader may tick for `programme`."""
    return {code: finding for code, finding in list_all_findings().items()
            if not finding.programmes or programme in finding.programmes}
