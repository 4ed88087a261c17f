"""Readings of films: the form's own rules, pregnancy, corrections."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic import clock
from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.errors import CaseChanged, InvalidInput, NotNow
from clinic.models import Answer, Case, ResultStatus, Sex, Task, User
from clinic.schemas.door import load
from clinic.schemas.imaging import NewReading, XrayReadingIn
from clinic.services import radiology
from clinic.services.fact import build_results
from clinic.services.plausibility import get_today
from tests.factory import make_applicant, make_case, make_user


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of a woman who is not pregnant."""
    return make_case("us", user=make_user("reception"))


@pytest.fixture
def radiologist(case: Case) -> User:
    """Who reads."""
    return make_user("radiologist", case.site)


def _new(case: Case, *findings: str, **more: Any) -> NewReading:
    given: dict[str, Any] = {"taken_on": get_today(case).isoformat(), "view": "pa", "findings": list(findings)} | more
    given["confirmed"] = [*more.get("confirmed", ()), radiology.ELSEWHERE]
    return load(XrayReadingIn(), {name: value for name, value in given.items() if value is not None})


def test_reading_counts_at_once(case: Case, radiologist: User) -> None:
    row = radiology.record_reading(case, _new(case, "NORMAL"), radiologist)
    assert (row.status, row.confirmed_by_id) == (ResultStatus.FINAL, None)
    assert build_results(case)["chest_xray"] == {"taken": row.taken_on.isoformat(), "findings": ["NORMAL"]}


@pytest.mark.parametrize(("findings", "more", "field"), [
    (["NORMAL", "CAVITY"], {}, "findings"),
    ([], {}, "findings"),
    (["SHADOW"], {}, "findings"),
    (["OTHER_TB"], {}, "remark"),
    (["NORMAL"], {"taken_on": None}, "taken_on"),
    (["NORMAL"], {"view": None}, "view"),
    (["NORMAL"], {"deferred": "pregnancy"}, "deferred"),
])
def test_reading_that_the_form_forbids_is_refused(
    case: Case, findings: list[str], more: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        _new(case, *findings, **more)
    assert field in caught.value.fields


def test_correction_keeps_the_old_reading(case: Case, radiologist: User) -> None:
    row = radiology.record_reading(case, _new(case, "NORMAL"), radiologist)
    made = radiology.correct_reading(row, _new(case, "CAVITY"), "seen again on the large screen", radiologist)
    assert (row.findings, row.superseded_at is not None) == (["NORMAL"], True)
    assert (made.status, made.revision) == (ResultStatus.CORRECTED, 2)
    assert build_results(case)["chest_xray"]["findings"] == ["CAVITY"]
    with pytest.raises(CaseChanged):
        radiology.correct_reading(row, _new(case, "NORMAL"), "once more", radiologist)


def test_second_reading_of_the_same_film_is_refused(case: Case, radiologist: User) -> None:
    radiology.record_reading(case, _new(case, "NORMAL"), radiologist)
    with pytest.raises(NotNow):
        radiology.record_reading(case, _new(case, "CAVITY"), radiologist)


def test_withdrawn_reading_does_not_count(case: Case, radiologist: User) -> None:
    row = radiology.record_reading(case, _new(case, "NORMAL"), radiologist)
    radiology.withdraw_reading(row, "film of another person", radiologist)
    assert build_results(case) == {}
    assert radiology.list_readings(case) == [row]


def _case_with_pregnancy(answer: Answer, **person: Any) -> Case:
    user = make_user("reception")
    return make_case("us", make_applicant(user, **person), user, circumstances={"pregnant": answer})


def test_woman_whose_pregnancy_is_not_known_gets_no_reading(app: Flask) -> None:
    case = _case_with_pregnancy(Answer.UNKNOWN)
    with pytest.raises(InvalidInput) as caught:
        radiology.record_reading(case, _new(case, "NORMAL"), make_user("radiologist", case.site))
    assert "Pregnancy" in caught.value.fields["taken_on"][0]


def test_man_is_not_asked_for_pregnancy(app: Flask) -> None:
    case = _case_with_pregnancy(Answer.UNKNOWN, sex=Sex.MALE)
    assert radiology.record_reading(case, _new(case, "NORMAL"), make_user("radiologist", case.site)).counts


def test_film_in_pregnancy_asks_for_consent_and_shielding(app: Flask) -> None:
    case = _case_with_pregnancy(Answer.YES)
    radiologist = make_user("radiologist", case.site)
    with pytest.raises(NeedsConfirmation) as caught:
        radiology.record_reading(case, _new(case, "NORMAL"), radiologist)
    assert [caution.code for caution in caught.value.cautions] == [radiology.ELSEWHERE, "pregnant"]
    assert radiology.record_reading(case, _new(case, "NORMAL", confirmed=["pregnant"]), radiologist).counts


def test_film_is_put_off_only_in_pregnancy(case: Case, radiologist: User) -> None:
    put_off = {"taken_on": None, "view": None, "deferred": "pregnancy"}
    with pytest.raises(InvalidInput):
        radiology.record_reading(case, _new(case, **put_off), radiologist)
    pregnant = _case_with_pregnancy(Answer.YES)
    radiology.record_reading(pregnant, _new(pregnant, **put_off), make_user("radiologist", pregnant.site))
    assert build_results(pregnant)["chest_xray"] == {"deferred": "pregnancy"}


def test_child_without_lateral_view_asks_for_a_tick(app: Flask) -> None:
    year = 2026
    case = _case_with_pregnancy(Answer.NO, birth_date=f"{year - 5}-01-01")
    with pytest.raises(NeedsConfirmation) as caught:
        radiology.record_reading(case, _new(case, "NORMAL", view="ap"), make_user("radiologist", case.site))
    assert [caution.code for caution in caught.value.cautions] == [radiology.ELSEWHERE, "lateral"]


@pytest.mark.parametrize(("programme", "age", "asked"), [
    ("au", 10, True), ("us", 10, False), ("us", 9, True), ("uk", 5, False), ("ca", 5, False), ("nz", 5, False)])
def test_lateral_view_is_asked_for_by_the_programmes_own_age(
    app: Flask, programme: str, age: int, asked: bool
) -> None:
    """The United States' age stood for everybody: no lateral view at ten for Australia, one for a British child."""
    with clock.stopped_at(datetime(2026, 7, 1, 9, tzinfo=UTC)):
        case = make_case(programme, make_applicant(make_user("reception"), birth_date=f"{2026 - age}-01-01"))
        assert radiology.needs_lateral(case, get_today(case)) is asked


def _list_repeats(case: Case) -> list[tuple[str, str | None]]:
    rows = db.session.execute(select(Task).where(Task.kind == "film-repeat", Task.case_id == case.id)
                              .order_by(Task.opened_at, Task.id)).unique().scalars()
    return [(row.due_on.isoformat(), row.outcome) for row in rows]


@pytest.mark.database
def test_suspicious_film_is_asked_for_again_after_three_months(app: Flask) -> None:
    """Canada, Australia and New Zealand ask for it; an alert said so, and nobody was asked on the day."""
    days = {name: date(2026, 3, 2) + timedelta(days=n) for name, n in {"first": 0, "near": 20, "due": 90}.items()}
    case = make_case("ca", make_applicant(make_user("reception"), sex=Sex.MALE))
    radiologist = make_user("radiologist", case.site)
    with clock.stopped_at(datetime(2026, 7, 1, 9, tzinfo=UTC)):
        radiology.record_reading(case, _taken(days["first"], "INFILTRATE"), radiologist)
        assert _list_repeats(case) == [(days["due"].isoformat(), None)]
        near = radiology.record_reading(case, _taken(days["near"], "NORMAL"), radiologist)
        assert _list_repeats(case) == [(days["due"].isoformat(), None)], "too soon to show anything"
        radiology.withdraw_reading(near, "of another person", radiologist)
        radiology.record_reading(case, _taken(days["due"], "INFILTRATE"), radiologist)
        assert _list_repeats(case) == [(days["due"].isoformat(), "collected")]


@pytest.mark.database
@pytest.mark.parametrize(("programme", "findings", "asked"), [
    ("au", "INFILTRATE", 1), ("nz", "INFILTRATE", 1), ("ca", "NORMAL", 0), ("us", "INFILTRATE", 0),
    ("uk", "INFILTRATE", 0)])
def test_film_is_asked_for_again_where_the_programme_says_so(
    app: Flask, programme: str, findings: str, asked: int
) -> None:
    case = make_case(programme, make_applicant(make_user("reception"), sex=Sex.MALE))
    radiologist = make_user("radiologist", case.site)
    result = "tb" if programme == "uk" else None
    row = radiology.record_reading(case, _taken(get_today(case), findings, result), radiologist)
    assert len(_list_repeats(case)) == asked
    radiology.withdraw_reading(row, "of another person", radiologist)
    assert {outcome for _due, outcome in _list_repeats(case)} == ({"not-needed"} if asked else set())


def _taken(day: date, finding: str, result: str | None = None) -> NewReading:
    return NewReading(taken_on=day, view="pa", findings=(finding,), result=result, confirmed=[
        radiology.ELSEWHERE, "long-ago-taken_on", "late-entry"])
