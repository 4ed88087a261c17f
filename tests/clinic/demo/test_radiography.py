"""The demo's films: the person's own, no two alike, and a set in which every transfer syntax stands."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from flask import Flask
from pydicom import dcmread

from clinic.clock import today
from clinic.demo.radiography import MOST, take_film, write_test_films
from clinic.dicom.transfer_syntax import TRANSFER_SYNTAXES
from clinic.models import Case, FilmState
from tests.clinic.dicom.test_transfer_syntax import needs_dcmtk
from tests.factory import make_case, make_user
from tests.film import prepare_bytes


@pytest.fixture
def case(app: Flask) -> Case:
    """A case of somebody."""
    return make_case("us", user=make_user("reception"))


def test_demo_film_is_this_persons_and_no_two_are_the_same_picture(case: Case) -> None:
    radiographer = make_user("radiographer", case.site)
    other = make_case("us", user=make_user("reception", case.site))
    first, second = (take_film(Random(number), one, radiographer) for number, one in enumerate((case, other)))
    assert first and second
    assert (first.state, second.state) == (FilmState.ACCEPTED, FilmState.ACCEPTED)
    assert first.person == {"name": "match", "birth_date": "match", "sex": "match", "number": "match"}
    assert first.pixels_sha256 != second.pixels_sha256 and MOST > 2


@needs_dcmtk
def test_test_films_hold_every_syntax_both_polarities_and_one_without_head(case: Case, tmp_path: Path) -> None:
    assert shutil.which("dcmcjpeg")
    headers = []
    for path in write_test_films(case, tmp_path / "films"):
        folder = tmp_path / path.stem
        folder.mkdir()
        headers.append(prepare_bytes(path.read_bytes(), folder).header)
    assert len({header.transfer_syntax for header in headers}) == len(TRANSFER_SYNTAXES) - 2
    assert {header.photometric for header in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert [header.is_repaired for header in headers].count(True) == 1
    assert {header.taken_on for header in headers} == {today(case.site.time_zone).isoformat()}


def test_test_films_of_two_cases_are_different_pictures(case: Case, tmp_path: Path) -> None:
    other = make_case("us", user=make_user("reception", case.site))
    first, second = (write_test_films(one, tmp_path / one.number)[0] for one in (case, other))
    assert dcmread(first).PixelData != dcmread(second).PixelData
