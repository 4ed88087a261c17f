"""The worksheet of one case as the rules see it: each dose judged, a proposal for each line, and the result."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from clinic import workflow
from clinic.db import db
from clinic.models import Answer, Case, DoseSource, VaccineDose, VaccineLine
from clinic.partial_date import parse_partial_date
from clinic.rules.dose import Dose, Verdict
from clinic.rules.vaccine_proposal import LineReview, Person, review_line
from clinic.rules.vaccine_series import read_table
from clinic.services.assessment import assess
from clinic.services.fact import get_exam_date
from clinic.services.form_fact import list_responses
from clinic.services.plausibility import get_today
from clinic.vaccine_product import list_products
from clinic.vaccine_result import VaccineResult, derive_result

# Answers of the history that the nurse reads before giving anything; no rule decides by them (us.md 2.8).
ALERTS = ("other.allergy", "other.cancer", "other.medication")


@dataclass(frozen=True)
class Worksheet:
    """Everything the screen, the paper and the document say of a case's vaccinations."""

    required: tuple[str, ...]
    reviews: dict[str, LineReview]
    doses: list[VaccineDose]
    lines: dict[str, VaccineLine]
    result: VaccineResult

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict on each counting dose by its id."""
        return {verdict.key: verdict for review in self.reviews.values() for verdict in review.verdicts}

    @property
    def open_lines(self) -> list[str]:
        """Required lines without an outcome."""
        return [line for line in self.required if line not in self.lines]


def build_worksheet(case: Case) -> Worksheet:
    """The worksheet of `case` as it stands."""
    required = tuple(assess(case)["vaccines"])
    doses, lines = list_doses(case), list_lines(case)
    seen = [to_dose(row) for row in doses if row.counts]
    person = build_person(case)
    reviews = {line: review_line(line, line in required, seen, person) for line in list_products()}
    result = derive_result(required, {name: row.outcome for name, row in lines.items()})
    return Worksheet(required, reviews, doses, lines, result)


def worksheet_result(case: Case) -> VaccineResult:
    """The result block of DS-3025 for `case` as it stands."""
    outcomes = {name: row.outcome for name, row in list_lines(case).items()}
    return derive_result(assess(case)["vaccines"], outcomes)


def review_dose(case: Case, new: Dose) -> Verdict:
    """What the rules say of a dose that is not recorded yet."""
    doses = [*(to_dose(row) for row in list_doses(case) if row.counts), new]
    review = review_line(new.line, True, doses, build_person(case))
    return next(verdict for verdict in review.verdicts if verdict.key == new.key)


def build_person(case: Case) -> Person:
    """Who is judged, on which day: today while the case is recorded, its exam date afterwards."""
    exam_date = get_exam_date(case)
    on = max(exam_date, get_today(case)) if case.state in workflow.RECORDING else exam_date
    answers = {row.word: row.answer for row in case.circumstances}
    said = {Answer.YES: True, Answer.NO: False}
    words = {row.word for row in read_table().contraindications}
    birth = min(parse_partial_date(case.applicant.birth_date).estimated_on, exam_date)
    return Person(birth, on, case.applicant.sex.value, {word: said.get(answers[word]) if word in answers else None
                                                       for word in words})


def list_alerts(case: Case) -> list[tuple[str, str]]:
    """(which answer, its detail) of the history's "yes" that matter before a dose is given, drafts too."""
    answers = {link: answer for row in list_responses(case) for link, answer in row.answers.items()}
    return [(name, str(answers.get(f"{name}.detail") or "")) for name in ALERTS if answers.get(name) is True]


def to_dose(row: VaccineDose) -> Dose:
    """A recorded dose as the rules see it."""
    return Dose(row.id, row.line, row.cvx, row.given_on, row.source is DoseSource.GIVEN_HERE, row.expires_on)


def list_doses(case: Case) -> list[VaccineDose]:
    """Every dose of the case, withdrawn ones too, oldest first."""
    return list(db.session.execute(
        select(VaccineDose).where(VaccineDose.case_id == case.id).order_by(VaccineDose.given_on, VaccineDose.id)
    ).scalars())


def list_lines(case: Case) -> dict[str, VaccineLine]:
    """The recorded outcomes by line."""
    rows = db.session.execute(select(VaccineLine).where(VaccineLine.case_id == case.id)).scalars()
    return {row.line: row for row in rows}
