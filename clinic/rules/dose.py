"""Whether each recorded dose counts, and when the next may come: ages, intervals, live vaccines, vials (us.md 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from clinic.partial_date import MONTHS
from clinic.rules.vaccine_series import DoseRule, Series, Span, read_table
from clinic.sentence import N_, Sentence


@dataclass(frozen=True)
class Dose:
    """A recorded dose as the rules see it."""

    key: str
    line: str
    cvx: str
    given_on: date
    given_here: bool = False
    expires_on: date | None = None


@dataclass(frozen=True)
class Verdict:
    """What the rules say of one dose: valid early close live late expired old; `says` why it does not count."""

    key: str
    code: str
    says: Sentence | None = None
    source: str = ""
    number: int | None = None  # its place among the doses that count

    @property
    def counts(self) -> bool:
        """Whether the series counts it."""
        return self.code == "valid"


@dataclass
class Course:
    """A series with its doses judged; `next` is the rule of the next dose, `earliest` its first day."""

    series: Series
    verdicts: list[Verdict] = field(default_factory=list)
    counted: list[Dose] = field(default_factory=list)
    next: DoseRule | None = None
    earliest: date | None = None
    why_not_before: Sentence | None = None
    closed: Sentence | None = None  # no further dose may be given

    @property
    def is_complete(self) -> bool:
        """Nothing further is asked for."""
        return self.next is None


def judge(line: str, part: str, doses: Sequence[Dose], birth: date, on: date) -> Course:
    """The course of one line or part on the day `on`; `doses` are all of the person, of every line."""
    series, own = _find_series(line, part, doses, birth, on)
    course = Course(series)
    if series.also:
        course.counted += _list_earlier(series, doses, birth, on)
    for before, dose in zip([None, *own], own, strict=False):
        verdict = _judge_dose(course, dose, before or _last(course), doses, birth, on)
        if verdict.counts:
            course.counted.append(dose)
        course.verdicts.append(verdict)
    last = max((one for one in (*own[-1:], *course.counted[-1:])), key=lambda one: one.given_on, default=None)
    _find_next(course, last, doses, birth, on)
    return course


def say_day(day: date) -> str:
    """A day as every document writes it."""
    return f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year}"


def _find_series(line: str, part: str, doses: Sequence[Dose], birth: date, on: date) -> tuple[Series, list[Dose]]:
    rows = [row for row in read_table().series if row.line == line and row.part == part]
    own = sorted((dose for dose in doses if dose.line == line and (not rows[0].cvx or dose.cvx in rows[0].cvx)),
                 key=lambda one: (one.given_on, one.key))
    usable = [dose.given_on for dose in own if (rule := rows[-1].doses[0].at_least) is None
              or dose.given_on >= rule.after(birth)]
    products = frozenset(dose.cvx for dose in own)
    return next(row for row in rows if row.fits(birth, on, usable[0] if usable else None, products)), own


def _list_earlier(series: Series, doses: Sequence[Dose], birth: date, on: date) -> list[Dose]:
    found = [dose for line in series.also for dose in judge(line, "", doses, birth, on).counted]
    return sorted(found, key=lambda one: one.given_on)


def _last(course: Course) -> Dose | None:
    return course.counted[-1] if course.counted else None


def _judge_dose(course: Course, dose: Dose, before: Dose | None, doses: Sequence[Dose], birth: date,
                on: date) -> Verdict:
    series, count = course.series, len(course.counted)
    rule = series.doses[count] if count < len(series.doses) else None
    if dose.expires_on and dose.expires_on < dose.given_on:
        return Verdict(dose.key, "expired", Sentence(N_("The vial had expired on %(day)s."),
                                                     {"day": say_day(dose.expires_on)}), "good practice [own]")
    late = _find_late(series, count, birth)
    if late and dose.given_on > late[0]:
        return Verdict(dose.key, "late", Sentence(N_("Given after the last day for it, %(day)s."),
                                                  {"day": say_day(late[0])}), series.source)
    if series.valid_for and on > series.valid_for.after(dose.given_on):
        return Verdict(dose.key, "old", Sentence(N_("Longer ago than %(span)s."), {"span": series.valid_for}),
                       series.source)
    floor = _find_floor(series, rule, count, course.counted, before, birth, dose.given_on)
    if floor and dose.given_on + read_table().grace < floor[0]:
        return Verdict(dose.key, floor[1], floor[2], series.source)
    other = _find_live_clash(dose, doses)
    if other is not None:
        return Verdict(dose.key, "live", Sentence(
            N_("A live vaccine (%(line)s) was given on %(day)s: the same day or %(span)s apart."),
            {"line": other.line, "day": say_day(other.given_on), "span": read_table().live_apart}),
            read_table().live_source)
    return Verdict(dose.key, "valid", number=count + 1)


def _find_late(series: Series, count: int, birth: date) -> tuple[date, Span] | None:
    span = series.first_through if count == 0 and series.first_through else series.last_through
    return (span.after(birth), span) if span else None


def _find_floor(series: Series, rule: DoseRule | None, count: int, counted: Sequence[Dose], before: Dose | None,
                birth: date, on: date) -> tuple[date, str, Sentence] | None:
    """The first day of a dose, which limit sets it, and the limit in words; None when nothing limits it."""
    if rule is None:
        return None
    limits: list[tuple[date, str, Sentence]] = []
    if rule.at_least and rule.at_least.count:
        limits.append((rule.at_least.after(birth), "early", Sentence(
            N_("Dose %(number)s not before the age of %(span)s."), {"number": count + 1, "span": rule.at_least})))
    gap = rule.find_gap(birth, on)
    if gap and before:
        limits.append((gap.after(before.given_on), "close", Sentence(
            N_("Dose %(number)s not before %(span)s after the dose of %(day)s."),
            {"number": count + 1, "span": gap, "day": say_day(before.given_on)})))
    if rule.gap_first and counted:
        limits.append((rule.gap_first.after(counted[0].given_on), "close", Sentence(
            N_("Dose %(number)s not before %(span)s after the first dose."),
            {"number": count + 1, "span": rule.gap_first})))
    return max(limits, key=lambda one: one[0], default=None)


def _find_live_clash(dose: Dose, doses: Sequence[Dose]) -> Dose | None:
    """A live vaccine of another line too shortly before."""
    table = read_table()
    if dose.cvx not in table.live_cvx:
        return None
    return next((one for one in doses if one.line != dose.line and one.cvx in table.live_cvx
                 and one.given_on < dose.given_on < table.live_apart.after(one.given_on)), None)


def _find_next(course: Course, last: Dose | None, doses: Sequence[Dose], birth: date, on: date) -> None:
    series, counted = course.series, course.counted
    count = len(counted)
    if count >= len(series.doses) or _is_enough(series, counted, birth):
        _find_repeat(course, birth, on)
        return
    rule = series.doses[count]
    if rule.booster and rule.at_least and on < rule.at_least.after(birth):
        return
    course.next, course.earliest = rule, on
    floor = _find_floor(series, rule, count, counted, last, birth, on)
    if floor and floor[0] > on:
        course.earliest, course.why_not_before = floor[0], floor[2]
    late = _find_late(series, count, birth)
    if late and course.earliest > late[0]:
        course.closed = Sentence(N_("Dose %(number)s may not be given after %(day)s."),
                                 {"number": count + 1, "day": say_day(late[0])})
        return
    _wait_for_live(course, doses, on)


def _find_repeat(course: Course, birth: date, on: date) -> None:
    series, last = course.series, _last(course)
    if series.every and last and on >= series.every.after(last.given_on):
        course.next, course.earliest = series.doses[-1], on
    if series.once_from and on >= series.once_from.after(birth) and not any(
            dose.cvx in series.once_cvx for dose in course.counted):
        course.next, course.earliest = series.doses[-1], on


def _is_enough(series: Series, counted: Sequence[Dose], birth: date) -> bool:
    for rule in series.enough:
        if len(counted) >= rule.doses:
            last, before = counted[-1], counted[-2] if len(counted) > 1 else None
            apart = rule.gap is None or before is None or last.given_on >= rule.gap.after(before.given_on)
            if apart and last.given_on >= rule.last_at_least.after(birth):
                return True
    return False


def _wait_for_live(course: Course, doses: Sequence[Dose], on: date) -> None:
    """Move the next dose of a live vaccine past another live one of the last four weeks."""
    table = read_table()
    if course.series.line not in _live_lines() or course.earliest is None:
        return
    for dose in doses:
        free = table.live_apart.after(dose.given_on)
        is_near = dose.cvx in table.live_cvx and dose.line != course.series.line and dose.given_on < on < free
        if is_near and free > course.earliest:
            course.earliest = free
            course.why_not_before = Sentence(
                N_("A live vaccine (%(line)s) was given on %(day)s: the same day or %(span)s apart."),
                {"line": dose.line, "day": say_day(dose.given_on), "span": table.live_apart})


def _live_lines() -> frozenset[str]:
    table = read_table()
    return frozenset(line for line, rows in table.give.items() if any(row["cvx"] in table.live_cvx for row in rows))
