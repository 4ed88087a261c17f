"""The facts of one person, checked: what a decision starts from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from clinic.errors import InvalidInput
from clinic.rules.country import Stay
from clinic.rules.programme import Edition, Programme, list_countries, list_programmes, list_words

EARLIEST, LATEST = date(1850, 1, 1), date(2199, 12, 31)
OLDEST_YEARS = 130
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
KEYS = frozenset((
    "id", "programme", "category", "stay_months", "au_schedule", "exam_date", "application_date", "birth_date",
    "residence", "exam_country", "lived_in", "yes", "unknown", "results", "flu_season",
))
KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}


class FactError(InvalidInput):
    """A fact cannot be accepted; the sentence names the field and what is wrong with it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}.", {name: [f"{problem}."]})
        self.field = name


@dataclass(frozen=True, slots=True)
class Place:
    """A country and, where the caller knows it, its tuberculosis incidence per 100,000 a year."""

    country: str
    incidence: Decimal | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision may consult; `results` holds checked values with real dates."""

    id: str | None
    programme: Programme
    edition: Edition
    category: str
    stay_months: Decimal | None
    au_schedule: int | None
    exam_date: date
    application_date: date | None
    birth_date: date
    residence: Place
    exam_country: Place | None
    lived_in: tuple[Stay, ...]
    yes: frozenset[str]
    unknown: tuple[str, ...]
    results: dict[str, Any]
    flu_season: bool


def show(value: object) -> str:
    """A value as an error sentence may repeat it: short, on one line."""
    try:
        text = repr(value) if not isinstance(value, Decimal) else str(value)
    except (ValueError, RecursionError):  # thousands of digits or of brackets
        text = "something very long"
    return text if len(text) <= 40 else text[:37] + "..."


def take(value: object, kind: type, name: str) -> Any:
    """The value if it is of that JSON type; raises FactError."""
    if not isinstance(value, kind):
        raise FactError(name, f"expected {KINDS[kind]}, got {show(value)}")
    return value


def take_day(value: object, name: str) -> date:
    """A calendar day, written YYYY-MM-DD."""
    if isinstance(value, date) and not isinstance(value, datetime):
        day = value
    else:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            raise FactError(name, f"expected a date as YYYY-MM-DD, got {show(value)}")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise FactError(name, f"{value} is not a day of the calendar") from None
    if not EARLIEST <= day <= LATEST:
        raise FactError(name, f"{day.isoformat()} is outside the years 1850 to 2199")
    return day


def take_number(value: object, name: str, most: int, whole: bool = False) -> Decimal:
    """A number from 0 to `most`, exactly as written."""
    kind = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise FactError(name, f"expected {kind}, got {show(value)}")
    if isinstance(value, int) and not 0 <= value <= most:  # before Decimal: huge integers have no short text
        raise FactError(name, f"expected {kind} from 0 to {most}")
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not 0 <= number <= most:
        raise FactError(name, f"expected {kind} from 0 to {most}, got {show(number)}")
    if whole and number != number.to_integral_value():
        raise FactError(name, f"expected a whole number, got {show(number)}")
    return number


def take_choice(value: object, choices: Mapping[str, object] | tuple[str, ...], name: str) -> str:
    """One of the words of a list."""
    if not isinstance(value, str) or value not in choices:
        raise FactError(name, f"expected one of {', '.join(choices)}, got {show(value)}")
    return value


def refuse_unknown(row: Mapping[str, object], known: frozenset[str] | tuple[str, ...], name: str) -> None:
    """Raise FactError for a key that nothing reads."""
    for key in row:
        if key not in known:
            place = f"{name}.{key}" if name else str(key)
            raise FactError(place if len(place) <= 80 else name or "facts", "is not a known key")


def parse_facts(raw: object) -> Facts:
    """Check the facts of one person (docs: the decision contract).

    Raises FactError with one sentence that names the field.
    """
    from clinic.rules.result import parse_results

    row: dict[str, Any] = take(raw, dict, "facts")
    refuse_unknown(row, KEYS, "")
    for key in ("programme", "category", "exam_date", "birth_date", "residence"):
        if row.get(key) is None:
            raise FactError(key, "is missing")
    programme = list_programmes()[take_choice(row["programme"], list_programmes(), "programme")]
    category = take_choice(row["category"], programme.categories, "category")
    exam_date, birth_date = take_day(row["exam_date"], "exam_date"), take_day(row["birth_date"], "birth_date")
    if birth_date > exam_date:
        raise FactError("birth_date", f"{birth_date} is after the exam_date {exam_date}")
    if exam_date.year - birth_date.year > OLDEST_YEARS:
        raise FactError("birth_date", f"{birth_date} makes the person older than {OLDEST_YEARS} years")
    edition = programme.find_edition(exam_date)
    if edition is None:
        raise FactError("exam_date", f"the rules of {programme.code} kept here begin on {programme.editions[0].first}")
    words = list_words()
    yes = _take_words(row.get("yes"), words, "yes")
    unknown = _take_words(row.get("unknown"), words, "unknown")
    for word in unknown:
        if word in yes:
            raise FactError("unknown", f"{word} is listed under yes too")
    stay, schedule = row.get("stay_months"), row.get("au_schedule")
    if schedule is not None and take_number(schedule, "au_schedule", 2, whole=True) == 0:
        raise FactError("au_schedule", "expected 1, 2 or null, got 0")
    results = row.get("results")
    return Facts(
        id=_optional(row.get("id"), lambda value: take(value, str, "id")),
        programme=programme, edition=edition, category=category,
        stay_months=None if stay is None else take_number(stay, "stay_months", 1200),
        au_schedule=None if schedule is None else int(schedule),
        exam_date=exam_date, birth_date=birth_date,
        application_date=_optional(row.get("application_date"), lambda v: take_day(v, "application_date")),
        residence=_take_place(row["residence"], "residence"),
        exam_country=_optional(row.get("exam_country"), lambda value: _take_place(value, "exam_country")),
        lived_in=tuple(_take_stays(row.get("lived_in"))), yes=frozenset(yes), unknown=unknown,
        results={} if results is None else parse_results(results, programme.code, birth_date),
        flu_season=True if row.get("flu_season") is None else take(row["flu_season"], bool, "flu_season"),
    )


def _optional(value: object, check: Callable[[object], Any]) -> Any:
    return None if value is None else check(value)


def _take_words(value: object, known: frozenset[str], name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    for word in take(value, list, name):
        if not isinstance(word, str) or word not in known:
            raise FactError(name, f"no rule file knows the circumstance {show(word)}")
    return tuple(dict.fromkeys(value))  # type: ignore[call-overload]


def _take_country(value: object, name: str) -> str:
    if not isinstance(value, str) or value not in list_countries():
        raise FactError(name, f"expected an ISO 3166-1 alpha-3 code such as PHL, got {show(value)}")
    return value


def _take_place(value: object, name: str) -> Place:
    row = take(value, dict, name)
    refuse_unknown(row, ("country", "tb_incidence_per_100k"), name)
    country, incidence = row.get("country"), row.get("tb_incidence_per_100k")
    if country is None:
        raise FactError(f"{name}.country", "is missing")
    if incidence is not None:
        incidence = take_number(incidence, f"{name}.tb_incidence_per_100k", 100_000)
    return Place(_take_country(country, f"{name}.country"), incidence)


def _take_stays(value: object) -> list[Stay]:
    stays = []
    for place, entry in enumerate(take([] if value is None else value, list, "lived_in")):
        name = f"lived_in[{place}]"
        row = take(entry, dict, name)
        refuse_unknown(row, ("country", "from", "to"), name)
        for key in ("country", "from", "to"):
            if row.get(key) is None:
                raise FactError(f"{name}.{key}", "is missing")
        start, end = take_day(row["from"], f"{name}.from"), take_day(row["to"], f"{name}.to")
        if end < start:
            raise FactError(f"{name}.to", f"{end} is before from, {start}")
        stays.append((_take_country(row["country"], f"{name}.country"), start, end))
    return stays
