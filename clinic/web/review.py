"""Everything a physician signs, grouped as on the printed form, each fact with who recorded it and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clinic.models import (
    Case,
    FormResponse,
    LabResult,
    Recorded,
    Requirement,
    RequirementState,
    Specimen,
    VaccineDose,
    VaccineLine,
    XrayReading,
)
from clinic.questionnaire import get_questionnaire
from clinic.questionnaire.summary import Section, summarise
from clinic.services import laboratory, radiology, specimen, vaccination
from clinic.services.assessment import assess, list_requirements
from clinic.services.form_fact import list_responses
from clinic.services.plausibility import get_today
from clinic.web.station_page import list_names


@dataclass
class Review:
    """The parts of the page; `names` are the people behind every entry."""

    decision: dict[str, Any]
    requirements: list[Requirement]
    results: list[LabResult]
    readings: list[XrayReading]
    specimens: list[Specimen]
    doses: list[VaccineDose]
    lines: dict[str, VaccineLine]
    forms: list[tuple[FormResponse, str, list[Section]]]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def outstanding(self) -> list[Requirement]:
        """Examinations that are still open."""
        return [row for row in self.requirements if row.state is RequirementState.OPEN]

    @property
    def wanted(self) -> list[Requirement]:
        """Examinations that the rules or somebody ask for."""
        return [row for row in self.requirements if row.state is not RequirementState.WITHDRAWN]


def build_review(case: Case) -> Review:
    """What stands on the case now; withdrawn and replaced entries are left to the stations' own pages."""
    results = [row for row in laboratory.list_results(case) if row.is_current]
    readings = [row for row in radiology.list_readings(case) if row.is_current]
    doses = [row for row in vaccination.list_doses(case) if row.counts]
    forms = [(row, get_questionnaire(row.form).title, summarise(get_questionnaire(row.form), row.answers))
             for row in list_responses(case)]
    review = Review(
        decision=assess(case), requirements=list_requirements(case), results=results, readings=readings,
        specimens=[row for row in specimen.list_specimens(case) if row.withdrawn_at is None], doses=doses,
        lines=vaccination.list_lines(case), forms=forms,
    )
    people: list[str | None] = [row.answered_by_id for row in case.circumstances]
    recorded: list[Recorded] = [*results, *readings, *doses]
    people += [each for row in recorded for each in (row.entered_by_id, row.confirmed_by_id)]
    people += [line.recorded_by_id for line in review.lines.values()]
    people += [row.completed_by_id or row.started_by_id for row, _title, _sections in forms]
    people += [row.recorded_by_id for row in review.specimens]
    review.names = list_names(people)
    return review


def count_culture_days(case: Case, row: Specimen) -> int:
    """Days since a specimen was collected."""
    return (get_today(case) - row.collected_on).days
