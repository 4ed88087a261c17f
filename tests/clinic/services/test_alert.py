"""What the physician must not overlook, found from results, films and forms."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.models import Answer, Case, LabResult
from clinic.queries.alert import Alert, AlertKind, list_alerts
from clinic.schemas.door import load
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import LabResultIn
from clinic.services import laboratory, radiology
from clinic.services.abnormality import Abnormality, find_abnormality
from clinic.services.plausibility import get_today
from tests.clinic.services.test_prior_value import record
from tests.factory import make_case, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A New Zealand case, which has the most tests."""
    return make_case("nz", user=make_user("reception"))


def _codes(case: Case) -> list[str]:
    return [alert.code for alert in list_alerts(case)]


@pytest.mark.parametrize(("test", "value", "code", "kind"), [
    ("igra", "positive", "igra-positive", AlertKind.POSITIVE),
    ("hiv", "positive", "hiv-positive", AlertKind.POSITIVE),
    ("syphilis-treponemal", "reactive", "syphilis-treponemal-reactive", AlertKind.POSITIVE),
    ("creatinine-egfr", "45", "creatinine-egfr-abnormal", AlertKind.ABNORMAL),
    ("creatinine-egfr", "22", "creatinine-egfr-critical", AlertKind.CRITICAL),
    ("urine-protein", "positive", "urine-protein-positive", AlertKind.POSITIVE),
    ("hba1c", "95", "hba1c-critical", AlertKind.CRITICAL),
])
def test_result_out_of_the_ordinary_gives_its_alert(
    case: Case, test: str, value: str, code: str, kind: AlertKind
) -> None:
    record(case, test, value)
    (alert,) = [one for one in list_alerts(case) if one.result_id]
    assert (alert.code, alert.kind, alert.is_confirmed) == (code, kind, True)
    assert alert.is_sensitive is (test == "hiv")


def test_normal_results_give_no_alert(case: Case) -> None:
    for test, value in (("igra", "negative"), ("hiv", "negative"), ("creatinine-egfr", ">90"), ("hba1c", "36")):
        record(case, test, value)
    assert list_alerts(case) == []


def test_unconfirmed_positive_says_that_it_waits(case: Case) -> None:
    record(case, "igra", "positive", confirm=False)
    (alert,) = list_alerts(case)
    assert not alert.is_confirmed
    assert "second person" in alert.text


def test_correction_of_what_counted_is_told_with_both_values_and_why(case: Case) -> None:
    row = record(case, "creatinine-egfr", "95")
    new = load(LabResultIn(), {"test": row.test, "value": "75", "performed_on": get_today(case).isoformat()})
    laboratory.correct_result(row, new, "slip of the hand", make_user("labtech", case.site))
    (alert,) = list_alerts(case)
    assert alert.kind is AlertKind.CORRECTED
    assert all(word in alert.text for word in ("95", "75", "slip of the hand"))


def test_refused_entry_that_never_counted_is_no_correction(case: Case) -> None:
    row = record(case, "igra", "negative", confirm=False)
    laboratory.refuse_result(row, "not readable", make_user("labsupervisor", case.site))
    record(case, "igra", "negative")
    assert list_alerts(case) == []


def test_film_that_suggests_tuberculosis_is_named(case: Case) -> None:
    us = make_case("us", user=make_user("reception", case.site))
    radiology.record_reading(us, NewReading(get_today(us), "pa", ("CAVITY",),
        confirmed=[radiology.ELSEWHERE]), make_user("radiologist", us.site))
    alerts = list_alerts(us)
    assert [alert.code for alert in alerts] == ["film-suggests-tb"]
    assert "Cavitary" in alerts[0].text


def test_positive_hiv_beside_a_denied_history_is_a_contradiction_kept_from_lists(case: Case) -> None:
    assert {row.word: row.answer for row in case.circumstances}["hiv_known"] is Answer.NO
    record(case, "hiv", "positive")
    found = {alert.code: alert for alert in list_alerts(case)}
    assert found["hiv-history"].kind is AlertKind.CONTRADICTION
    assert found["hiv-history"].is_sensitive and found["hiv-positive"].is_sensitive


def test_igra_values_against_the_laboratory_are_a_contradiction(case: Case) -> None:
    parts = {"nil": "0.05", "tb1": "4.00", "tb2": "3.5", "mitogen": "9"}
    record(case, "igra", "negative", kind="qft-plus", components=parts, confirmed=["igra-positive"])
    assert _codes(case) == ["igra-values"]


def test_graver_alerts_come_first(case: Case) -> None:
    record(case, "urine-glucose", "trace")
    record(case, "creatinine-egfr", "12")
    assert [alert.kind for alert in list_alerts(case)] == [AlertKind.CRITICAL, AlertKind.POSITIVE]
    assert all(isinstance(alert, Alert) and alert.tone == "bad" for alert in list_alerts(case))


@pytest.mark.parametrize(("value", "mark", "expected"), [
    (">90", None, Abnormality.NORMAL), (">30", None, Abnormality.UNKNOWN), ("<50", None, Abnormality.ABNORMAL),
    ("<70", None, Abnormality.UNKNOWN), ("60", None, Abnormality.NORMAL), ("59", None, Abnormality.ABNORMAL),
    ("<60", None, Abnormality.ABNORMAL), ("<31", None, Abnormality.ABNORMAL),
    ("<30", None, Abnormality.CRITICAL),
    ("<15", None, Abnormality.CRITICAL), (">15", None, Abnormality.UNKNOWN),
    ("29", None, Abnormality.CRITICAL), ("90", "low", Abnormality.ABNORMAL), ("90", "critical", Abnormality.CRITICAL),
])
def test_abnormality_of_a_number_follows_range_and_mark(
    case: Case, value: str, mark: str | None, expected: Abnormality
) -> None:
    row = LabResult(case=case, test="creatinine-egfr", value=value, unit="mL/min/{1.73_m2}", mark=mark,
                    performed_on=get_today(case))
    assert find_abnormality(row) is expected


@pytest.mark.parametrize(("value", "expected"), [
    (">80", Abnormality.CRITICAL), (">79", Abnormality.ABNORMAL), (">47", Abnormality.ABNORMAL),
    (">46", Abnormality.UNKNOWN), ("<47", Abnormality.NORMAL), ("<90", Abnormality.UNKNOWN),
])
def test_more_than_a_critical_number_is_critical(case: Case, value: str, expected: Abnormality) -> None:
    """A number only known to lie beyond the limit is beyond it: somebody is called, as for the number itself."""
    row = LabResult(case=case, test="hba1c", value=value, unit="mmol/mol", performed_on=get_today(case))
    assert find_abnormality(row) is expected


def test_number_without_a_range_is_unknown_until_the_laboratory_marks_it(case: Case) -> None:
    row = LabResult(case=case, test="creatinine", value="300", unit="umol/L", performed_on=get_today(case))
    assert find_abnormality(row) is Abnormality.UNKNOWN
    row.mark = "high"
    assert find_abnormality(row) is Abnormality.ABNORMAL
