"""The doses of a treatment of tuberculosis, counted by calendar month, as one Observation each.

One resource a dose would be some hundred and eighty of them in every document, with the same words; a receiver asks how
many were given, watched and missed (docs/fhir-mapping.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from clinic.models import Case, DoseState, TbCase, TbDose
from clinic.services.tb_given import find_last_word, list_changes, list_held_days, was_stopped
from clinic.services.tb_summary import list_phases
from fhir.canonical import local_concept
from fhir.code import concept
from fhir.element import Element, drop_empty
from fhir.encoder import Resource
from fhir.naming import Naming

CODE = "tb-doses"
_WRONG = "entered-in-error"


@dataclass(frozen=True)
class Stopped:
    """The days of no dose because all medicines were stopped, and every month in which there could be such days."""

    days: tuple[date, ...] = ()
    months: frozenset[str] = frozenset()
    periods: tuple[tuple[date, date | None], ...] = ()  # first and last day of each stop; no last one while it stands

    @property
    def stands(self) -> bool:
        """Whether nothing is given until somebody decides how the treatment goes on."""
        return any(last is None for _first, last in self.periods)

    def list_periods(self, month: str) -> list[tuple[date, date | None]]:
        """Those that touch the month; one that stands touches every later month of which anything is told."""
        return [(first, last) for first, last in self.periods
                if _month_of(first) <= month and (last is None or month <= _month_of(last))]


def find_stopped(tb: TbCase | None, until: date | None = None) -> Stopped:
    """The days as the calendar of doses has them: until `until`, without it until somebody last wrote about the
    treatment, so that what was stored is right on any later day too. That nothing is given since then either, a period
    without an end says."""
    if tb is None or not was_stopped(tb):
        return Stopped()
    last, changes = until or find_last_word(tb), list_changes(tb)
    days = tuple(sorted(list_held_days(tb, changes, last)))
    periods = tuple((one.from_on, one.until - timedelta(days=1) if one.until else None)
                    for one in changes if one.is_stop)
    first = min((phase.started_on for phase in list_phases(tb.case_id)), default=last)
    months = frozenset(_month_of(first + timedelta(days=n)) for n in range((last - first).days + 1))
    return Stopped(days, months, periods)


def to_fhir(
    case: Case, doses: Iterable[TbDose], naming: Naming, treatment: str | None, goes_on: bool,
    stopped: Stopped = Stopped(),
) -> list[Resource]:
    """One Observation for each month with a day that counts or once did; the last is preliminary while it `goes_on`.

    `doses` are all of the case, replaced ones and those of a phase begun anew too; `treatment` is the series of the
    treatment that they are part of. A month of which nothing counts any more was entered in error.
    """
    rows = sorted(doses, key=lambda dose: (dose.day, dose.id))
    told = {_month_of(day) for day in (
        *(dose.day for dose in rows), *stopped.days, *(first for first, _last in stopped.periods))}
    return [_build(case, month, [dose for dose in rows if _month_of(dose.day) == month], stopped, naming, treatment,
                   goes_on and not naming.is_released and month == max(told, default=""))
            for month in sorted(told | stopped.months)]


def _build(
    case: Case, month: str, rows: list[TbDose], stopped: Stopped, naming: Naming, treatment: str | None,
    is_open: bool,
) -> Resource:
    held, periods = [day for day in stopped.days if _month_of(day) == month], stopped.list_periods(month)
    counting = [dose for dose in rows if dose.superseded_at is None and not dose.phase.is_void]
    begun = [first for first, _last in periods if _month_of(first) == month]
    days = sorted([*(dose.day for dose in counting), *held, *begun])
    said = days or [dose.day for dose in rows] or [date.fromisoformat(f"{month}-01")]
    status = "preliminary" if is_open else "final"
    return drop_empty({
        "resourceType": "Observation",
        "id": naming.id_of("Observation", case.id, f"{CODE}.{month}"),
        "partOf": [naming.refer("MedicationStatement", treatment)] if treatment else None,
        "status": status if days else _WRONG,
        "category": [concept("category.therapy")],
        "code": local_concept("observation", CODE, f"Doses of tuberculosis treatment, {month}"),
        "subject": naming.refer("Patient", case.applicant_id),
        "encounter": naming.refer("Encounter", case.id),
        "effectivePeriod": {"start": said[0].isoformat(), "end": said[-1].isoformat()},
        "performer": [naming.refer("Organization", case.site_id)],
        "component": [*_count(counting, len(held)), *(_tell_stop(*period) for period in periods)],
    })


def _count(doses: list[TbDose], stopped: int) -> list[Element]:
    given = [dose for dose in doses if dose.state is DoseState.GIVEN]
    counts = {
        "doses-given": len(given), "doses-observed": sum(dose.observer_id is not None for dose in given),
        "doses-missed": sum(dose.state is DoseState.MISSED for dose in doses),
        "doses-held": sum(dose.state is DoseState.HELD for dose in doses) + stopped}
    return [{"code": local_concept("observation", name), "valueInteger": count} for name, count in counts.items()]


def _tell_stop(first: date, last: date | None) -> Element:
    """Without an end while it stands: days that nobody wrote yet are none of a dose, too."""
    return {"code": local_concept("observation", "medicines-stopped"),
            "valuePeriod": {"start": first.isoformat(), **({"end": last.isoformat()} if last else {})}}


def _month_of(day: date) -> str:
    return f"{day:%Y-%m}"
