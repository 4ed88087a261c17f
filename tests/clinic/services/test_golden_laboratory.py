"""Every laboratory finding and treatment of the worked cases can be recorded and gives the facts the rules want."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.demo.second_person import check_result
from clinic.models import Applicant, Case, LabResult, TreatmentOutcome, User
from clinic.rules.programme import list_exams
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, SpecimenIn
from clinic.schemas.treatment import TreatmentIn
from clinic.services import laboratory, specimen, treatment
from clinic.services.assessment import assess
from clinic.services.fact import build_results
from clinic.web.station import find_path
from tests.factory import make_applicant, make_case, make_user
from tests.rules.test_golden import GOLDEN

OURS = ("igra", "tst", "sputum", "hiv_test", "syphilis", "gonorrhoea", "creatinine", "hba1c", "dst", "tb_treatment")
AFTERWARDS = datetime(2027, 12, 1, tzinfo=UTC)  # every worked case lies in the past then
STAGES = {"infectious": "primary", "late": "late-latent", None: "unknown-duration"}


def list_findings() -> Iterator[Any]:
    """The different laboratory findings of all worked cases, each with programme and birth date."""
    seen: set[str] = set()
    for path in sorted(GOLDEN.glob("cases*/*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            facts = row["facts"]
            found = {name: facts["results"][name] for name in OURS if facts.get("results", {}).get(name)}
            key = json.dumps(found, sort_keys=True)
            if found and key not in seen:
                seen.add(key)
                yield pytest.param(facts["programme"], facts["birth_date"], found, id=f"{path.stem}:{row['case']}")


class Bench:
    """Two people who record whatever the case found, ticking what is asked."""

    def __init__(self, programme: str, applicant: Applicant, user: User) -> None:
        self.case: Case = make_case(programme, applicant, user)
        self.first, self.second = make_user("tbteam", user.site), make_user("labsupervisor", user.site)
        self.cultured = ""

    def record(self, test: str, value: str, on: str, **more: Any) -> LabResult:
        """One result, entered and confirmed."""
        plain = {"test": test, "value": value, "performed_on": on} | more
        try:
            row = laboratory.enter_result(self.case, load(LabResultIn(), plain), self.first)
        except NeedsConfirmation as unusual:
            plain["confirmed"] = [caution.code for caution in unusual.cautions]
            row = laboratory.enter_result(self.case, load(LabResultIn(), plain), self.first)
        check_result(row, self.second)
        return row

    def take(self, found: dict[str, Any]) -> None:
        """One sputum specimen with what is known of it."""
        made = specimen.take_specimen(self.case, load(SpecimenIn(), {
            "kind": "sputum", "collected_on": found["collected"], "confirmed": [
                "same-day", "late-entry", "long-ago-collected_on", "fourth", "late-series", "not-consecutive"]}),
            self.first)
        day = date.fromisoformat(found["collected"])
        reported = found.get("culture_reported") or (day + timedelta(days=57)).isoformat()
        for name in ("smear", "naat", "culture"):
            if found.get(name) not in (None, "pending"):
                self.record(f"sputum-{name}", found[name], found["collected"], specimen_id=made.id,
                            reported_on=reported)
        if found.get("culture") == "mtb" and not self.cultured:
            self.cultured = made.id

    def treat(self, disease: str, outcome: TreatmentOutcome, ended: str | None, **more: Any) -> None:
        """How a treatment stands; it began before it ended."""
        started = date.fromisoformat(ended) - timedelta(days=180) if ended else date(2025, 4, 1)
        begun = {} if outcome is TreatmentOutcome.REFUSED else {
            "regimen": "other", "detail": "as in the worked case", "started_on": started.isoformat()}
        plain = {"disease": disease, "outcome": outcome.value, "ended_on": ended} | begun | more
        plain = {name: value for name, value in plain.items() if value is not None}
        treatment.report_treatment(self.case, load(TreatmentIn(), plain), None, self.first)


@pytest.mark.parametrize(("programme", "birth", "found"), list(list_findings()))
def test_findings_of_a_worked_case_are_recorded_and_give_its_facts(
    app: Flask, programme: str, birth: str, found: dict[str, Any]
) -> None:
    with clock.stopped_at(AFTERWARDS):
        user = make_user("reception")
        bench = Bench(programme, make_applicant(user, birth_date=birth), user)
        for name, what in found.items():
            globals()[f"_record_{name}"](bench, what)
        results = build_results(bench.case)
    for name, what in found.items():
        _assert_says(results[name], what, name)


def _record_igra(bench: Bench, draws: list[dict[str, Any]]) -> None:
    for draw in draws:
        bench.record("igra", draw["result"], draw["drawn"])


def _record_tst(bench: Bench, what: dict[str, Any]) -> None:
    bench.record("tst", str(what["mm"]), what["read"])


def _record_sputum(bench: Bench, specimens: list[dict[str, Any]]) -> None:
    for each in specimens:
        bench.take(each)


def _record_hiv_test(bench: Bench, what: dict[str, Any]) -> None:
    bench.record("hiv", what["result"], what["reported"], reported_on=what["reported"])


def _record_syphilis(bench: Bench, what: dict[str, Any]) -> None:
    for name in ("nontreponemal", "treponemal", "treponemal_second"):
        if what.get(name):
            bench.record(f"syphilis-{name.replace('_', '-')}", what[name], "2025-03-10")
    if "treated" in what or what.get("stage"):
        _treat(bench, "syphilis", what, stage=STAGES[what.get("stage")])


def _record_gonorrhoea(bench: Bench, what: dict[str, Any]) -> None:
    bench.record("gonorrhoea-naat", what["naat"], "2025-03-10")
    _treat(bench, "gonorrhoea", what)


def _treat(bench: Bench, disease: str, what: dict[str, Any], **more: Any) -> None:
    done = bool(what.get("treated"))
    bench.treat(disease, TreatmentOutcome.COMPLETED if done else TreatmentOutcome.CURRENT,
                "2025-04-10" if done else None, **more)


def _record_creatinine(bench: Bench, what: dict[str, Any]) -> None:
    bench.record("creatinine", "78.5", "2025-03-10", unit="umol/L")
    bench.record("creatinine-egfr", str(what["egfr"]), "2025-03-10")


def _record_hba1c(bench: Bench, what: dict[str, Any]) -> None:
    bench.record("hba1c", str(what["mmol_per_mol"]), "2025-03-10")


def _record_dst(bench: Bench, what: dict[str, Any]) -> None:
    if not bench.cultured:
        bench.take({"collected": "2025-03-10", "culture": "mtb"})
    bench.record("dst", "susceptible", what["reported"], reported_on=what["reported"], specimen_id=bench.cultured,
                 method="phenotypic-liquid", components={"isoniazid": "susceptible", "rifampicin": "susceptible"})


def _record_tb_treatment(bench: Bench, what: dict[str, Any]) -> None:
    outcome = {"current": TreatmentOutcome.CURRENT, "completed": TreatmentOutcome.COMPLETED}.get(
        what["status"], TreatmentOutcome.REFUSED if what.get("dot_refused") else TreatmentOutcome.STOPPED)
    ended = what.get("ended") or ("2025-03-01" if outcome in (
        TreatmentOutcome.COMPLETED, TreatmentOutcome.STOPPED) else None)
    bench.treat("tuberculosis", outcome, ended, is_supervised=bool(what.get("dot_under_panel_physician")),
                is_refused_here=bool(what.get("dot_refused")) or None,
                cultures_negative_on=what.get("end_cultures_negative_reported"))


def _assert_says(ours: Any, theirs: Any, name: str) -> None:
    """Whatever the worked case says, our facts say too; a day it leaves out the laboratory always gives."""
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), name
        for one, other in zip(ours, sorted(theirs, key=lambda each: each.get("collected") or each["drawn"]),
                              strict=True):
            _assert_says(one, other, name)
        return
    said = {key: value for key, value in theirs.items() if value is not None and key != "year"}
    assert {key: ours.get(key) for key in said} == said, name


@pytest.mark.database
@pytest.mark.parametrize("programme", ["ca", "au", "nz"])
def test_positive_hepatitis_test_is_a_grade_b(app: Flask, programme: str) -> None:
    """The medical examination was proposed as A, with hepatitis B and C in the laboratory's results beside it."""
    with clock.stopped_at(AFTERWARDS):
        user = make_user("reception")
        bench = Bench(programme, make_applicant(user, birth_date="1990-05-05"), user)
        bench.record("hbsag", "negative", "2027-11-20")
        assert "significant_tests" not in build_results(bench.case)
        bench.record("anti-hcv", "positive", "2027-11-20")
        assert build_results(bench.case)["significant_tests"] == ["anti-hcv"]
        assert assess(bench.case)["grades"]["medical-exam"]["suggested"] == "B"


@pytest.mark.database
def test_susceptibility_to_rifampicin_alone_is_not_yet_the_examination(app: Flask) -> None:
    """What a molecular test of the first day said ended the question what the culture is susceptible to."""
    with clock.stopped_at(AFTERWARDS):
        user = make_user("reception")
        bench = Bench("ca", make_applicant(user, birth_date="1990-05-05"), user)
        bench.take({"collected": "2027-08-20", "culture": "mtb"})
        said = {"specimen_id": bench.cultured, "reported_on": "2027-10-20"}
        bench.record("dst", "susceptible", "2027-08-20", method="molecular",
                     components={"rifampicin": "susceptible"}, **said)
        assert "dst" not in build_results(bench.case)
        bench.record("dst", "susceptible", "2027-08-20", method="phenotypic-liquid",
                     components={"isoniazid": "susceptible", "rifampicin": "susceptible"}, **said)
        assert build_results(bench.case)["dst"] == {"reported": "2027-10-20"}


@pytest.mark.parametrize("exam", list(list_exams()))
@pytest.mark.parametrize("programme", ["us", "ca", "au", "nz", "uk"])
def test_every_examination_a_rule_can_demand_has_its_screen(exam: str, programme: str) -> None:
    assert find_path(exam, programme)
