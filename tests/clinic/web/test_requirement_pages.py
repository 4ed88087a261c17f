"""The physician's own examinations on the case page: added with a reason, told why, withdrawn with a reason."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.models import Case
from clinic.schemas.imaging import NewReading
from clinic.services import radiology
from clinic.services.plausibility import get_today
from tests.factory import make_case
from tests.sign_in import sign_in
from tests.us_case import Staff, make_staff


@pytest.fixture
def staff(app: Flask) -> Staff:
    return make_staff()


@pytest.fixture
def case(staff: Staff) -> Case:
    return make_case("us", user=staff.reception)


def test_physician_adds_and_withdraws_with_reasons_that_the_case_page_tells(
    app: Flask, staff: Staff, case: Case
) -> None:
    client, base = sign_in(app, staff.physician), f"/cases/{case.id}"
    assert f"{base}/requirements/new" in client.get(base).get_data(as_text=True)
    assert client.post(f"{base}/requirements/new", data={"exam": "hiv", "reason": "x"}).status_code == 422
    assert client.post(f"{base}/requirements/new", data={"exam": "", "reason": "risk told"}).status_code == 422
    assert client.post(f"{base}/requirements/new", data={"exam": "hiv", "reason": "risk told"}).status_code == 302
    page = client.get(base).get_data(as_text=True)
    assert "risk told" in page and f"Asked for by {staff.physician.name}" in page
    place = page.split("/withdraw")[0].rsplit('href="', 1)[1] + "/withdraw"
    assert client.get(place).status_code == 200
    assert client.post(place, data={"reason": ""}).status_code == 422
    assert client.post(place, data={"reason": "the applicant declines"}).status_code == 302
    page = client.get(base).get_data(as_text=True)
    assert "the applicant declines" in page and "Not required any more" in page


def test_case_page_names_the_finding_that_asks_for_more(app: Flask, staff: Staff, case: Case) -> None:
    reading = NewReading(get_today(case), "pa", ("CAVITY",), confirmed=[radiology.ELSEWHERE])
    radiology.record_reading(case, reading, staff.radiologist)
    page = sign_in(app, staff.nurse).get(f"/cases/{case.id}").get_data(as_text=True)
    assert "Because of Chest X-ray," in page and "Cavitary lesion" in page


def test_who_is_no_physician_may_not_add(app: Flask, staff: Staff, case: Case) -> None:
    client = sign_in(app, staff.nurse)
    assert "requirements/new" not in client.get(f"/cases/{case.id}").get_data(as_text=True)
    assert client.post(f"/cases/{case.id}/requirements/new", data={"exam": "hiv"}).status_code == 403
