"""The grid of one test for many specimens: three rows, each saved by itself, and the second person's list of it."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from clinic import clock
from clinic.db import db, read_unit, write_unit
from clinic.models import Case, CriticalCall, LabOrder, LabResult, ResultStatus, User
from clinic.services import draw, lab_order
from tests.factory import make_applicant, make_case, make_user
from tests.sign_in import sign_in

HAEMOGLOBIN = "/laboratory/bench/haemoglobin"


@pytest.fixture
def staff(app: Flask) -> dict[str, User]:
    """One person of each role, made before anybody signs in."""
    return {role: make_user(role) for role in ("reception", "phlebotomist", "labtech", "labsupervisor", "nurse")}


@pytest.fixture
def orders(staff: dict[str, User]) -> list[str]:
    """Haemoglobin of three people, drawn; ids of the orders by specimen number."""
    for _number in range(3):
        case = make_case("us", make_applicant(staff["reception"]), staff["reception"])
        lab_order.order_test(case, "haemoglobin", staff["labtech"], "anaemia")
        draw.draw(case, ["edta"], None, "", staff["phlebotomist"])
    db.session.commit()
    return [row.id for row in _all(LabOrder) if row.test == "haemoglobin"]


@pytest.fixture
def technician(app: Flask, orders: list[str], staff: dict[str, User]) -> FlaskClient:
    return sign_in(app, staff["labtech"])


@pytest.fixture
def supervisor(app: Flask, orders: list[str], staff: dict[str, User]) -> FlaskClient:
    return sign_in(app, staff["labsupervisor"])


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))


def _all(model: type) -> list[Any]:
    with read_unit() as unit:
        return list(unit.execute(select(model).order_by(model.id)).unique().scalars())  # type: ignore[attr-defined]


def _values() -> list[str]:
    return [row.value for row in _all(LabResult) if row.is_current]


def test_worklist_counts_by_bench_and_test(technician: FlaskClient) -> None:
    page = _text(technician.get("/laboratory/bench"))
    assert re.search(r'state=enter">3</a>', page) and "Haematology" in page
    assert "Haemoglobin" in _text(technician.get("/laboratory/bench?bench=haematology"))
    assert "Haemoglobin" not in _text(technician.get("/laboratory/bench?bench=serology"))
    assert "Haemoglobin" not in _text(technician.get("/laboratory/bench?day=2020-01-01"))
    assert technician.get("/laboratory/bench?day=yesterday-ish").status_code == 422


def test_row_reads_its_own_field_whatever_else_the_form_sends(technician: FlaskClient, orders: list[str]) -> None:
    """An input sends the form it stands in: with one name for all rows, the first row's value was read for each."""
    form = {"unit": "g/dL", f"v-{orders[0]}": "12.8", f"v-{orders[1]}": "abc", f"v-{orders[2]}": "6.1"}
    answers = [technician.post(f"{HAEMOGLOBIN}/{order}", data=form) for order in orders]
    assert [answer.status_code for answer in answers] == [200, 422, 422]
    assert "Saved" in _text(answers[0])
    assert f'id="v-{orders[1]}-error"' in _text(answers[1])
    assert "very unusual" in _text(answers[2]) and f'name="c-{orders[2]}"' in _text(answers[2])
    assert _values() == ["12.8"]
    confirmed = technician.post(f"{HAEMOGLOBIN}/{orders[2]}", data=form | {f"c-{orders[2]}": "unusual-haemoglobin"})
    assert confirmed.status_code == 200 and sorted(_values()) == ["12.8", "6.1"]


def test_decimals_stay_as_written_and_less_than_is_kept(technician: FlaskClient, orders: list[str]) -> None:
    for order, value in zip(orders, ("13.0", "<7.0", "12,5"), strict=True):
        form = {"unit": "g/dL", f"v-{order}": value, f"c-{order}": "unusual-haemoglobin"}
        assert technician.post(f"{HAEMOGLOBIN}/{order}", data=form).status_code == 200
    assert sorted(_values()) == ["12.5", "13.0", "<7.0"]
    assert 'value="13.0"' in _text(technician.get(HAEMOGLOBIN))


def test_same_person_changes_a_value_before_it_is_confirmed(
    technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    for value in ("12.8", "12.8", "12.9"):
        technician.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/dL", f"v-{orders[0]}": value})
    assert [(row.revision, row.value) for row in _all(LabResult)] == [(1, "12.8"), (2, "12.9")]
    other = supervisor.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/dL", f"v-{orders[0]}": "13.1"})
    assert other.status_code == 422 and "Somebody else entered this value" in _text(other)


def test_scan_typed_into_a_value_is_refused_and_in_its_own_field_finds_the_row(
    technician: FlaskClient, orders: list[str]
) -> None:
    answer = technician.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/dL", f"v-{orders[0]}": "NBO-S-000002-S"})
    assert answer.status_code == 422 and "number of a label, not a result" in _text(answer)
    assert _values() == []
    page = _text(technician.get(f"{HAEMOGLOBIN}?q=nbos000002s"))
    assert re.search(rf'id="row-{orders[1]}"[^>]* class="table__row--warn"', page)
    assert "This specimen is not in this grid" in _text(technician.get(f"{HAEMOGLOBIN}?q=NBO-S-000009-E"))


def test_whole_form_saves_what_is_right_and_shows_what_is_not(technician: FlaskClient, orders: list[str]) -> None:
    form = {f"v-{orders[0]}": "12.8", f"v-{orders[1]}": "abc", f"v-{orders[2]}": ""}
    assert "Choose the unit" in _text(technician.post(HAEMOGLOBIN, data=form))
    answer = technician.post(HAEMOGLOBIN, data=form | {"unit": "g/dL"})
    assert answer.status_code == 422 and f'href="#v-{orders[1]}"' in _text(answer) and 'value="abc"' in _text(answer)
    assert _values() == ["12.8"]
    assert technician.post(HAEMOGLOBIN, data=form | {"unit": "g/dL", f"v-{orders[1]}": "13.4"}).status_code == 302
    assert sorted(_values()) == ["12.8", "13.4"]


def test_second_person_confirms_the_normal_ones_of_several_cases_together(
    app: Flask, technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    for order, value in zip(orders, ("45", "22", "96"), strict=True):
        case_id = db.session.get_one(LabOrder, order).case_id
        technician.post(f"/cases/{case_id}/laboratory", data={
            "performed_on": clock.now().date().isoformat(), "creatinine-egfr.value": value})
    page = _text(supervisor.get("/laboratory/bench/creatinine-egfr?state=confirm"))
    assert page.count('name="results"') == 1 and "Critical" in page and "Abnormal" in page
    normal, wrong = (next(row for row in _all(LabResult) if row.value == value) for value in ("96", "22"))
    base = "/laboratory/bench/creatinine-egfr/confirm"
    assert supervisor.post(base, data={}).status_code == 422
    assert supervisor.post(base, data={"results": [normal.id, wrong.id]}).status_code == 409
    assert supervisor.post(base, data={"results": [normal.id]}).status_code == 302
    assert [row.value for row in _all(LabResult) if row.status is ResultStatus.FINAL] == ["96"]


def test_range_stands_beside_a_value_that_is_not_entered_yet(technician: FlaskClient, orders: list[str]) -> None:
    page = re.sub("<[^>]*>", "", _text(technician.get(HAEMOGLOBIN)))
    assert page.count("g/dL · ≥ ") == 3, "in each unit, until one is chosen"
    technician.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/L", f"v-{orders[0]}": "128"})
    page = _text(technician.get(HAEMOGLOBIN))
    assert "g/dL · " not in page and page.count(" g/L</") == 4, "three ranges, and the value itself"


def test_saved_value_keeps_and_shows_its_unit_whatever_is_chosen_for_the_next(
    technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    first, second, third = orders
    technician.post(f"{HAEMOGLOBIN}/{first}", data={"unit": "g/dL", f"v-{first}": "13.0"})
    for value in ("13.0", "130"):
        refused = technician.post(f"{HAEMOGLOBIN}/{first}", data={"unit": "g/L", f"v-{first}": value})
        assert refused.status_code == 422 and "13.0 is saved in g/dL: choose that unit above" in _text(refused)
    whole = technician.post(HAEMOGLOBIN, data={"unit": "g/L", f"v-{first}": "13.0", f"v-{second}": "128"})
    assert whole.status_code == 422 and "13.0 is saved in g/dL" in _text(whole)
    assert [(row.value, row.unit, row.revision) for row in _all(LabResult)] == [("13.0", "g/dL", 1), ("128", "g/L", 1)]
    page = _text(technician.get(HAEMOGLOBIN))
    assert '<bdi dir="ltr">13.0 g/dL</bdi>' in page and '<bdi dir="ltr">128 g/L</bdi>' in page
    assert re.search(r"≥ \d+\.0 g/dL</bdi>", page) and re.search(r"≥ \d+ g/L</bdi>", page), "the range of each"
    form = {"unit": "g/L", f"v-{first}": "13.0", f"v-{second}": "128", f"v-{third}": "131"}
    answer = supervisor.post(HAEMOGLOBIN, data=form)
    assert answer.status_code == 302, "what somebody else saved is left alone"
    assert sorted(_values()) == ["128", "13.0", "131"]


@pytest.fixture
def kidneys(staff: dict[str, User]) -> list[Case]:
    """Creatinine and eGFR of three Canadian women of 1991, drawn."""
    found = []
    for _number in range(3):
        case = make_case("ca", make_applicant(staff["reception"]), staff["reception"])
        for test in ("creatinine", "creatinine-egfr"):
            if lab_order.find_live_order(case, test) is None:
                lab_order.order_test(case, test, staff["labtech"], "kidneys")
        draw.draw(case, ["serum"], None, "", staff["phlebotomist"])
        found.append(case)
    db.session.commit()
    return found


def test_rate_is_computed_where_asked_and_never_over_a_typed_one(
    app: Flask, kidneys: list[Case], staff: dict[str, User]
) -> None:
    ids = [case.id for case in kidneys]
    technician = sign_in(app, staff["labtech"])
    orders = {row.case_id: row.id for row in _all(LabOrder) if row.test == "creatinine-egfr"}
    url = "/laboratory/bench/creatinine-egfr"
    assert "computed" not in _text(technician.get(url))
    today = clock.today(kidneys[0].site.time_zone).isoformat()
    for case_id, value in zip(ids, ("80", "<20", "95"), strict=True):
        done = technician.post(f"/cases/{case_id}/laboratory", data={
            "performed_on": today, "creatinine.value": value, "creatinine.unit": "umol/L",
            "confirmed": ["unusual-creatinine"]})
        assert done.status_code == 302
    page = _text(technician.get(url))
    assert "computed from creatinine 80 µmol/L" in page and "by CKD-EPI 2021" in page
    assert "Not computed from creatinine <20" in page.replace("&lt;", "<") and "it is no exact number" in page
    form = {"computed": "1", f"v-{orders[ids[2]]}": "55"}
    assert technician.post(url, data=form).status_code == 302
    rows = {row.case_id: row for row in _all(LabResult) if row.test == "creatinine-egfr"}
    assert set(rows) == {ids[0], ids[2]}, "what cannot be computed stays empty"
    assert (rows[ids[2]].value, rows[ids[2]].method) == ("55", None), "what was typed stands"
    assert rows[ids[0]].method == "ckd-epi-2021"
    shown = _text(technician.get(f"/cases/{ids[0]}/laboratory/{rows[ids[0]].id}"))
    assert "computed by CKD-EPI 2021" in shown and "Computed from" in shown
    second = _text(sign_in(app, staff["labsupervisor"]).get(f"/cases/{ids[0]}/laboratory/{rows[ids[0]].id}"))
    assert "it can be confirmed when its creatinine is" in second and "Confirm: it agrees" not in second


def test_sheet_offers_what_the_creatinine_gives(app: Flask, kidneys: list[Case], staff: dict[str, User]) -> None:
    technician, url = sign_in(app, staff["labtech"]), f"/cases/{kidneys[0].id}/laboratory"
    form = {"performed_on": clock.today(kidneys[0].site.time_zone).isoformat(), "creatinine.value": "80",
            "creatinine.unit": "umol/L"}
    assert "no creatinine" in _text(technician.post(url, data={"computed": "1"}))
    assert technician.post(url, data=form).status_code == 302
    page = _text(technician.get(url))
    assert re.search(r'name="computed" value="\d+">Enter the computed \d+<', page)
    typed = technician.post(url, data={
        "computed": "1", "creatinine-egfr.value": "60", "performed_on": form["performed_on"]})
    assert typed.status_code == 422 and "Empty this box to enter the computed value" in _text(typed)
    assert technician.post(url, data={"computed": "1"}).status_code == 302
    creatinine, rate = _all(LabResult)
    told = technician.post(f"{url}/{creatinine.id}/correct", data={
        "creatinine.value": "200", "creatinine.unit": "umol/L", "performed_on": form["performed_on"],
        "reason": "misread"}, follow_redirects=True)
    assert f"eGFR {rate.value}: " in _text(told) and "does not follow any more" in _text(told)
    assert "does not follow any more" in _text(technician.get(url))


def test_second_person_finds_each_on_the_printout_by_the_number_of_its_tube(
    technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    technician.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/dL", f"v-{orders[0]}": "11.0"})
    assert "NBO-S-000001-U" in _text(supervisor.get(f"{HAEMOGLOBIN}?state=confirm"))
    (row,) = _all(LabResult)
    page = _text(supervisor.get(f"/cases/{row.case_id}/laboratory/{row.id}"))
    assert "NBO-S-000001-U" in page and "Not numbered" not in page
    assert "Range" in page and "≥ " in page, "and what it is measured by"


def test_critical_value_is_called_before_it_is_confirmed(
    technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    case_id = db.session.get_one(LabOrder, orders[0]).case_id
    technician.post(f"/cases/{case_id}/laboratory", data={
        "performed_on": clock.now().date().isoformat(), "creatinine-egfr.value": "22"})
    (row,) = _all(LabResult)
    base = f"/cases/{case_id}/laboratory/{row.id}"
    page = _text(supervisor.get(base))
    assert "Critical: call now" in page and "Confirm: it agrees" not in page, "no button that can only be refused"
    assert supervisor.post(f"{base}/confirm", data={}).status_code == 409
    refused = supervisor.post(f"{base}/call", data={"called": "Dr Wambui", "called_time": "99:00"})
    assert refused.status_code == 422 and "Write the time like 07:30" in _text(refused)
    assert "read back before you record" in _text(supervisor.post(f"{base}/call", data={"called": "Dr Wambui"}))
    assert supervisor.post(f"{base}/call", data={"called": "Dr Wambui", "is_read_back": "yes"}).status_code == 302
    page = _text(supervisor.get(base))
    assert "Dr Wambui" in page and "Confirm: it agrees" in page
    done = supervisor.post(f"{base}/confirm", data={"from": "bench"})
    assert done.location == "/laboratory/bench/creatinine-egfr?state=confirm", "where the next one waits"


def test_call_told_before_midnight_is_recorded_after_it(
    app: Flask, staff: dict[str, User], orders: list[str]
) -> None:
    """Only today's time was taken."""
    case_id, zone = db.session.get_one(LabOrder, orders[0]).case_id, ZoneInfo("Africa/Nairobi")
    midnight = datetime.combine(clock.today("Africa/Nairobi") + timedelta(days=1), time(0), zone)
    with clock.stopped_at(midnight + timedelta(minutes=5)):
        supervisor = sign_in(app, staff["labsupervisor"])
        supervisor.post(f"/cases/{case_id}/laboratory", data={
            "performed_on": midnight.date().isoformat(), "creatinine-egfr.value": "22"})
        (row,) = _all(LabResult)
        base = f"/cases/{case_id}/laboratory/{row.id}"
        assert "A time later than now is taken for yesterday" in _text(supervisor.get(base))
        told = {"called": "Dr Wambui", "is_read_back": "yes"}
        slip = supervisor.post(f"{base}/call", data=told | {"called_time": "07:30"})
        assert slip.status_code == 422 and "This time is still to come." in _text(slip)
        done = supervisor.post(f"{base}/call", data=told | {"called_time": "23:58"}, follow_redirects=True)
        assert "The call is recorded: yesterday at 23:58." in _text(done)
    (call,) = _all(CriticalCall)
    assert call.called_at == midnight - timedelta(minutes=2)


def test_value_typed_twice_is_hidden_from_the_second_person(
    technician: FlaskClient, supervisor: FlaskClient, orders: list[str]
) -> None:
    case_id = db.session.get_one(LabOrder, orders[0]).case_id
    technician.post(f"/cases/{case_id}/laboratory", data={
        "performed_on": clock.now().date().isoformat(), "hba1c.value": "41"})
    (row,) = _all(LabResult)
    base = f"/cases/{case_id}/laboratory/{row.id}"
    for address in (base, f"/cases/{case_id}/laboratory", f"/cases/{case_id}/second-person", "/laboratory",
                    "/laboratory/bench/hba1c?state=confirm"):
        page = _text(supervisor.get(address))
        assert "Hidden: you type it a second time" in page and not re.search(r">\s*41\s*<", page), address
    assert "41" in _text(technician.get(base))
    assert supervisor.post(f"{base}/confirm", data={}).status_code == 409
    differs = supervisor.post(f"{base}/second", data={"second-value": "44"}, follow_redirects=True)
    assert "The two entries differ" in _text(differs) and "41" in _text(differs)
    assert "The two entries differ" in _text(technician.get(base))
    for address in (f"/cases/{case_id}/laboratory", "/laboratory?list=confirm",
                    "/laboratory/bench/hba1c?state=confirm"):
        assert "The two entries differ" in _text(technician.get(address)), f"who typed first is told: {address}"
    assert "Type it again when you have both looked" in _text(supervisor.get(base))
    assert "In range" in _text(supervisor.get(base)), "what the range says stands beside the value"
    assert supervisor.post(f"{base}/second", data={"second-value": "41"}).status_code == 302
    assert [one.status for one in _all(LabResult)] == [ResultStatus.FINAL]


def test_critical_value_typed_twice_is_kept_until_somebody_was_told(
    app: Flask, technician: FlaskClient, supervisor: FlaskClient, orders: list[str], staff: dict[str, User]
) -> None:
    """The agreeing entry was lost with the refusal, and who had typed it was shown no way to record the call."""
    case_id = db.session.get_one(LabOrder, orders[0]).case_id
    technician.post(f"/cases/{case_id}/laboratory", data={
        "performed_on": clock.now().date().isoformat(), "hba1c.value": "92"})
    (row,) = _all(LabResult)
    base = f"/cases/{case_id}/laboratory/{row.id}"
    supervisor.post(f"{base}/second", data={"second-value": "29"})
    page = _text(supervisor.get(base)).split("<aside")[1]
    assert 0 < page.index("The two entries differ") < page.index("Critical: call now"), "before anybody is told a slip"
    typed = supervisor.post(f"{base}/second", data={"second-value": "92", "from": "bench"})
    assert typed.status_code == 302 and typed.location.startswith(base)
    page = _text(supervisor.get(typed.location))
    assert "Both entries agree, and the value is critical" in page and "Critical: call now" in page
    assert "Type it from the report" not in page and "Confirm: it agrees" not in page
    third = sign_in(app, staff["nurse"])
    page = _text(third.get(base))
    assert "Hidden: you type it a second time" in page and "either of you may" in page
    assert "Confirm: it agrees" not in page, "no button that can only be refused"
    assert supervisor.post(f"{base}/call", data={"called": "Dr Wambui", "is_read_back": "yes"}).status_code == 302
    assert "Confirm: it agrees" in _text(supervisor.get(base))
    assert supervisor.post(f"{base}/confirm", data={}).status_code == 302
    assert [one.status for one in _all(LabResult)] == [ResultStatus.FINAL]


def test_grid_shows_no_value_to_who_is_to_type_it_a_second_time(
    app: Flask, technician: FlaskClient, supervisor: FlaskClient, staff: dict[str, User]
) -> None:
    with write_unit():
        case = make_case("us", make_applicant(staff["reception"]), staff["reception"])
        lab_order.order_test(case, "hba1c", staff["labtech"], "thirst")
        draw.draw(case, ["edta"], None, "", staff["phlebotomist"])
    order = next(row.id for row in _all(LabOrder) if row.test == "hba1c")
    url = "/laboratory/bench/hba1c"
    assert technician.post(f"{url}/{order}", data={f"v-{order}": "92"}).status_code == 200
    page = _text(technician.get(url))
    assert 'value="92"' in page and "Call now" in page
    page = _text(supervisor.get(f"{url}?state=enter"))
    assert order in page and "Hidden: you type it a second time" in page
    assert 'value="92"' not in page and "92 mmol" not in page and "Critical" not in page
    way = re.findall(r'href="([^"]+)">Call now', technician.get(url).get_data(as_text=True))[0]
    assert f'href="{url}"' in technician.get(way).get_data(as_text=True), "back to the grid, where the next row waits"
    told = technician.post(way.replace("?from=grid", "/call"), data={
        "called": "Dr Wambui", "is_read_back": "yes", "from": "grid"})
    assert told.location == way
    saved = technician.post(url, data={f"v-{order}": "92"}, follow_redirects=True)
    assert "Everything is saved already." in _text(saved), "it said that no value was saved"


def test_empty_grid_says_what_to_do(technician: FlaskClient, orders: list[str]) -> None:
    """It said that 0 values are saved, as a success."""
    saved = _text(technician.post(HAEMOGLOBIN, data={f"v-{orders[0]}": " "}, follow_redirects=True))
    assert "Enter one beside its specimen, then save." in saved and "0 values" not in saved


def test_grid_begins_where_the_first_value_belongs(technician: FlaskClient, orders: list[str]) -> None:
    """One tabbed sixteen times to the first row."""
    def focused(query: str = "") -> list[str]:
        page = technician.get(HAEMOGLOBIN + query).get_data(as_text=True)
        tags = re.findall(r"<(?:input|select)[^>]*\bautofocus[^>]*>", page)
        return [re.findall(r'name="([^"]+)"', tag)[0] for tag in tags]

    assert focused() == ["unit"], "which unit, is asked first"
    assert focused("?q=NBO-S-999999")[0] == "q", "the next label is scanned after one that is not here"
    saved = technician.post(f"{HAEMOGLOBIN}/{orders[0]}", data={"unit": "g/dL", f"v-{orders[0]}": "12.8"})
    assert saved.status_code == 200
    assert focused() == [f"v-{orders[1]}"], "the unit is known: the first row that is open"


def test_grid_of_another_test_or_without_permission_is_not_there(
    app: Flask, technician: FlaskClient, orders: list[str], staff: dict[str, User]
) -> None:
    assert technician.post("/laboratory/bench/igra", data={}).status_code == 404
    assert technician.get("/laboratory/bench/creatinin").status_code == 404
    assert technician.get("/laboratory/bench/nonsense").status_code == 404
    assert technician.post(f"{HAEMOGLOBIN}/{'0' * 36}", data={}).status_code == 404
    nurse = sign_in(app, staff["nurse"])
    assert nurse.post(HAEMOGLOBIN, data={}).status_code == 403
    assert "Waits for a second person" in _text(nurse.get(HAEMOGLOBIN))


def test_test_of_several_parts_lists_its_specimens_and_leads_to_their_cases(
    technician: FlaskClient, supervisor: FlaskClient, staff: dict[str, User]
) -> None:
    """The bench said that two IGRA wait, and nowhere whose."""
    with write_unit():
        case = make_case("us", make_applicant(staff["reception"]), staff["reception"])
        lab_order.order_test(case, "igra", db.session.get_one(User, staff["labtech"].id), "contact")
        number = draw.draw(case, ["igra"], None, "", db.session.get_one(User, staff["phlebotomist"].id))[0].number
        case_id = case.id
    assert 'href="/laboratory/bench/igra?state=enter"' in technician.get("/laboratory/bench").text
    page = _text(technician.get("/laboratory/bench/igra"))
    assert number in page and f'href="/cases/{case_id}/laboratory"' in page and "To be entered" in page
    assert f'href="/cases/{case_id}/laboratory"' not in _text(supervisor.get("/laboratory/bench/igra?day=2020-01-01"))
    assert technician.get("/laboratory/bench/igra?day=soon").status_code == 422
    assert technician.get("/laboratory/bench/no-such-test").status_code == 404
