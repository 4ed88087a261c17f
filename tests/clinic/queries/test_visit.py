"""Who is here today: arrival and number, the station where each waits, what for, and who has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from clinic import clock
from clinic.db import db
from clinic.errors import AlreadyDone, NotNow
from clinic.models import Case, CaseState, IdentityMethod, PhotoSource, SpecimenKind, User
from clinic.queries.visit import count_here, count_lists, list_here
from clinic.queries.waiting import View
from clinic.queries.worklist import Filter, count_cases, count_mine
from clinic.schemas.imaging import NewReading
from clinic.schemas.laboratory import NewSpecimen
from clinic.services import form, radiology, visit
from clinic.services.identity import confirm_identity, record_mismatch
from clinic.services.photo import record_photo
from clinic.services.plausibility import get_today
from clinic.services.radiology import record_reading
from clinic.services.specimen import take_specimen
from clinic.station import list_stations
from clinic.waiting_room import Place, Stop, find_place, list_errands
from clinic.xray_finding import XrayResult
from tests.factory import make_case, make_site, make_user
from tests.sign_in import give_consent

NOON = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # noon in Nairobi
XRAY = list_stations()["xray"]


@pytest.fixture
def clerk(app: Flask) -> User:
    return make_user("reception")


def find_stop(case: Case, clerk: User) -> Place:
    """The place of the one person who is here."""
    here, _is_cut = list_here(clerk)
    row, standing, presence = next(one for one in here if one[0].id == case.id)
    return find_place(row, standing, presence, clock.today("Africa/Nairobi"), "Africa/Nairobi")


def list_paths(case: Case, clerk: User) -> set[str]:
    """Everything the one person who is here can do today."""
    (one,) = list_here(clerk)[0]
    return {errand.path for errand in list_errands(*one, clock.today("Africa/Nairobi"), "Africa/Nairobi")}


def take_photo(case: Case, clerk: User) -> None:
    record_photo(case, "0" * 64, 10, PhotoSource.CAMERA, clerk)


def test_arrivals_are_numbered_each_day_and_leave_the_list_when_gone(clerk: User) -> None:
    with clock.stopped_at(NOON):
        first, second = make_case("us", user=clerk), make_case("us", user=clerk)
        assert count_here(clerk) == 0  # opening a case alone says nothing about where the person is
        assert [visit.check_in(case, clerk).number for case in (first, second)] == [1, 2]
        assert count_here(clerk) == 2
        visit.check_out(first, clerk)
        assert [row.id for row, _standing, _presence in list_here(clerk)[0]] == [second.id]
        with pytest.raises(AlreadyDone):
            visit.check_out(first, clerk)
        with pytest.raises(AlreadyDone):
            visit.check_in(second, clerk)
        assert visit.check_in(first, clerk).number == 1  # came back the same day
    with clock.stopped_at(NOON + timedelta(days=1)):
        assert count_here(clerk) == 0
        assert visit.check_in(second, clerk).number == 1


def test_day_is_the_one_of_the_site(clerk: User) -> None:
    late = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)  # half past midnight in Nairobi
    with clock.stopped_at(late):
        case = make_case("us", user=clerk)
        assert visit.check_in(case, clerk).visited_on.isoformat() == "2026-03-03"
        assert count_here(clerk) == 1


def test_ended_case_cannot_be_checked_in(clerk: User) -> None:
    case = make_case("us", user=clerk)
    case.state = CaseState.WITHDRAWN
    with pytest.raises(NotNow):
        visit.check_in(case, clerk)


def test_who_is_met_is_here_and_who_completes_notes_later_meets_nobody(clerk: User) -> None:
    case = make_case("us", user=clerk)
    nurse, exam = make_user("nurse"), list_stations()["exam"]
    with clock.stopped_at(NOON):
        confirm_identity(case, exam, IdentityMethod.KNOWN, nurse)
        assert count_here(clerk) == 1
    with clock.stopped_at(NOON + timedelta(days=1)):
        confirm_identity(case, exam, IdentityMethod.EARLIER_VISIT, nurse)
        assert count_here(clerk) == 0


def test_other_site_sees_nobody(clerk: User) -> None:
    visit.check_in(make_case("us", user=clerk), clerk)
    stranger = make_user("reception", make_site("AMM"))
    assert count_here(stranger) == 0 and list_here(stranger) == ([], False)


def test_person_passes_the_stations_in_order(clerk: User) -> None:
    case = make_case("us", user=clerk)
    visit.check_in(case, clerk)
    place = find_stop(case, clerk)
    assert (place.errand.stop, place.errand.path) == (Stop.RECEPTION, "photo")
    assert place.then == (Stop.CONSENT, Stop.HISTORY, Stop.XRAY, Stop.LABORATORY, Stop.VACCINATION)
    take_photo(case, clerk)
    assert find_stop(case, clerk).errand.stop is Stop.CONSENT
    give_consent(case)
    place = find_stop(case, clerk)
    assert place.errand.stop is Stop.HISTORY and place.errand.why == "To do: Medical history and physical examination"
    nurse = make_user("nurse", name="Otieno Were")
    form.save_draft(case, "us-medical-exam", {}, None, nurse)
    place = find_stop(case, clerk)
    assert place.errand.stop is Stop.EXAM and place.errand.why.startswith("In progress")


def test_whoever_confirmed_has_the_person_in_front_of_them(clerk: User) -> None:
    radiographer = make_user("radiographer", name="Kamau Gitau")
    with clock.stopped_at(NOON):
        case = make_case("us", user=clerk)
        visit.check_in(case, clerk)
        take_photo(case, clerk)
        give_consent(case)
    with clock.stopped_at(NOON + timedelta(minutes=20)):
        assert find_stop(case, clerk).with_ is None
        confirm_identity(case, XRAY, IdentityMethod.KNOWN, radiographer)
        place = find_stop(case, clerk)
        assert place.errand.stop is Stop.XRAY and place.with_ is not None
        assert (place.with_.by, place.since) == ("Kamau Gitau", NOON + timedelta(minutes=20))
        reading = NewReading(get_today(case), "pa", ("NORMAL",), confirmed=[radiology.ELSEWHERE])
        record_reading(case, reading, make_user("radiologist"))
        after = find_stop(case, clerk)
        assert after.errand.stop is Stop.HISTORY and after.with_ is None


def test_who_gave_sputum_today_is_not_sent_to_give_it_again_before_tomorrow(clerk: User) -> None:
    technician = make_user("labtech")
    with clock.stopped_at(NOON):
        case = make_case("us", user=clerk)
        record_reading(case, NewReading(get_today(case), "pa", ("INFILTRATE",), result=XrayResult.TB.value,
                                        confirmed=[radiology.ELSEWHERE]), make_user("radiologist"))
        visit.check_in(case, clerk)
        assert "sputum" in list_paths(case, clerk)
        take_specimen(case, NewSpecimen(SpecimenKind.SPUTUM, get_today(case)), technician)
        assert "sputum" not in list_paths(case, clerk)
    with clock.stopped_at(NOON + timedelta(days=1)):
        visit.check_in(case, clerk)
        assert "sputum" in list_paths(case, clerk)


def test_mismatch_holds_the_case_at_reception(clerk: User) -> None:
    case = make_case("us", user=clerk)
    visit.check_in(case, clerk)
    record_mismatch(case, XRAY, "another face", make_user("radiographer"))
    place = find_stop(case, clerk)
    assert place.errand.stop is Stop.RECEPTION and place.errand.why == "On hold" and place.with_ is None


def test_list_takes_the_same_number_of_queries_however_many_are_here(clerk: User) -> None:
    statements: list[Any] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def count_statements() -> int:
        db.session.flush()
        statements.clear()
        list_here(clerk)
        return len(statements)

    visit.check_in(make_case("us", user=clerk), clerk)
    one = count_statements()
    for _each in range(5):
        case = make_case("us", user=clerk)
        visit.check_in(case, clerk)
        give_consent(case)
    assert count_statements() == one


@pytest.mark.parametrize("views", [(), (View.SIGN,), (View.TAKE,), tuple(View)])
def test_counts_of_the_lists_are_those_of_each_list(clerk: User, views: tuple[View, ...]) -> None:
    physician, elsewhere = make_user("physician"), make_user("reception", make_site("KSM"))
    cases = [make_case("us", user=clerk) for _each in range(3)] + [make_case("us", user=elsewhere)]
    visit.check_in(cases[0], clerk)
    cases[1].state = CaseState.CLOSED
    today = clock.now() - timedelta(hours=1)
    for user in (clerk, physician, elsewhere):
        assert count_lists(user, views, today) == (
            count_mine(user, views, today), count_here(user), count_cases(user, Filter()))
    assert count_lists(clerk, views, today)[1:] == (1, 2)
