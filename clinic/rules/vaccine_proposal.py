"""What the rules propose for each line of the vaccination worksheet, with the reason and its source (us.md 2.8).

The order of us.md 2.8: complete; contraindicated; out of season; interval not reached; due. Whether a vaccine can be
had in the country, an immunity shown by a laboratory, a history of varicella and a refusal only people know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from clinic.rules.dose import Course, Dose, Verdict, judge, say_day
from clinic.rules.programme import VaccineLine, list_vaccine_lines
from clinic.rules.vaccine import is_due
from clinic.rules.vaccine_series import Contraindication, Span, find_product, read_table
from clinic.sentence import N_, Sentence

# The outcomes that a proposal may name (clinic.models.LineOutcome, as values: the rules know no database).
COMPLETE, GIVEN = "complete", "given-series-incomplete"
AGE, INTERVAL = "waiver-age", "waiver-interval"
CONTRAINDICATION, SEASON = "waiver-contraindication", "waiver-not-flu-season"


@dataclass(frozen=True)
class Person:
    """Who is judged: `circumstances` maps a word to yes (True), no (False) or not known (None)."""

    birth: date
    on: date
    sex: str
    circumstances: Mapping[str, bool | None]
    flu_season: bool = True


@dataclass(frozen=True)
class Proposal:
    """`kind`: settled (record `outcome`), due (give `cvx`), ask (a circumstance is not known), not-required."""

    kind: str
    says: Sentence
    source: str
    outcome: str | None = None
    cvx: str | None = None
    earliest: date | None = None


@dataclass(frozen=True)
class LineReview:
    """One line: what counts, and what is proposed."""

    line: str
    verdicts: tuple[Verdict, ...]
    proposal: Proposal

    @property
    def counted(self) -> int:
        """How many doses count."""
        return sum(verdict.counts for verdict in self.verdicts)


def review_line(line: str, required: bool, doses: Sequence[Dose], person: Person) -> LineReview:
    """The review of one line; `doses` are all that are recorded and not withdrawn, of every line."""
    courses = [judge(line, part, doses, person.birth, person.on) for part in read_table().list_parts(line)]
    verdicts = _join_verdicts(courses, [dose for dose in doses if dose.line == line])
    proposal = _propose(line, courses, doses, person) if required else _explain_age(line, person)
    return LineReview(line, verdicts, proposal)


def find_contraindication(line: str, cvx: str, person: Person) -> Contraindication | None:
    """The first circumstance with which this product is not given."""
    return next((row for row in read_table().contraindications
                 if person.circumstances.get(row.word) is True and (line in row.lines or cvx in row.cvx)), None)


def _join_verdicts(courses: Sequence[Course], own: Sequence[Dose]) -> tuple[Verdict, ...]:
    """One verdict for each dose: of several parts it counts for all that it holds, or the reason why not."""
    found: dict[str, list[Verdict]] = {}
    for course in courses:
        for verdict in course.verdicts:
            found.setdefault(verdict.key, []).append(verdict)
    joined = []
    for dose in sorted(own, key=lambda one: (one.given_on, one.key)):
        verdicts = found.get(dose.key)
        if verdicts:
            joined.append(next((one for one in verdicts if not one.counts), verdicts[0]))
    return tuple(joined)


def _propose(line: str, courses: Sequence[Course], doses: Sequence[Dose], person: Person) -> Proposal:
    open_courses = [course for course in courses if not course.is_complete]
    if not open_courses:
        count = max(len(course.counted) for course in courses)
        return Proposal("settled", Sentence(N_("Complete. Doses that count: %(count)s."), {"count": count}),
                        courses[0].series.source, COMPLETE)
    course = max(open_courses, key=lambda one: (bool(one.closed), one.earliest or person.on))
    had = frozenset(dose.cvx for one in courses for dose in one.counted)
    cvx = find_product(line, person.birth, person.on, had)
    given = next((dose for dose in doses if dose.line == line and dose.given_here and any(
        dose in one.counted for one in courses)), None)
    held = _find_hold(line, cvx, person)
    if given is not None:
        when = course.earliest if course.earliest and course.earliest > person.on else None
        says = (Sentence(N_("Given here on %(day)s; the next dose from %(next)s."),
                         {"day": say_day(given.given_on), "next": say_day(when)}) if when else
                Sentence(N_("Given here on %(day)s; the series goes on."), {"day": say_day(given.given_on)}))
        return Proposal("settled", says, course.series.source, GIVEN, cvx, when)
    if held is not None:
        return held
    if course.closed:
        return Proposal("settled", course.closed, course.series.source, AGE)
    if course.why_not_before and course.earliest and course.earliest > person.on:
        return Proposal("settled", course.why_not_before, course.series.source, INTERVAL, cvx, course.earliest)
    number = {"number": len(course.counted) + 1}
    says = (Sentence(N_("Dose %(number)s is due today: %(part)s is not complete."),
                     number | {"part": course.series.part}) if course.series.part and had else
            Sentence(N_("Dose %(number)s is due today."), number))
    return Proposal("due", says, course.series.source, None, cvx, person.on)


def _find_hold(line: str, cvx: str, person: Person) -> Proposal | None:
    """The proposal of a contraindication, or the question that must be answered first."""
    row = find_contraindication(line, cvx, person)
    if row is not None:
        return Proposal("settled", Sentence(row.says), row.source, CONTRAINDICATION)
    for row in read_table().contraindications:
        if line in row.lines and person.circumstances.get(row.word) is None and _is_asked(row, person):
            return Proposal("ask", Sentence(N_("Ask about pregnancy first: no live vaccine in pregnancy.")),
                            row.source, None, cvx)
    return None


def _is_asked(row: Contraindication, person: Person) -> bool:
    """Whether the circumstance must be known first, by sex and age."""
    if row.ask_sex is None or row.ask_from is None or row.ask_below is None or person.sex == "male":
        return False
    return row.ask_from.after(person.birth) <= person.on < row.ask_below.after(person.birth)


def _explain_age(line: str, person: Person) -> Proposal:
    """Why a line is not required on that day."""
    rows = [row for row in list_vaccine_lines() if row.name == line]
    now = [row for row in rows if row.first <= person.on <= row.last]
    if not now:
        return Proposal("not-required", Sentence(N_("Not required for an exam of this date.")),
                        "clinic/programmes/reference/vaccine_line.toml; us.md 2.8")
    source = "us.md 2.8 (age windows, S24)"
    seasonal = [row for row in now if row.season and not person.flu_season]
    if seasonal and is_due(seasonal[0], person.birth, person.on, True):
        return Proposal("not-required", Sentence(N_("Not the influenza season.")), source, SEASON)
    return Proposal("not-required", _say_age(now, person), source, AGE)


def _say_age(rows: Sequence[VaccineLine], person: Person) -> Sentence:
    row = rows[0]
    if row.born_from is not None and person.birth < row.born_from:
        return Sentence(N_("Not required: born before %(day)s."), {"day": say_day(row.born_from)})
    ahead = [span for one in rows if (span := _to_span(one.at_least)).after(person.birth) > person.on]
    if ahead:
        span = min(ahead, key=lambda one: one.after(person.birth))
        return Sentence(N_("Not required before the age of %(span)s."), {"span": span})
    end = row.below or row.through
    if end is None:
        return Sentence(N_("Not required of this applicant."))
    return Sentence(N_("Not required from the age of %(span)s."), {"span": _to_span(end)})


def _to_span(age: Mapping[str, int]) -> Span:
    (unit, count), = age.items()
    return Span(unit, count)
