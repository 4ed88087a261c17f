"""Which dates are possible for a case, and which are only unusual."""

from __future__ import annotations

from datetime import date, timedelta

from flask_babel import gettext as _

from clinic import clock
from clinic.caution import Caution
from clinic.errors import InvalidInput
from clinic.models import Case
from clinic.partial_date import parse_partial_date

LONG_AGO = timedelta(days=183)  # an exam is valid for six months (us.md 1.10); older work belongs to an earlier one


def get_today(case: Case) -> date:
    """Today at the case's site."""
    return clock.today(case.site.time_zone)


def find_date_error(case: Case, day: date) -> str | None:
    """The sentence that refuses `day`: in the future, or before the applicant was born."""
    if day > get_today(case):
        return _("This day has not come yet. Check the year and the month.")
    if day < parse_partial_date(case.applicant.birth_date).earliest:
        return _("This is before the applicant was born. Check the date and that this is the right person.")
    return None


def ensure_possible_dates(case: Case, **days: date | None) -> None:
    """Raise InvalidInput naming every date that cannot be."""
    problems = {name: [sentence] for name, day in days.items()
                if day is not None and (sentence := find_date_error(case, day))}
    if problems:
        raise InvalidInput(_("Please correct what is marked."), fields=problems, case=case.id)


def ensure_order(earlier: date | None, later: date | None, field: str, sentence: str) -> None:
    """Raise InvalidInput with `sentence` at `field` when both days are known and stand in the wrong order."""
    if earlier is not None and later is not None and later < earlier:
        raise InvalidInput(_("Please correct what is marked."), fields={field: [sentence]})


def list_date_cautions(case: Case, day: date, field: str) -> list[Caution]:
    """A day long ago is possible but more often a slip of the year."""
    if day < get_today(case) - LONG_AGO:
        return [Caution(f"long-ago-{field}", _("The date is more than six months ago."), field)]
    return []
