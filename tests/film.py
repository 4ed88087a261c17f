"""Test films: small phantoms of the generator, as bytes, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydicom import Dataset

from clinic.demo.film import ExplicitVRLittleEndian, FilmOrder, build_film, write_film
from clinic.dicom.preparation import prepare
from clinic.dicom.summary import Summary

SIDE = 256  # px: enough to be a picture, small enough to be quick
DAY = date(2026, 11, 20)


def make_order(**values: Any) -> FilmOrder:
    """A film of nobody in particular."""
    given: dict[str, Any] = {"name": "WANJIRU^GRACE ACHIENG", "birth_date": "19910105", "sex": "F", "taken_on": DAY,
                        "side": SIDE}
    return FilmOrder(**given | values)


@cache
def _draw(order: FilmOrder) -> Dataset:
    return build_film(order)


def make_film(change: Callable[[Dataset], None] | None = None, syntax: str = ExplicitVRLittleEndian,
              with_head: bool = True, **values: Any) -> bytes:
    """A film's bytes; `change` may alter its tags before it is written."""
    film = _draw(make_order(**values))
    if change:
        film = deepcopy(film)
        change(film)
    return write_film(film, syntax, with_head)


def prepare_bytes(content: bytes, folder: Path) -> Summary:
    """Prepare a film of our own in this process."""
    source = folder / "source"
    source.write_bytes(content)
    return prepare(source, folder)
