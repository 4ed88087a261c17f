"""Films of a case: whose they are, which may be read, and what is never taken twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydicom import Dataset
from sqlalchemy import select

from clinic.caution import NeedsConfirmation
from clinic.db import db
from clinic.dicom.preparation import prepare
from clinic.errors import AlreadyDone, InvalidInput, NotAllowed, NotFound, NotNow
from clinic.models import AuditChange, Case, FamilyKind, Film, FilmState, Relation, Sex, User
from clinic.schemas.imaging import NewReading
from clinic.services import film as films
from clinic.services import radiology
from clinic.services.family import found_family, join_family
from clinic.services.film import Receipt
from clinic.services.film_file import FilmFiles
from clinic.services.plausibility import get_today
from fhir.encoder import decode
from fhir.store import find_newest
from tests.factory import make_applicant, make_case, make_site, make_user
from tests.film import make_film

NAME = {"family_name": "Wanjiru", "given_names": "Grace Achieng", "birth_date": "1991-01-05"}


@pytest.fixture
def case(app: Flask) -> Case:
    """A US case of the woman whom the test films show."""
    user = make_user("reception")
    return make_case("us", make_applicant(user, **NAME), user)


@pytest.fixture
def sender(case: Case) -> User:
    """Who sends."""
    return make_user("radiographer", case.site)


@pytest.fixture
def send(case: Case, sender: User, app: Flask) -> Callable[..., tuple[Receipt, Film | None]]:
    """Receive a film; `to`: another case than the usual one; `change` alters its tags."""
    files = FilmFiles(app.config["CLEARWAY"], prepare)

    def _send(to: Case | None = None, change: Callable[[Dataset], None] | None = None,
              **values: Any) -> tuple[Receipt, Film | None]:
        content = make_film(change, **{"taken_on": get_today(case)} | values)
        summary, kept = files.receive(lambda place: place.write_bytes(content))
        return films.receive_film(to or case, summary, kept, sender)

    return _send


def _new(send: Callable[..., tuple[Receipt, Film | None]], **values: Any) -> Film:
    receipt, film = send(**values)
    assert receipt is Receipt.NEW and film is not None
    return film


def _set(**values: Any) -> Callable[[Dataset], None]:
    def change(film: Dataset) -> None:
        for name, value in values.items():
            setattr(film, name, value)
    return change


def test_film_of_this_person_is_accepted(case: Case, send: Any) -> None:
    film = _new(send, patient_id=case.number)
    assert (film.state, film.remarks) == (FilmState.ACCEPTED, [])
    assert film.person == {"name": "match", "birth_date": "match", "sex": "match", "number": "match"}
    assert (film.view, film.modality, film.rows, film.taken_on) == ("pa", "DX", 256, get_today(case))


@pytest.mark.parametrize(("name", "expected"), [
    ("WANJIRU^GRACE ACHIENG", "match"), ("Achieng^Grace^Wanjiru", "match"), ("WANJIRU GRACE ACHIENG", "match"),
    ("WANJIRU^GRACE", "similar"), ("WANJIRU^GRACE ACHENG", "similar"), ("OTIENO^GRACE ACHIENG", "differs"),
    ("WANJIRU^PETER", "differs"), ("", "missing"),
])
def test_name_on_the_film_is_compared_as_names_are_written(send: Any, name: str, expected: str) -> None:
    assert _new(send, name=name).person["name"] == expected


@pytest.mark.parametrize(("values", "remark"), [
    ({"name": "OTIENO^PETER"}, "other-person"), ({"birth_date": "19910501"}, "other-person"),
    ({"sex": "M"}, "other-person"), ({"name": ""}, "nobody"),
])
def test_film_of_perhaps_another_person_is_kept_from_the_reading(
    case: Case, send: Any, values: dict[str, Any], remark: str
) -> None:
    film = _new(send, **values)
    assert film.state is FilmState.QUARANTINED and remark in film.remarks
    with pytest.raises(InvalidInput) as caught:
        _read(case, film)
    assert "film_id" in caught.value.fields


@pytest.mark.parametrize(("given", "born", "film", "is_doubted"), [
    ("Grace Acheng", "1991-01-05", {"name": "WANJIRU^GRACE ACHENG"}, True),
    ("Grace", "1991-01-05", {"name": "WANJIRU^GRACE"}, True),
    ("Grace", "1960-02-01", {"name": "WANJIRU^GRACE"}, False),
    ("Grace", "1991-01-05", {"name": "WANJIRU^GRACE", "birth_date": ""}, False),
    ("Grace", "1991-01-05", {"name": "WANJIRU^GRACE ACHIENG"}, False),
])
def test_name_that_fits_somebody_else_better_keeps_a_film_from_the_reading(
    case: Case, send: Any, given: str, born: str, film: dict[str, str], is_doubted: bool
) -> None:
    """A twin's film, sent to the other twin's case, was taken for the same name written otherwise."""
    make_applicant(make_user("reception", case.site), family_name="Wanjiru", given_names=given, birth_date=born)
    found = _new(send, **film)
    assert ("better-named" in found.remarks, found.state is FilmState.QUARANTINED) == (is_doubted, is_doubted)


def test_film_without_a_birth_date_is_compared_with_the_family(case: Case, send: Any) -> None:
    user = make_user("reception", case.site)
    father = make_applicant(user, family_name="Wanjiru", given_names="Grace", birth_date="1960-02-01")
    family = found_family(father, {"kind": FamilyKind.FAMILY, "name": "Wanjiru", "authority_number": None}, user)
    join_family(family, case.applicant, Relation.CHILD, user)
    assert "better-named" in _new(send, name="WANJIRU^GRACE", birth_date="").remarks


def _read(case: Case, film: Film | None, **values: Any) -> Any:
    usual: dict[str, Any] = {"taken_on": get_today(case), "view": "pa", "findings": ("NORMAL",),
                             "film_id": film.id if film else None, "confirmed": [radiology.ELSEWHERE]}
    return radiology.record_reading(case, NewReading(**usual | values), make_user("radiologist", case.site))


def test_film_without_a_name_but_with_our_number_is_accepted(case: Case, send: Any) -> None:
    assert _new(send, name="", accession=case.number).state is FilmState.ACCEPTED


def test_second_look_is_another_persons(case: Case, send: Any, sender: User) -> None:
    film = _new(send, sex="M")
    with pytest.raises(NotAllowed):
        films.confirm_film(film, "photo compared, console slip", sender)
    films.confirm_film(film, "photo compared, console slip", make_user("radiologist", case.site))
    assert film.state is FilmState.ACCEPTED and film.reason
    with pytest.raises(AlreadyDone):
        films.confirm_film(film, "once more", make_user("radiologist", case.site))
    assert _read(case, film).film_id == film.id


def test_reading_beside_a_film_in_quarantine_asks_for_a_tick(case: Case, send: Any) -> None:
    _new(send, sex="M")
    with pytest.raises(NeedsConfirmation) as caught:
        _read(case, None)
    assert [caution.code for caution in caught.value.cautions] == [radiology.ELSEWHERE, "quarantined-film"]


def test_rejected_film_stays_and_is_never_read(case: Case, send: Any, sender: User) -> None:
    film = _new(send)
    films.reject_film(film, "arms in the picture", sender)
    assert films.list_films(case) == [film] and film.state is FilmState.REJECTED
    with pytest.raises(InvalidInput):
        _read(case, film)
    assert send()[0] is Receipt.SAME


def test_film_that_was_read_is_not_rejected(case: Case, send: Any, sender: User) -> None:
    film = _new(send)
    reading = _read(case, film)
    with pytest.raises(NotNow):
        films.reject_film(film, "not this person's", sender)
    radiology.withdraw_reading(reading, "not this person's film", make_user("radiologist", case.site))
    films.reject_film(film, "not this person's", sender)


def test_older_film_is_a_prior_until_somebody_says_otherwise(case: Case, send: Any) -> None:
    film = _new(send, taken_on=get_today(case) - timedelta(days=20))
    assert film.state is FilmState.PRIOR and "older" in film.remarks
    films.confirm_film(film, "taken for this exam before registration", make_user("radiologist", case.site))
    assert film.state is FilmState.ACCEPTED


def test_film_of_the_future_or_before_birth_waits(case: Case, send: Any) -> None:
    assert "future" in _new(send, taken_on=get_today(case) + timedelta(days=2)).remarks
    film = _new(send, taken_on=date(1990, 1, 1), number=2)
    assert "before-birth" in film.remarks and film.state is FilmState.QUARANTINED


@pytest.mark.parametrize(("values", "remark"), [
    ({"BurnedInAnnotation": "YES"}, "burned-in"), ({"ViewPosition": None}, "no-view"),
    ({"ImagerPixelSpacing": None}, "no-spacing"), ({"BodyPartExamined": "SKULL"}, "not-chest"),
    ({"LossyImageCompression": "01"}, "lossy"), ({"BitsStored": 8, "HighBit": 7}, "shallow"),
    ({"StudyDate": "20200101"}, "other-day"), ({"PatientID": "X-77"}, "other-number"),
    ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "capture"),
])
def test_what_is_odd_is_said_and_does_not_block(send: Any, values: dict[str, Any], remark: str) -> None:
    film = _new(send, change=_set(**values))
    assert film.remarks == [remark] and film.state is FilmState.ACCEPTED


def test_same_film_twice_is_one_film(case: Case, send: Any) -> None:
    film = _new(send)
    assert send() == (Receipt.SAME, film)
    assert len(films.list_films(case)) == 1


def test_other_film_under_the_same_number_is_refused_and_written_down(case: Case, send: Any) -> None:
    film = _new(send)
    assert send(change=_set(PatientComments="changed")) == (Receipt.CONFLICT, None)
    assert films.list_films(case) == [film]
    rows = db.session.execute(select(AuditChange).where(AuditChange.action == "refuse-film")).scalars().all()
    assert [row.detail["why"] for row in rows] == ["conflict"]


def test_film_of_another_persons_case_is_not_taken(case: Case, send: Any, sender: User) -> None:
    film = _new(send)
    other = make_case("us", make_applicant(make_user("reception", case.site)), make_user("reception", case.site))
    assert send(to=other) == (Receipt.ELSEWHERE, None)
    films.reject_film(film, "sent to the wrong case", sender)
    assert send(to=other)[0] is Receipt.NEW


def test_same_picture_under_new_names_is_caught(case: Case, send: Any) -> None:
    _new(send)
    user = make_user("reception", case.site)
    other = make_case("us", make_applicant(user, family_name="Otieno", given_names="Peter"), user)
    film = _new(send, to=other, name="OTIENO^PETER", number=9)
    assert "same-picture" in film.remarks and film.state is FilmState.QUARANTINED


def test_another_sites_films_are_not_consulted(case: Case, send: Any) -> None:
    _new(send)
    user = make_user("reception", make_site("AMM"))
    other = make_case("us", make_applicant(user, **NAME), user)
    assert send(to=other)[0] is Receipt.NEW


def test_reading_must_be_of_the_day_of_its_film(case: Case, send: Any) -> None:
    film = _new(send)
    with pytest.raises(InvalidInput) as caught:
        _read(case, film, taken_on=get_today(case) - timedelta(days=1))
    assert "taken_on" in caught.value.fields


def test_film_of_another_case_is_not_found(case: Case, send: Any) -> None:
    film = _new(send)
    other = make_case("us", user=make_user("reception", case.site))
    with pytest.raises(NotFound):
        films.get_film(other, film.id)


def test_study_is_stored_as_fhir_once_it_is_this_persons(case: Case, send: Any, sender: User) -> None:
    film = _new(send, sex="M")
    db.session.commit()
    assert find_newest(db.session(), "ImagingStudy", film.study_id) is None
    films.confirm_film(film, "photo compared", make_user("radiologist", case.site))
    reading = _read(case, film)
    db.session.commit()
    study = _stored("ImagingStudy", film.study_id)
    assert study["status"] == "available" and study["identifier"][0]["value"] == f"urn:oid:{film.study_uid}"
    assert study["series"][0]["instance"][0]["uid"] == film.sop_uid
    assert _stored("DiagnosticReport", reading.series_id)["imagingStudy"] == [
        {"reference": f"ImagingStudy/{film.study_id}"}]
    radiology.withdraw_reading(reading, "not this person's film", make_user("radiologist", case.site))
    films.reject_film(film, "not this person's", sender)
    db.session.commit()
    assert _stored("ImagingStudy", film.study_id)["status"] == "entered-in-error"


def _stored(kind: str, key: str) -> dict[str, Any]:
    found = find_newest(db.session(), kind, key)
    assert found is not None
    return decode(found.body)


# — files —

def test_pictures_are_made_again_when_the_cache_was_emptied(tmp_path: Path, app: Flask) -> None:
    files = FilmFiles(app.config["CLEARWAY"], prepare)
    content = make_film()
    summary, kept = files.receive(lambda place: place.write_bytes(content))
    before = files.read_picture(kept.sha256, "full.gz")
    shutil.rmtree(app.config["CLEARWAY"].var_dir / "files" / "derived")
    assert files.read_picture(kept.sha256, "full.gz") == before
    assert files.read_summary(kept.sha256) == summary
    assert list((app.config["CLEARWAY"].var_dir / "files" / "incoming").iterdir()) == []
    files.discard(kept.sha256)
    with pytest.raises(NotFound):
        files.read_summary(kept.sha256)


# — the United Kingdom's result and numbers —

@pytest.fixture
def uk_case(app: Flask) -> Case:
    """A UK case of a man, so that nobody asks for pregnancy."""
    user = make_user("reception")
    return make_case("uk", make_applicant(user, sex=Sex.MALE), user)


def test_numbered_finding_is_kept_and_read_as_the_common_one(uk_case: Case) -> None:
    reading = _read(uk_case, None, findings=(), numbered=("4.1", "4.7"), result="tb")
    assert (reading.numbered, reading.result) == (["4.1", "4.7"], "tb")
    assert reading.findings == ["RETICULAR", "CAVITY"]


@pytest.mark.parametrize(("values", "field"), [
    ({"findings": (), "numbered": ("0",)}, "result"),
    ({"findings": (), "numbered": ("0",), "result": "tb"}, "result"),
    ({"findings": (), "numbered": ("4.7",), "result": "normal"}, "result"),
    ({"findings": (), "numbered": ("1.2",), "result": "tb"}, "findings"),
    ({"findings": (), "numbered": ("0", "4.7"), "result": "normal"}, "findings"),
    ({"findings": (), "numbered": ("9.9",), "result": "tb"}, "findings"),
])
def test_result_that_does_not_fit_its_findings_is_refused(uk_case: Case, values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _read(uk_case, None, **values)
    assert field in caught.value.fields


def test_finding_that_suggests_tb_beside_another_result_asks_for_a_tick(uk_case: Case) -> None:
    with pytest.raises(NeedsConfirmation) as caught:
        _read(uk_case, None, findings=(), numbered=("4.5",), result="non-tb")
    assert [caution.code for caution in caught.value.cautions] == [radiology.ELSEWHERE, "not-tb"]


def test_numbers_are_no_finding_of_another_destination(case: Case) -> None:
    with pytest.raises(InvalidInput):
        _read(case, None, findings=(), numbered=("4.7",))
