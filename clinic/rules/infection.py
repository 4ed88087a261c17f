"""Whether somebody may be infectious with tuberculosis, by the facts recorded: the causes for which they are held."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from clinic.rules.fact import parse_facts
from clinic.rules.record import SPECIMENS, Record, read_results

TABLE = Path(__file__).resolve().parent.parent / "programmes" / "reference" / "hold.toml"
UNCONFIRMED = "unconfirmed"
SPREADING = frozenset({"CAVITY", "MILIARY"})  # findings that by themselves call for keeping apart


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause by its name in the table; `evidence` are the days of what it rests on, so that more of it is seen."""

    name: str
    evidence: str


@dataclass(frozen=True, slots=True)
class CauseRule:
    """What a cause says, and where that stands."""

    says: str
    source: str


@cache
def list_cause_rules() -> dict[str, CauseRule]:
    """Every cause by name, the gravest first."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: CauseRule(row["says"], row["source"]) for name, row in rows.items()}


def find_causes(
    facts: Mapping[str, Any], asks_sputum: bool, unconfirmed: Collection[str] = ()
) -> tuple[Cause, ...]:
    """Why the person of these facts (decide-contract.md) may be infectious; empty when nothing says so.

    `asks_sputum`: sputum is required of them and not done. `unconfirmed`: the days of what shows tuberculosis, or takes
    back what did, and waits for its second person: no fact yet, and the person is among others now. Treatment
    completed with negative end cultures ends what was found before it; a later M. tuberculosis does not.
    """
    parsed = parse_facts(facts)
    record = read_results(parsed.results, parsed.programme.code)
    has_symptoms = "tb_symptoms" in parsed.yes
    if record.treatment.status == "completed" and record.treatment.end_reported and not record.relapse:
        return (Cause(UNCONFIRMED, " ".join(sorted(unconfirmed))),) if unconfirmed else ()
    found = {
        UNCONFIRMED: sorted(unconfirmed),
        "culture": _list_days(record, "culture", "mtb"), "naat": _list_days(record, "naat", "detected"),
        "diagnosis": ["clinical"] if record.clinical else [],
        "treatment": ["current"] if _is_treated(record, parsed.yes) else [],
    }
    if not record.sputum.complete:
        film = [record.film_day.isoformat()] if record.film_day else []
        found |= {
            "smear": _list_days(record, "smear", "positive"), "trace": _list_days(record, "naat", "trace"),
            "cavity": film if SPREADING & set(record.findings) else [],
            "film": film if record.film == "tb" and has_symptoms else [],
        }
    if has_symptoms and asks_sputum and len(_list_days(record, "smear", "negative")) < SPECIMENS:
        found["symptoms"] = ["symptoms"]
    return tuple(Cause(name, " ".join(found[name])) for name in list_cause_rules() if found.get(name))


def _list_days(record: Record, test: str, value: str) -> list[str]:
    return sorted(one["collected"].isoformat() for one in record.sputum.specimens if one.get(test) == value)


def _is_treated(record: Record, yes: frozenset[str]) -> bool:
    """On treatment of more than tuberculosis outside the lungs (addendum C1)."""
    if record.treatment.status != "current" and "on_tb_treatment" not in yes:
        return False
    return not ("extrapulmonary_tb" in yes and record.film != "tb" and not record.evidence
                and not record.sputum.suspicious)
