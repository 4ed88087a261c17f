"""What a form computes from its answers and only shows: body mass index, severity, months free, due date.

A display item names it by the extension `computed`: the name of the calculation, then the linkIds it reads.
Nothing of it is stored or decides anything; the rules compute their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask_babel import gettext as _

from clinic.partial_date import DateUnreadable, format_clinically, from_date, parse_partial_date
from clinic.questionnaire.item import Item, Questionnaire
from clinic.rules.age import add_months

PREGNANCY = timedelta(days=280)  # Naegele: from the first day of the last period (WHO, ICD-10 5.7.1: 40 weeks)
FREE_MONTHS = 12  # without harmful behaviour, or a criterion other than craving: us.md 2.6 and 2.7
MODERATE, SEVERE = 4, 6  # DSM-5 criteria: 2-3 mild, 4-5 moderate, 6 or more severe (us.md 2.7)
MILD = 2


def find_computed(item: Item, answers: Mapping[str, Any], today: date) -> str | None:
    """The words of a computed item; None while an answer that it reads is missing or unreadable."""
    if item.computed is None:
        return None
    name, *sources = item.computed.split()
    given = [answers.get(source) for source in sources]
    if given[0] in (None, "") or (name == "bmi" and given[1] in (None, "")):
        return None
    try:
        return CALCULATIONS[name](given, today)
    except (ValueError, ArithmeticError, DateUnreadable):
        return None  # typed, but not readable yet: the validator says so at its field


def list_computed(form: Questionnaire, answers: Mapping[str, Any], today: date) -> dict[str, str]:
    """LinkId to words of everything the form computes; empty words where nothing can be computed yet."""
    return {item.link_id: find_computed(item, answers, today) or "" for item in form.walk() if item.computed}


def check_computed(expression: str, questions: Mapping[str, Item]) -> list[str]:
    """What is wrong with the words of the extension `computed`; empty when all is well."""
    name, *sources = expression.split() or [""]
    faults = [] if name in CALCULATIONS else [f"unknown calculation {name}"]
    return faults + [f"computed reads unknown {source}" for source in sources if source not in questions]


def _bmi(given: Sequence[Any], _today: date) -> str | None:
    height, weight = (Decimal(str(value).replace(",", ".")) for value in given)
    return str((weight / (height / 100) ** 2).quantize(Decimal("0.1"), ROUND_HALF_UP))


def _severity(given: Sequence[Any], _today: date) -> str:
    count = int(given[0])
    if count >= SEVERE:
        return _("Severe")
    if count >= MODERATE:
        return _("Moderate")
    return _("Mild") if count >= MILD else _("Fewer than two criteria: no use disorder by DSM-5")


def _months_since(given: Sequence[Any], today: date) -> str:
    day = _to_day(given[0])
    months = (today.year - day.year) * 12 + today.month - day.month
    return str(max(months - (today < add_months(day, months)), 0)) if day <= today else "0"


def _review(given: Sequence[Any], _today: date) -> str:
    return format_clinically(from_date(add_months(_to_day(given[0]), FREE_MONTHS)))


def _due(given: Sequence[Any], _today: date) -> str:
    return format_clinically(from_date(_to_day(given[0]) + PREGNANCY))


def _gestation(given: Sequence[Any], today: date) -> str:
    day = _to_day(given[1]) if given[1] else today
    return str((day - _to_day(given[0])).days // 7)


def _to_day(text: Any) -> date:
    partial = parse_partial_date(str(text))
    if not partial.is_full:
        raise ValueError
    return partial.earliest


CALCULATIONS: dict[str, Callable[[Sequence[Any], date], str | None]] = {
    "bmi": _bmi, "severity": _severity, "months-since": _months_since, "review": _review, "due": _due,
    "gestation": _gestation,
}
