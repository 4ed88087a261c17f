"""Every transfer syntax that a film may come in, there and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000, UID, JPEGBaseline8Bit, JPEGExtended12Bit

from clinic.demo.film import LOSSLESS, LOSSY, draw_pixels
from clinic.dicom.header import open_film
from clinic.dicom.pixel import decode_pixels
from clinic.dicom.summary import FILM, FULL
from clinic.dicom.transfer_syntax import TRANSFER_SYNTAXES, label_transfer_syntax
from clinic.dicom.transport import unpack
from tests.film import SIDE, make_film, make_order, prepare_bytes

needs_dcmtk = pytest.mark.skipif(shutil.which("dcmcjpeg") is None, reason="install dcmtk")


@pytest.mark.parametrize("monochrome", [1, 2])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_lossless_film_comes_back_as_it_was(syntax: UID, monochrome: int, tmp_path: Path) -> None:
    expected = draw_pixels(make_order(monochrome=monochrome))
    summary = prepare_bytes(make_film(syntax=syntax, monochrome=monochrome), tmp_path)
    film, header = open_film(tmp_path / FILM)
    assert np.array_equal(decode_pixels(film, tmp_path / FILM), expected)
    assert (header.transfer_syntax, header.is_lossy) == (syntax, False)
    shown = unpack((tmp_path / FULL).read_bytes(), SIDE, SIDE).astype(int)
    as_bright = expected.max() - expected.astype(int) if monochrome == 1 else expected - int(expected.min())
    assert np.array_equal(shown, as_bright), "the viewer's values are the film's own, dense tissue bright"
    assert summary.highest == shown.max()


# How far a compressed film may be from the original, in grey levels of 4096: what was measured, and some air.
FARTHEST = {JPEG2000: 60, JPEGBaseline8Bit: 200, JPEGExtended12Bit: 20}


@pytest.mark.parametrize("syntax", [pytest.param(uid, id=uid.keyword, marks=needs_dcmtk if uid == JPEGExtended12Bit
                                                 else ()) for uid in LOSSY])
def test_lossy_film_is_near_and_says_that_it_is_lossy(syntax: UID, tmp_path: Path) -> None:
    expected = draw_pixels(make_order()).astype(int)
    summary = prepare_bytes(make_film(syntax=syntax), tmp_path)
    shown = unpack((tmp_path / FULL).read_bytes(), SIDE, SIDE).astype(int)
    if summary.header.bits_stored == 8:
        shown = shown * 16
    assert summary.header.is_lossy
    assert np.abs(shown - (expected - expected.min())).max() <= FARTHEST[syntax]


def test_generator_writes_every_syntax_of_the_table_but_two() -> None:
    """Near-lossless JPEG-LS and the general lossless JPEG differ from what is tested by a parameter of the encoder."""
    written = {str(uid) for uid in (*LOSSLESS, *LOSSY)}
    assert set(TRANSFER_SYNTAXES) - written == {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.81"}


def test_syntax_has_the_name_of_the_standard() -> None:
    assert label_transfer_syntax("1.2.840.10008.1.2.4.80") == "JPEG-LS Lossless"
    assert label_transfer_syntax("1.2.3") == "1.2.3"
