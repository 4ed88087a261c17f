"""The second person of one case: ticks for what is normal, everything else opened; sent back and entered anew."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic.db import db, read_unit
from clinic.models import Case, CaseState, LabResult, ResultStatus, SpecimenKind, User
from clinic.schemas.laboratory import NewResult, NewSpecimen
from clinic.services import laboratory, specimen
from clinic.services.plausibility import get_today
from tests.factory import make_case, make_user
from tests.sign_in import sign_in


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case on which nothing has been done."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def technician(case: Case) -> User:
    """The first person."""
    return make_user("labtech", case.site)


def _enter(case: Case, technician: User, test: str, value: str) -> str:
    return laboratory.enter_result(case, NewResult(test, value, get_today(case)), technician).id


def _text(answer: object) -> str:
    return re.sub(r"\s+", " ", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def _statuses() -> dict[str, ResultStatus]:
    with read_unit() as session:
        return {row.test: row.status for row in session.execute(select(LabResult)).unique().scalars()}


def test_normal_results_have_a_tick_and_positive_ones_a_page(app: Flask, case: Case, technician: User) -> None:
    normal = _enter(case, technician, "syphilis-nontreponemal", "nonreactive")
    positive = _enter(case, technician, "igra", "positive")
    address = f"/cases/{case.id}/second-person"
    text = _text(sign_in(app, make_user("labsupervisor"), case.id).get(address))
    assert f'value="{normal}"' in text
    assert f'value="{positive}"' not in text
    assert f"laboratory/{positive}?from=case" in text


def test_sending_back_and_withdrawing_are_told_apart(app: Flask, case: Case, technician: User) -> None:
    """Two forms that looked alike: a reason and a button each."""
    row = _enter(case, technician, "igra", "positive")
    client = sign_in(app, make_user("labsupervisor"), case.id)
    page = f"/cases/{case.id}/laboratory/{row}"
    text = _text(client.get(page))
    assert "Does it not agree?" in text and "Send back, because" in text
    assert '<details class="fold"><summary>It should never have been here</summary>' in text
    wrong = client.post(f"{page}/withdraw", data={"reason": ""})
    assert wrong.status_code == 422
    assert '<details class="fold" open><summary>It should never have been here</summary>' in _text(wrong)


def test_correction_after_the_signature_is_opened_from_the_list(app: Flask, case: Case, technician: User) -> None:
    row = _enter(case, technician, "syphilis-nontreponemal", "nonreactive")
    case.state = CaseState.SIGNED
    text = _text(sign_in(app, make_user("labsupervisor")).get(f"/cases/{case.id}/second-person"))
    assert f'value="{row}"' not in text and ">Waits<" not in text, "nothing is ticked together any more"
    assert re.search(rf'button--small" href="/cases/{case.id}/laboratory/{row}', text)


def test_author_of_a_correction_after_the_signature_takes_it_back(app: Flask, case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, NewResult("syphilis-nontreponemal", "nonreactive", get_today(case)), technician)
    laboratory.confirm_result(row, make_user("nurse", case.site))
    case.state = CaseState.SIGNED
    made = laboratory.correct_result(
        row, NewResult("syphilis-nontreponemal", "reactive", get_today(case)), "read again", technician)
    base = f"/cases/{case.id}/laboratory/{made.id}"
    other = sign_in(app, make_user("labtech", case.site))
    assert "Nobody has confirmed it." not in _text(other.get(base))
    client = sign_in(app, technician)
    assert "Nobody has confirmed it." in _text(client.get(base))
    assert client.post(f"{base}/withdraw", data={}).status_code == 422
    assert client.post(f"{base}/withdraw", data={"reason": "another person"}).status_code == 302
    page = _text(client.get(base))
    assert "Withdrawn" in page and "stands again" in page and "Sent back by" not in page
    sheet = _text(client.get(f"/cases/{case.id}/laboratory"))
    assert sheet.count("another person") == 1, "the reason stands there once"


def test_who_corrects_after_the_signature_is_told_beforehand_what_comes_of_it(
    app: Flask, case: Case, technician: User
) -> None:
    row = laboratory.enter_result(case, NewResult("syphilis-nontreponemal", "nonreactive", get_today(case)), technician)
    laboratory.confirm_result(row, make_user("nurse", case.site))
    base, users = f"/cases/{case.id}/laboratory/{row.id}", [technician, make_user("reception", case.site)]
    case.state = CaseState.SIGNED
    told = ["asks the physician at once" in _text(sign_in(app, user).get(base)) for user in users]
    assert told == [True, False], "who may correct"


def test_ticked_results_are_confirmed_together(app: Flask, case: Case, technician: User) -> None:
    ids = [_enter(case, technician, test, value) for test, value in (
        ("syphilis-nontreponemal", "nonreactive"), ("igra", "negative"))]
    client = sign_in(app, make_user("labsupervisor"), case.id)
    answer = client.post(f"/cases/{case.id}/second-person", data={"results": ids})
    assert answer.status_code == 302
    assert set(_statuses().values()) == {ResultStatus.FINAL}


def test_positive_result_slipped_in_confirms_nothing(app: Flask, case: Case, technician: User) -> None:
    ids = [_enter(case, technician, test, value) for test, value in (
        ("syphilis-nontreponemal", "nonreactive"), ("igra", "positive"))]
    client = sign_in(app, make_user("labsupervisor"), case.id)
    assert client.post(f"/cases/{case.id}/second-person", data={"results": ids}).status_code == 409
    assert set(_statuses().values()) == {ResultStatus.PRELIMINARY}


def test_confidential_result_hides_its_value_and_is_opened_whatever_it_says(
    app: Flask, case: Case, technician: User
) -> None:
    negative = _enter(case, technician, "hiv", "negative")
    client = sign_in(app, make_user("labsupervisor"), case.id)
    text = _text(client.get(f"/cases/{case.id}/second-person"))
    assert "HIV 1/2" in text and "Negative" not in text and f'value="{negative}"' not in text
    assert client.post(f"/cases/{case.id}/second-person", data={"results": negative}).status_code == 409


def test_withdrawn_after_it_counted_is_not_called_sent_back(app: Flask, case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), technician)
    laboratory.confirm_result(row, make_user("nurse", case.site))
    laboratory.withdraw_result(row, "another person's tube", technician)
    text = _text(sign_in(app, technician, case.id).get(f"/cases/{case.id}/laboratory"))
    assert "Withdrawn" in text and "Sent back" not in text


def test_no_tick_is_an_error_and_own_results_have_none(app: Flask, case: Case) -> None:
    supervisor = make_user("labsupervisor", case.site)
    own = _enter(case, supervisor, "igra", "negative")
    client = sign_in(app, supervisor, case.id)
    assert f'value="{own}"' not in _text(client.get(f"/cases/{case.id}/second-person"))
    refused = client.post(f"/cases/{case.id}/second-person", data={})
    assert refused.status_code == 422 and 'href="#results"' in _text(refused)
    assert client.post(f"/cases/{case.id}/second-person", data={"results": own}).status_code == 403


def test_three_specimens_with_smear_and_culture_take_one_page(app: Flask, case: Case, technician: User) -> None:
    first = get_today(case) - timedelta(days=60)
    for day in range(3):
        made = specimen.take_specimen(case, NewSpecimen(
            SpecimenKind.SPUTUM, first + timedelta(days=day), confirmed=["late-entry"]), technician)
        _enter_sputum(case, technician, made.id, first)
    db.session.commit()
    client = sign_in(app, make_user("labsupervisor"), case.id)
    page = _text(client.get(f"/cases/{case.id}/second-person"))
    ids = re.findall(r'name="results" value="([^"]+)"', page)
    assert len(ids) == 6
    assert client.post(f"/cases/{case.id}/second-person", data={"results": ids}).status_code == 302
    with read_unit() as session:
        rows = session.execute(select(LabResult)).unique().scalars().all()
        assert [row.status for row in rows] == [ResultStatus.FINAL] * 6


def _enter_sputum(case: Case, technician: User, specimen_id: str, first: date) -> None:
    for test, reported in (("sputum-smear", first + timedelta(days=5)), ("sputum-culture", first + timedelta(days=58))):
        laboratory.enter_result(case, NewResult(test, "negative", None, reported, specimen_id), technician)


def test_sent_back_result_shows_its_reason_to_the_technician_and_keeps_the_old_version(
    app: Flask, case: Case, technician: User
) -> None:
    refused = _enter(case, technician, "igra", "positive")
    supervisor = sign_in(app, make_user("labsupervisor"), case.id)
    supervisor.post(f"/cases/{case.id}/laboratory/{refused}/refuse", data={"reason": "tube of another person"})
    client = sign_in(app, db.session.get_one(User, technician.id), case.id)
    assert "tube of another person" in _text(client.get(f"/cases/{case.id}/laboratory"))
    made = client.post(f"/cases/{case.id}/laboratory", data={
        "performed_on": get_today(case).isoformat(), "igra.value": "negative"})
    assert made.status_code == 302
    with read_unit() as session:
        row = session.execute(select(LabResult).where(LabResult.revision == 2)).unique().scalar_one()
    text = _text(client.get(f"/cases/{case.id}/laboratory/{row.id}"))
    assert "All versions" in text and "tube of another person" in text and "Sent back" in text


def test_earlier_value_of_the_person_stands_beside_the_new_one(app: Flask, case: Case, technician: User) -> None:
    earlier = laboratory.enter_result(
        case, NewResult("igra", "negative", get_today(case) - timedelta(days=30)), technician)
    laboratory.confirm_result(earlier, make_user("nurse", case.site))
    row = _enter(case, technician, "igra", "positive")
    text = _text(sign_in(app, make_user("labsupervisor"), case.id).get(f"/cases/{case.id}/laboratory/{row}"))
    assert "Earlier values" in text and "was negative, now positive" in text


def test_lists_show_the_version_that_a_correction_replaces(app: Flask, case: Case, technician: User) -> None:
    row = laboratory.enter_result(case, NewResult("igra", "negative", get_today(case)), technician)
    laboratory.confirm_result(row, make_user("nurse", case.site))
    laboratory.correct_result(
        row, NewResult("igra", "positive", get_today(case)), "lines of the report were mixed up", technician)
    client = sign_in(app, make_user("labsupervisor"), case.id)
    text = _text(client.get(f"/cases/{case.id}/second-person"))
    assert "corrected: lines of the report were mixed up · was negative, now positive" in text


def test_what_is_typed_unseen_is_not_told_by_how_it_changed(app: Flask, technician: User) -> None:
    """The difference to an earlier value gives the value away."""
    nz = make_case("nz", user=make_user("reception", technician.site))
    before = laboratory.enter_result(
        nz, NewResult("hba1c", "38", get_today(nz) - timedelta(days=30), unit="mmol/mol"), technician)
    before.status = ResultStatus.FINAL
    row = laboratory.enter_result(nz, NewResult("hba1c", "45", get_today(nz), unit="mmol/mol"), technician)
    assert row.series_id != before.series_id
    text = _text(sign_in(app, make_user("labsupervisor"), nz.id).get(f"/cases/{nz.id}/second-person"))
    assert "higher by" not in text and text.count("Hidden: you type it a second time") == 2


def test_unit_is_chosen_and_less_than_is_kept_as_written(app: Flask, technician: User) -> None:
    nz = make_case("nz", user=make_user("reception", technician.site))
    client = sign_in(app, technician, nz.id)
    form = {"performed_on": get_today(nz).isoformat(), "creatinine.value": "80", "creatinine-egfr.value": ">90"}
    refused = client.post(f"/cases/{nz.id}/laboratory", data=form)
    assert refused.status_code == 422 and 'href="#creatinine.unit"' in _text(refused)
    assert client.post(f"/cases/{nz.id}/laboratory", data=form | {"creatinine.unit": "umol/L"}).status_code == 302
    with read_unit() as session:
        rows = session.execute(select(LabResult)).unique().scalars()
        found = {row.test: (row.value, row.unit) for row in rows}
    assert found == {"creatinine": ("80", "umol/L"), "creatinine-egfr": (">90", "mL/min/{1.73_m2}")}
