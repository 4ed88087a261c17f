"""What is known about a case that decides its examinations: answered, derived from lists, previewed, changed."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from clinic import clock, workflow
from clinic.audit import record_change
from clinic.db import db
from clinic.errors import CaseChanged
from clinic.identifier import to_case_key
from clinic.models import Answer, Case, Circumstance, ResidencePeriod, User
from clinic.rules import list_circumstances
from clinic.services.assessment import Preview, preview, refresh
from clinic.services.derivation import Derived, derive_circumstances

FACTS = ("category", "authority_case_number", "stay_months", "au_schedule", "application_date", "exam_date",
         "destination_address")


def change_case(case: Case, data: dict[str, Any], version: int, actor: User) -> dict[str, Any]:
    """Save changed facts (as CaseFacts gives them) and judge the case again; returns the decision.

    `version` is what the clerk looked at: raises CaseChanged when somebody saved in between, NotNow when the case
    is past recording.
    """
    ensure_unchanged(case, version)
    workflow.ensure_recording(case)
    changed = [name for name in FACTS if getattr(case, name) != data.get(name)]
    places = [(row.country, row.from_on, row.to_on) for row in case.residences]
    write_facts(case, data)
    if places != [(row.country, row.from_on, row.to_on) for row in case.residences]:
        changed.append("residences")
    if changed:
        record_change("change", "case", case.id, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                      detail={"fields": changed})
    write_answers(case, data["circumstances"], actor)
    case.updated_at = clock.now()
    return refresh(case)


def write_facts(case: Case, data: dict[str, Any]) -> None:
    """Put the facts of `data` (as CaseFacts gives them) on the case."""
    number = data["authority_case_number"]
    case.category = data["category"]
    case.authority_case_number = number
    case.authority_case_key = to_case_key(case.programme, number)[:60] if number else None
    case.stay_months, case.au_schedule = data["stay_months"], data["au_schedule"]
    case.application_date, case.exam_date = data["application_date"], data["exam_date"]
    case.destination_address = data.get("destination_address")
    wanted = [(row["country"], row["from_on"], row["to_on"]) for row in data["residences"]]
    if wanted != [(row.country, row.from_on, row.to_on) for row in case.residences]:
        case.residences = [ResidencePeriod(country=country, from_on=begin, to_on=end) for country, begin, end in wanted]


def preview_change(case: Case, data: dict[str, Any]) -> Preview:
    """What saving `data` would change about the decision; nothing is written."""
    answers = {row.word: row.answer for row in case.circumstances} | data["circumstances"]
    for item in list_circumstances(case.programme, data["category"]):
        answers.setdefault(item.word, Answer.UNKNOWN)
    facts = to_facts(case, data)
    for derived in derive_circumstances(case.programme, case.applicant, facts):
        answers[derived.word] = derived.answer
    return preview(case, answers, facts)


def write_answers(case: Case, answers: dict[str, Answer], actor: User) -> list[str]:
    """Keep the answers, and what the lists tell; each changed one leaves an audit row. Returns the changed words.

    Every circumstance that the category consults gets a row: one nobody has answered is unknown, never no.
    """
    known = {row.word: row for row in case.circumstances}
    derived = {item.word: item for item in derive_circumstances(case.programme, case.applicant, to_facts(case))}
    wanted = {item.word: Answer.UNKNOWN for item in list_circumstances(case.programme, case.category)
              if item.word not in known}
    wanted |= {word: answer for word, answer in answers.items() if word not in derived}
    wanted |= {word: item.answer for word, item in derived.items()}
    changed = []
    for word, answer in sorted(wanted.items()):
        before = known[word].answer if word in known else None
        if _write(case, known.get(word), word, answer, derived.get(word), actor):
            changed.append(word)
            record_change("answer", "circumstance", word, case_id=case.id, site_id=case.site_id, actor_id=actor.id,
                          detail={"from": before.value if before else None, "to": answer.value,
                                  "derived": word in derived})
    db.session.flush()
    return changed


def to_facts(case: Case, data: dict[str, Any] | None = None) -> dict[str, Any]:
    """The facts that `data` (default: what the case holds) would put in place of the case's own."""
    exam = (data["exam_date"] if data else case.exam_date) or clock.today(case.site.time_zone)
    applied = data["application_date"] if data else case.application_date
    places: list[dict[str, Any]] = data["residences"] if data else [
        {"country": row.country, "from_on": row.from_on, "to_on": row.to_on} for row in case.residences]
    return {
        "category": data["category"] if data else case.category,
        "stay_months": data["stay_months"] if data else case.stay_months,
        "au_schedule": data["au_schedule"] if data else case.au_schedule,
        "exam_date": exam.isoformat(),
        "application_date": applied.isoformat() if applied else None,
        "lived_in": [{"country": place["country"], "from": place["from_on"].isoformat(),
                      "to": (place["to_on"] or exam).isoformat()} for place in places],
    }


def ensure_unchanged(case: Case, version: int) -> None:
    """Raise CaseChanged unless the case is still as it was looked at."""
    if case.version != version:
        raise CaseChanged(
            _("Somebody else changed this case just now. Nothing of yours was saved: look again, then save."),
            case=case.id, version=case.version, seen=version,
        )


def _write(case: Case, row: Circumstance | None, word: str, answer: Answer, derived: Derived | None,
           actor: User) -> bool:
    """Bring one row in line; whether anything was different."""
    source = derived.explanation if derived else None
    if row is None:
        row = Circumstance(word=word, answer=answer, derived_from=source, answered_at=clock.now(),
                           answered_by_id=actor.id)
        case.circumstances.append(row)
        return True
    if (row.answer, row.derived_from) == (answer, source):
        return False
    row.answer, row.derived_from = answer, source
    row.answered_at, row.answered_by_id = clock.now(), actor.id
    return True
