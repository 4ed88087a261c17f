"""What stands on a case, read once for printing: only what counts, oldest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from clinic.db import db
from clinic.models import (
    Case,
    FormResponse,
    LabResult,
    Recorded,
    Specimen,
    TbContact,
    Treatment,
    User,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from clinic.questionnaire import get_questionnaire
from clinic.questionnaire.summary import Section, summarise
from clinic.rules.dose import Verdict
from clinic.services import fact, form_fact, specimen, treatment
from clinic.services.tb_contact import find_conversion, list_exposures
from clinic.services.vaccine_review import build_worksheet


@dataclass(frozen=True)
class Record:
    """The rows that a document is printed from; `names` are the people behind them."""

    results: list[LabResult]
    reading: XrayReading | None
    specimens: list[Specimen]
    doses: list[VaccineDose]
    lines: dict[str, VaccineLine]
    verdicts: dict[str, Verdict]  # on each dose, by its id
    responses: list[FormResponse]
    treatments: list[Treatment] = field(default_factory=list)  # as each stands now
    names: dict[str, str] = field(default_factory=dict)
    exposures: list[TbContact] = field(default_factory=list)  # to tuberculosis, as confirmed
    conversion: tuple[LabResult, LabResult] | None = None  # of a contact: the test before, and that which says infected
    authority_id: str = ""  # to whom the document goes

    @property
    def answers(self) -> dict[str, Any]:
        """Every answer of the completed forms by linkId."""
        return {link_id: answer for row in self.responses for link_id, answer in row.answers.items()}

    def list_results_of(self, *tests: str) -> list[LabResult]:
        """The counting results of these tests, without those of a specimen."""
        return [row for row in self.results if row.test in tests and row.specimen_id is None]

    def find_result_of(self, taken: Specimen, test: str) -> LabResult | None:
        """The counting result of one test on one specimen."""
        return next(iter(self.list_results_on(taken, test)), None)

    def list_results_on(self, taken: Specimen, test: str) -> list[LabResult]:
        """The counting results of one test on one specimen, by whatever method."""
        return [row for row in self.results if row.specimen_id == taken.id and row.test == test]

    def list_sections(self) -> list[tuple[FormResponse, list[Section]]]:
        """Each completed form in short, in the words of its own file."""
        return [(row, summarise(get_questionnaire(row.form), row.answers)) for row in self.responses]

    def name(self, user_id: str | None) -> str:
        """Who that was; empty for nobody."""
        return self.names.get(user_id or "", "")


def read_record(case: Case) -> Record:
    """The record of `case` as the present unit of work sees it."""
    results = fact.list_counting_results(case)
    reading = fact.find_counting_reading(case)
    sheet = build_worksheet(case)
    doses = [row for row in sheet.doses if row.counts]
    responses = [row for row in form_fact.list_responses(case) if row.status in form_fact.COMPLETE]
    treatments = [row for row in treatment.list_treatments(case) if row.counts]
    recorded: list[Recorded] = [*results, *doses, *treatments, *([reading] if reading else [])]
    people = {each for row in recorded for each in (row.entered_by_id, row.confirmed_by_id) if each}
    people |= {row.given_by_id for row in doses if row.given_by_id}
    people |= {row.completed_by_id for row in responses if row.completed_by_id}
    names = {row.id: row.name for row in db.session.execute(select(User.id, User.name).where(User.id.in_(people)))}
    exposures = list_exposures(case.applicant_id)
    return Record(
        results=results, reading=reading, doses=doses, lines=sheet.lines, verdicts=sheet.verdicts, responses=responses,
        specimens=[row for row in specimen.list_specimens(case) if not row.is_lost],
        treatments=treatments, names=names, exposures=exposures,
        conversion=find_conversion(case.applicant_id) if exposures else None, authority_id=case.authority_id,
    )
