"""The result of the vaccination worksheet: one of the boxes of DS-3025 section 2 and DS-2054 section 2 (us.md 2.8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from flask_babel import LazyString, lazy_gettext

from clinic.models import LineOutcome

# Outcomes that are a blanket waiver (us.md 2.8); a series that goes on is waived for its interval.
BLANKET = frozenset({
    LineOutcome.WAIVER_AGE, LineOutcome.WAIVER_INTERVAL, LineOutcome.WAIVER_CONTRAINDICATION,
    LineOutcome.WAIVER_NOT_AVAILABLE, LineOutcome.WAIVER_NOT_FLU_SEASON, LineOutcome.GIVEN_SERIES_INCOMPLETE,
})


class VaccineResult(StrEnum):
    """What the worksheet as a whole says."""

    COMPLETE = "complete"
    BLANKET_WAIVER = "blanket-waiver"
    INDIVIDUAL_WAIVER = "individual-waiver"
    NOT_MET = "not-met"  # refused without a waiver
    OPEN = "open"  # a required line has no outcome yet
    NOT_REQUIRED = "not-required"


def derive_result(required: Iterable[str], outcomes: Mapping[str, LineOutcome]) -> VaccineResult:
    """The result from the required lines and their outcomes; what weighs most comes first."""
    lines = list(required)
    if not lines:
        return VaccineResult.NOT_REQUIRED
    found = {outcomes.get(line) for line in lines}
    if LineOutcome.REFUSED in found:
        return VaccineResult.NOT_MET
    if None in found:
        return VaccineResult.OPEN
    if LineOutcome.WAIVER_INDIVIDUAL in found:
        return VaccineResult.INDIVIDUAL_WAIVER
    return VaccineResult.BLANKET_WAIVER if found & BLANKET else VaccineResult.COMPLETE


WORDS: dict[VaccineResult, LazyString] = {
    VaccineResult.COMPLETE: lazy_gettext("Vaccine history complete, all requirements met"),
    VaccineResult.BLANKET_WAIVER: lazy_gettext("Vaccine history incomplete, blanket waiver requested"),
    VaccineResult.INDIVIDUAL_WAIVER: lazy_gettext("Vaccine history incomplete, individual waiver will be requested"),
    VaccineResult.NOT_MET: lazy_gettext("Vaccine requirements not met: refused"),
    VaccineResult.OPEN: lazy_gettext("Not complete yet"),
    VaccineResult.NOT_REQUIRED: lazy_gettext("Not required for this applicant"),
}
