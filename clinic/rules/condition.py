"""United States classes beside tuberculosis: infections, Hansen's disease, disorders, pregnancy, other conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from clinic.rules.age import add_months
from clinic.rules.programme import list_findings
from clinic.rules.situation import Situation


@dataclass(slots=True)
class Conditions:
    """Other classes found, whether one without a class holds the person, and what to tell the physician."""

    classes: dict[str, str] = field(default_factory=dict)
    held: bool = False
    alerts: list[str] = field(default_factory=list)

    def add(self, name: str, grade: str) -> None:
        """Keep the worse of two grades of one name."""
        self.classes[name] = min(grade, self.classes.get(name, grade))

    @property
    def class_a(self) -> bool:
        """One of them bars the person."""
        return "A" in self.classes.values()


def list_conditions(sit: Situation) -> Conditions:
    """Everything but tuberculosis that makes Class A or B (us.md 2.2 to 2.7, 4.1)."""
    found = Conditions()
    _add_infections(sit, found)
    for disorder in sit.record.results.get("disorders", ()):
        grade, until = grade_disorder(sit, disorder)
        found.add(disorder["kind"], grade)
        if grade == "A" and until is not None and until > sit.facts.exam_date:
            found.alerts.append(sit.rule("alert-disorder").says.format(date=until.isoformat()))
    if "pregnancy_weeks" in sit.record.results or sit.ask("pregnant"):
        found.add("pregnancy", "B")
    categories = list_findings()
    if sit.record.results.get("other_conditions") or any(
        categories[code]["category"] == "follow-up" for code in sit.record.findings
    ):
        found.add("other", "B")
    return found


def _add_infections(sit: Situation, found: Conditions) -> None:
    results = sit.record.results
    if sit.record.syphilis == "open":
        found.alerts.append(sit.rule("alert-syphilis-confirm").says)
    elif sit.record.syphilis == "infected":
        if results["syphilis"].get("treated", False):
            found.add("syphilis", "B")
        else:
            found.alerts.append(sit.rule("alert-syphilis-treat").says)
            if results["syphilis"].get("stage") == "infectious":
                found.add("syphilis", "A")
            else:
                found.held = True  # late or unstaged: held without a class until treated (contract)
    gonorrhoea = results.get("gonorrhoea", {})
    if gonorrhoea.get("naat") == "detected":
        treated = gonorrhoea.get("treated", False)
        found.add("gonorrhoea", "B" if treated else "A")
        if not treated:
            found.alerts.append(sit.rule("alert-gonorrhoea-treat").says)
    if "hansens" in results:
        treated = results["hansens"].get("treated_days", 0) >= sit.number("hansens", "treated_days")
        found.add("hansens", "B" if treated else "A")
        if not treated:
            found.alerts.append(sit.rule("alert-hansens").says)


def grade_disorder(sit: Situation, disorder: Mapping[str, Any]) -> tuple[str, date | None]:
    """A or B for one disorder, and the day from which time alone makes it B (None: time alone does not).

    Scheduled substances: A until twelve months without a criterion (S21). Any disorder: A with harmful behaviour that
    is current, judged likely to recur, or less than twelve months past (S21, S38, contract).
    """
    last: date | None = disorder.get("last_event")
    waits: list[int] = []
    if disorder["kind"] == "substance" and disorder.get("scheduled_substance", True):
        waits.append(sit.number("substance", "remission_months"))
    harm = disorder["harmful_behaviour"]
    if harm == "past":
        waits.append(sit.number("harm", "free_months"))
    if harm == "current" or (harm == "past" and disorder.get("likely_to_recur", False)):
        return "A", None
    if not waits:
        return "B", None
    if last is None:
        return "A", None
    until = add_months(last, max(waits))
    return ("B" if sit.facts.exam_date >= until else "A"), until
