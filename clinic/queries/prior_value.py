"""Earlier results of the same test, of this case and of the person's earlier cases at this site, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.db import db
from clinic.laboratory_test import COMPARATORS, TITRE, list_tests, to_decimal
from clinic.models import Case, LabResult, ResultStatus, Specimen
from clinic.result_word import label_value
from clinic.scope import current_emergency

MOST = 5  # of each test: what a reader compares with; the rest stands on the earlier cases


@dataclass(frozen=True)
class PriorValue:
    """One earlier confirmed result; `case_number` says where, `change` how the later one differs from it, in words."""

    row: LabResult
    case_number: str
    is_same_case: bool
    change: str = ""


def list_prior_values(case: Case, tests: Sequence[str] | None = None) -> dict[str, list[PriorValue]]:
    """By test: the confirmed results of this person at this site, newest first, at most five of each.

    `change` compares each entry with the next older one. `tests` narrows; a test without any is left out. The newest
    entry may be the present case's own result. HIV is among them: for a person's own page, never for a list.
    """
    found: dict[str, list[LabResult]] = {}
    for row in _list_counting(case, tests):
        found.setdefault(row.test, []).append(row)
    return {test: [_to_prior(case, row, older) for row, older in zip(rows, [*rows[1:], None], strict=True)][:MOST]
            for test, rows in found.items()}


def list_prior_of(row: LabResult) -> list[PriorValue]:
    """What came before one result, newest first; `change` says how `row` differs from each."""
    return [
        PriorValue(other, other.case.number, other.case_id == row.case_id, describe_change(row, other))
        for other in _list_counting(row.case, [row.test])
        if other.series_id != row.series_id and (other.performed_on, other.id) < (row.performed_on, row.id)
        and is_comparable(other, row.specimen, row.method)
    ][:MOST]


def find_before(row: LabResult) -> PriorValue | None:
    """What the second person compares one result with: the version it replaces, else the newest earlier result."""
    if row.revision == 1:
        return next(iter(list_prior_of(row)), None)
    replaced = db.session.execute(
        select(LabResult).where(LabResult.series_id == row.series_id, LabResult.revision < row.revision)
        .order_by(LabResult.revision.desc()).limit(1)
    ).unique().scalar_one()
    return PriorValue(replaced, row.case.number, True, describe_change(row, replaced))


def is_comparable(other: LabResult, specimen: Specimen | None, method: str | None = None) -> bool:
    """Whether `other` may stand as what was before, beside one of the same test made on `specimen` by `method`.

    Specimens taken for the same thing (the three of a series, the two of a month) stand beside one another: what one
    gave is no earlier state of what the next gives. Nor is what grew on one medium that of another.
    """
    if list_tests()[other.test].by_method and other.method != method:
        return False
    mine = other.specimen
    return mine is None or specimen is None or (mine.case_id, mine.purpose, mine.treatment_month) != (
        specimen.case_id, specimen.purpose, specimen.treatment_month)


def describe_change(now: LabResult, before: LabResult) -> str:
    """How `now` differs from `before`, in words; numbers in different units are not compared."""
    if now.value == before.value and now.unit == before.unit:
        return _compare_titres(now, before) or _("unchanged")
    if now.unit is None or before.unit is None:
        return _("was %(before)s, now %(now)s", before=label_value(before.value), now=label_value(now.value))
    if now.unit != before.unit:
        return _("another unit: not compared")
    if now.value[:1] in COMPARATORS or before.value[:1] in COMPARATORS:
        return _("was %(before)s, now %(now)s", before=before.value, now=now.value)
    difference = to_decimal(now.value) - to_decimal(before.value)
    if not difference:
        return _("unchanged")
    share = abs(difference) * 100 / to_decimal(before.value) if to_decimal(before.value) else None
    words = _("higher by %(n)s", n=f"{difference:f}") if difference > 0 else _("lower by %(n)s", n=f"{-difference:f}")
    return words if share is None else f"{words} ({share:.0f} %)"


def _compare_titres(now: LabResult, before: LabResult) -> str:
    """A titre that rose or fell fourfold says more than "reactive" twice (us.md 2.2)."""
    later, earlier = _find_titre(now), _find_titre(before)
    if later is None or earlier is None or later == earlier:
        return ""
    ratio = Fraction(later, earlier)
    if ratio >= 4:
        return _("titre risen %(n)s-fold, 1:%(before)s to 1:%(now)s", n=int(ratio), before=earlier, now=later)
    if ratio <= Fraction(1, 4):
        return _("titre fallen %(n)s-fold, 1:%(before)s to 1:%(now)s", n=int(1 / ratio), before=earlier, now=later)
    return _("titre 1:%(before)s to 1:%(now)s", before=earlier, now=later)


def _find_titre(row: LabResult) -> int | None:
    text = next((part.value for part in row.components if part.name == TITRE), "")
    return int(text.removeprefix("1:")) if text else None


def _list_counting(case: Case, tests: Sequence[str] | None) -> list[LabResult]:
    rows = db.session.execute(
        select(LabResult).join(Case, Case.id == LabResult.case_id).where(
            Case.id == case.id if current_emergency() else Case.applicant_id == case.applicant_id,
            Case.site_id == case.site_id,
            LabResult.test.in_(list_tests() if tests is None else tests), LabResult.superseded_at.is_(None),
            LabResult.status.in_((ResultStatus.FINAL, ResultStatus.CORRECTED)),
        ).order_by(LabResult.performed_on.desc(), LabResult.id.desc())
    ).unique().scalars()
    return list(rows)


def _to_prior(case: Case, row: LabResult, older: LabResult | None) -> PriorValue:
    return PriorValue(row, row.case.number, row.case_id == case.id, describe_change(row, older) if older else "")
