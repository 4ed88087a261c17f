"""What the results say by themselves, before any circumstance is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from clinic.rules.programme import list_findings

SPECIMENS = 3  # S1: three specimens; the replacement rule carries the same number


@dataclass(frozen=True, slots=True)
class Sputum:
    """Specimens counted: a culture is usable when final and not M. tuberculosis."""

    specimens: tuple[Mapping[str, Any], ...]
    collected: int
    usable: int
    pending: int
    mtb: bool
    detected: bool
    smear_positive: bool
    trace: bool
    ntm: bool
    inconclusive: bool
    unreported: bool
    last_reported: date | None

    @property
    def suspicious(self) -> bool:
        """A smear or trace that speaks for tuberculosis without proving it."""
        return self.smear_positive or self.trace

    @property
    def complete(self) -> bool:
        """Three usable final cultures and none still open (addendum C8)."""
        return self.usable >= SPECIMENS and not self.pending

    @property
    def wasted(self) -> bool:
        """Three collected, but too few can still give a final culture."""
        return self.collected >= SPECIMENS and self.usable + self.pending < SPECIMENS and not self.mtb


@dataclass(frozen=True, slots=True)
class Treatment:
    """Tuberculosis treatment as recorded."""

    status: str | None
    panel: bool
    refused: bool
    ended: date | None
    end_reported: date | None


@dataclass(frozen=True, slots=True)
class Record:
    """The results of one person, read once."""

    results: Mapping[str, Any]
    film: str | None  # None not taken, else "clear" or "tb"
    film_day: date | None
    findings: tuple[str, ...]
    igra: str | None  # None not drawn, else positive negative repeat inconclusive
    mm: int | None
    sputum: Sputum
    treatment: Treatment
    clinical: bool
    hiv_positive: bool
    syphilis: str | None  # None not done, else open negative infected
    relapse: bool  # M. tuberculosis found after the end cultures were reported

    @property
    def evidence(self) -> bool:
        """Tuberculosis diagnosed in these results."""
        return self.sputum.mtb or self.sputum.detected or self.clinical


def read_results(results: Mapping[str, Any], programme: str) -> Record:
    """Read checked results; in the United States a culture needs its report day to be final (validity runs from it)."""
    film = results.get("chest_xray", {})
    taken: date | None = film.get("taken")
    treated = results.get("tb_treatment", {})
    treatment = Treatment(
        treated.get("status"), treated.get("dot_under_panel_physician", False), treated.get("dot_refused", False),
        treated.get("ended"), treated.get("end_cultures_negative_reported"),
    )
    specimens = tuple(results.get("sputum", ()))
    end = treatment.end_reported
    return Record(
        results=results,
        film=None if taken is None else _read_film(film),
        film_day=taken,
        findings=tuple(film.get("findings", ())),
        igra=_read_igra(results.get("igra", ())),
        mm=results["tst"]["mm"] if "tst" in results else None,
        sputum=_read_sputum(specimens, needs_report=programme == "us"),
        treatment=treatment,
        clinical=results.get("tb_diagnosis", {}).get("clinical", False),
        hiv_positive=results.get("hiv_test", {}).get("result") == "positive",
        syphilis=_read_syphilis(results.get("syphilis")),
        relapse=end is not None and any(
            s["collected"] > end and (s.get("culture") == "mtb" or s.get("naat") == "detected") for s in specimens),
    )


def _read_film(film: Mapping[str, Any]) -> str:
    if film.get("outcome") == "old-or-active-tb":
        return "tb"
    findings = list_findings()
    return "tb" if any(findings[code]["category"] == "suggests-tb" for code in film.get("findings", ())) else "clear"


def _read_igra(draws: list[Mapping[str, Any]] | tuple[()]) -> str | None:
    """One positive draw decides; else the last valid one; a last indeterminate is repeated once (us.md R12)."""
    calls = [draw["result"] for draw in draws]
    if not calls:
        return None
    if "positive" in calls:
        return "positive"
    if calls[-1] == "negative":
        return "negative"
    return "inconclusive" if calls[-2:] == ["indeterminate", "indeterminate"] else "repeat"


def _read_sputum(specimens: tuple[Mapping[str, Any], ...], needs_report: bool) -> Sputum:
    usable = pending = 0
    unreported = False
    reported: list[date] = []
    for specimen in specimens:
        culture = specimen.get("culture", "pending")
        final = culture in ("negative", "ntm")
        if final and needs_report and "culture_reported" not in specimen:
            unreported, final, culture = True, False, "pending"
        if culture == "pending" or (final and specimen.get("smear", "pending") == "pending"):
            pending += 1
        elif final:
            usable += 1
        if final and "culture_reported" in specimen:
            reported.append(specimen["culture_reported"])
    cultures = [specimen.get("culture") for specimen in specimens]
    naats = [specimen.get("naat") for specimen in specimens]
    return Sputum(
        specimens, len(specimens), usable, pending, "mtb" in cultures, "detected" in naats,
        any(specimen.get("smear") == "positive" for specimen in specimens), "trace" in naats, "ntm" in cultures,
        "inconclusive" in cultures, unreported, max(reported) if reported else None,
    )


def _read_syphilis(row: Mapping[str, Any] | None) -> str | None:
    """Traditional and reverse algorithm (us.md 2.2): negative, infected, or open while a test is still to come."""
    if row is None:
        return None
    first, second = row.get("nontreponemal"), row.get("treponemal")
    if first is None and second is None:
        return None
    if second == "nonreactive":
        return "negative"
    if second is None:
        return "negative" if first == "nonreactive" else "open"
    if first is None:
        return "open"
    if first == "reactive":
        return "infected"
    third = row.get("treponemal_second")
    return {None: "open", "reactive": "infected", "nonreactive": "negative"}[third]
