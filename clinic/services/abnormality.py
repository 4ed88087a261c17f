"""Whether a laboratory result is normal: by its code, the laboratory's own mark, or a range that a source gives."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from clinic.laboratory_test import COMPARATORS, Reference, list_tests, to_decimal
from clinic.models import LabResult
from clinic.partial_date import age_on, parse_partial_date


class Abnormality(StrEnum):
    """What a result says at a glance; `unknown` where no range and no mark of the laboratory tells."""

    NORMAL = "normal"
    ABNORMAL = "abnormal"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


MARKS = {"normal": Abnormality.NORMAL, "low": Abnormality.ABNORMAL, "high": Abnormality.ABNORMAL,
         "abnormal": Abnormality.ABNORMAL, "critical": Abnormality.CRITICAL}
_ORDER = (Abnormality.UNKNOWN, Abnormality.NORMAL, Abnormality.ABNORMAL, Abnormality.CRITICAL)


def find_abnormality(row: LabResult) -> Abnormality:
    """The graver of what the range and the laboratory's mark say; a coded result by its code alone."""
    test = list_tests()[row.test]
    if test.values:
        return Abnormality.NORMAL if row.value in test.normal else Abnormality.ABNORMAL
    marked = MARKS.get(row.mark or "", Abnormality.UNKNOWN)
    return max(marked, _compare(row), key=_ORDER.index)


def is_normal(row: LabResult) -> bool:
    """Whether nothing about the value asks for a second look; unknown is not normal."""
    return find_abnormality(row) is Abnormality.NORMAL


def _compare(row: LabResult) -> Abnormality:
    person = row.case.applicant
    age = age_on(parse_partial_date(person.birth_date), row.performed_on).years
    found = list_tests()[row.test].find_reference(row.unit, person.sex.value, age)
    if found is None:
        return Abnormality.UNKNOWN
    value, sign = to_decimal(row.value), row.value[:1]
    if sign in COMPARATORS:
        return _compare_open(value, sign == ">", found)
    below, above = _is_below(value, found.low), _is_above(value, found.high)
    if _is_below(value, found.critical_low) or _is_above(value, found.critical_high):
        return Abnormality.CRITICAL
    return Abnormality.ABNORMAL if below or above else Abnormality.NORMAL


def _compare_open(value: Decimal, is_above: bool, found: Reference) -> Abnormality:
    """What is only known to lie above or below a number: "<7.0" is critical where below 7.0 is, as 6.9 would be."""
    limits = (found.critical_high, found.high) if is_above else (found.critical_low, found.low)
    for limit, said in zip(limits, (Abnormality.CRITICAL, Abnormality.ABNORMAL), strict=True):
        if limit is not None and (value >= Decimal(limit) if is_above else value <= Decimal(limit)):
            return said
    # ">90" is normal where only a lower limit stands, at or below 90; ">30" may lie on either side of 60.
    beyond = _is_below(value, found.low) if is_above else _is_above(value, found.high)
    return Abnormality.UNKNOWN if limits[1] is not None or beyond else Abnormality.NORMAL


def _is_below(value: Decimal, limit: str | None) -> bool:
    return limit is not None and value < Decimal(limit)


def _is_above(value: Decimal, limit: str | None) -> bool:
    return limit is not None and value > Decimal(limit)
