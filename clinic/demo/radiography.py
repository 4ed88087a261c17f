"""The demo's X-ray room: a phantom film with the invented person's own tags, received as any other."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from flask import current_app
from numpy.typing import NDArray
from pydicom.uid import JPEGLosslessSV1
from sqlalchemy import func, select

from clinic.config import get_settings
from clinic.db import db
from clinic.demo.film import LOSSLESS, LOSSY, PLAIN, FilmOrder, build_film, write_film
from clinic.demo.phantom import HIGHEST, Chest, draw_chest
from clinic.dicom.preparation import prepare
from clinic.models import Case, Film, Sex, User
from clinic.partial_date import parse_partial_date
from clinic.services.film import receive_film
from clinic.services.film_file import FilmFiles
from clinic.services.plausibility import get_today

SIDE = 768  # px
MOST = 12  # films: enough to see, few enough that the demo starts at once


def take_film(rng: Random, case: Case, radiographer: User, finding: str = "") -> Film | None:
    """A film of today; None when the demo has enough. Needs a write unit; ours, so no child opens it."""
    if db.session.execute(select(func.count()).select_from(Film)).scalar_one() >= MOST:
        return None
    order = order_film(case, finding)
    content = write_film(build_film(order, _draw_with_noise(order, rng.randrange(2**32))), JPEGLosslessSV1)
    files = FilmFiles(get_settings(current_app), prepare)
    summary, kept = files.receive(lambda place: place.write_bytes(content))
    return receive_film(case, summary, kept, radiographer)[1]


def order_film(case: Case, finding: str = "", side: int = SIDE, number: int = 1, view: str = "PA",
               monochrome: int = 2) -> FilmOrder:
    """What to write so that the film is this person's; a birth date not known in full stays off the film."""
    applicant = case.applicant
    birth = parse_partial_date(applicant.birth_date)
    return FilmOrder(
        name=f"{applicant.family_name}^{applicant.given_names}".upper().strip("^"),
        birth_date=str(birth).replace("-", "") if birth.is_full else "",
        sex={Sex.MALE: "M", Sex.FEMALE: "F"}.get(applicant.sex, "O"), taken_on=get_today(case),
        patient_id=applicant.number, accession=case.number, side=side, number=number, view=view,
        monochrome=monochrome, chest=Chest(finding=finding, view="lateral" if view == "LL" else "pa"),
    )


def write_test_films(case: Case, folder: Path) -> list[Path]:
    """One film of the case's person in each transfer syntax, both polarities, with and without a head.

    12-bit JPEG is left out where dcmtk is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, syntax in enumerate((*LOSSLESS, *LOSSY), start=1):
        order = order_film(case, "infiltrate" if number % 3 == 0 else "", number=number, monochrome=1 + number % 2)
        film = build_film(order, _draw_of_case(case, order))
        try:
            content = write_film(film, syntax)
        except LookupError:
            continue
        written.append(folder / f"{number:02}-{syntax.keyword}-MONOCHROME{order.monochrome}.dcm")
        written[-1].write_bytes(content)
    order = order_film(case, number=90)
    written.append(folder / "90-without-head.dcm")
    written[-1].write_bytes(write_film(build_film(order, _draw_of_case(case, order)), PLAIN[0], with_head=False))
    return written


def _draw_of_case(case: Case, order: FilmOrder) -> NDArray[np.uint16]:
    """The same for a case each time; of another case another picture, or it would be held as a wrong person's."""
    return _draw_with_noise(order, Random(f"{case.number}/{order.number}").randrange(2**32))


def _draw_with_noise(order: FilmOrder, seed: int) -> NDArray[np.uint16]:
    """The stored values; by its noise no film is the same picture as another."""
    noise = np.random.default_rng(seed).integers(-6, 7, (SIDE, SIDE))
    grey = np.clip(_draw(order.chest).astype(np.int32) + noise, 0, HIGHEST).astype(np.uint16)
    return (HIGHEST - grey).astype(np.uint16) if order.monochrome == 1 else grey


@cache
def _draw(chest: Chest) -> NDArray[np.uint16]:
    return draw_chest(chest, SIDE)
