"""What is refused before its pixels are touched, what is repaired, and that a child with limits does the work."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from clinic.demo.film import LOSSLESS, PREAMBLE
from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.header import open_film
from clinic.dicom.process import prepare_safely
from clinic.dicom.summary import FILM, HALF, PREVIEW, read_summary
from tests.film import SIDE, make_film, prepare_bytes


def _fault(content: bytes, folder: Path) -> Fault:
    with pytest.raises(FilmFault) as caught:
        prepare_bytes(content, folder)
    return caught.value.fault


def _picture() -> bytes:
    written = BytesIO()
    Image.new("L", (64, 64)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("content", [b"", b"MZ" + bytes(500), b"%PDF-1.7\n" + b"x" * 900, _picture(), os.urandom(4096)],
                         ids=["empty", "program", "pdf", "png", "noise"])
def test_file_that_is_no_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    assert _fault(content, tmp_path) is Fault.NOT_DICOM


def _set(**values: object) -> Callable[[Dataset], None]:
    def change(film: Dataset) -> None:
        for name, value in values.items():
            if value is None:
                delattr(film, name)
            else:
                setattr(film, name, value)
    return change


@pytest.mark.parametrize(("change", "fault"), [
    (_set(StudyInstanceUID=None), Fault.NO_IDENTITY),
    (_set(SeriesInstanceUID="not-a-uid"), Fault.NO_IDENTITY),
    (_set(SOPClassUID=CTImageStorage), Fault.NOT_A_RADIOGRAPH),
    (_set(PixelData=None), Fault.NO_PIXELS),
    (_set(NumberOfFrames=3), Fault.SEVERAL_IMAGES),
    (_set(Rows=0), Fault.DAMAGED),
    (_set(Rows=65535, Columns=65535), Fault.TOO_LARGE),
    (_set(Rows=8000, Columns=8000), Fault.TOO_LARGE),
    (_set(Rows=2 * SIDE), Fault.TRUNCATED),
    (_set(BitsAllocated=32), Fault.DAMAGED),
])
def test_film_with_an_impossible_header_is_refused(
    change: Callable[[Dataset], None], fault: Fault, tmp_path: Path
) -> None:
    assert _fault(make_film(change), tmp_path) is fault


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_truncated_film_is_refused(syntax: UID, share: float, tmp_path: Path) -> None:
    content = make_film(syntax=syntax)
    assert _fault(content[: int(len(content) * share)], tmp_path) in (Fault.TRUNCATED, Fault.DAMAGED)


def test_damaged_compressed_film_is_refused(tmp_path: Path) -> None:
    content = bytearray(make_film(syntax=LOSSLESS[-2]))
    place = content.index(b"\xff\xd8\xff")
    content[place : place + 200] = os.urandom(200)
    assert _fault(bytes(content), tmp_path) is Fault.DAMAGED


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda uid: uid.keyword)
def test_film_without_its_head_is_repaired(syntax: UID, tmp_path: Path) -> None:
    summary = prepare_bytes(make_film(syntax=syntax, with_head=False), tmp_path)
    assert summary.header.is_repaired and summary.header.transfer_syntax == syntax
    kept = (tmp_path / FILM).read_bytes()
    assert kept[: PREAMBLE + 4] == bytes(PREAMBLE) + b"DICM"
    _film, header = open_film(tmp_path / FILM)
    assert not header.is_repaired and header.sop_uid == summary.header.sop_uid


def test_program_hidden_in_the_preamble_is_cleared(tmp_path: Path) -> None:
    content = make_film()
    program = b"MZ" + os.urandom(PREAMBLE - 2)
    summary = prepare_bytes(program + content[PREAMBLE:], tmp_path)
    assert summary.header.had_preamble
    assert (tmp_path / FILM).read_bytes() == content, "everything behind the preamble stays as it came"


@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="install dcmtk")
@pytest.mark.parametrize("with_head", [True, False])
def test_what_is_kept_is_read_by_a_stranger(with_head: bool, tmp_path: Path) -> None:
    prepare_bytes(make_film(with_head=with_head), tmp_path)
    said = subprocess.run(["dcmdump", "+P", "PatientName", "+P", "Rows", str(tmp_path / FILM)], capture_output=True,
                          text=True, check=True)
    assert "WANJIRU^GRACE ACHIENG" in said.stdout and str(SIDE) in said.stdout and not said.stderr
    assert subprocess.run(["dcmftest", str(tmp_path / FILM)], capture_output=True, check=False).returncode == 0


def test_header_says_what_acceptance_asks(tmp_path: Path) -> None:
    header = prepare_bytes(make_film(patient_id="NBO-7", accession="A1", view="LL"), tmp_path).header
    assert header.person.names == ("WANJIRU^GRACE ACHIENG",)
    assert (header.person.birth_date, header.person.sex, header.person.patient_id) == ("1991-01-05", "F", "NBO-7")
    assert (header.taken_on, header.view, header.bits_stored, header.modality) == ("2026-11-20", "lateral", 12, "DX")
    assert (header.burned_in, header.spacing, header.is_calibrated) == ("NO", 1.5625, False)


def test_voi_table_and_rescale_are_applied(tmp_path: Path) -> None:
    def bend(film: Dataset) -> None:
        table = Dataset()
        table.LUTDescriptor, table.LUTData = [4096, 0, 12], [min(4095, value * 2) for value in range(4096)]
        film.VOILUTSequence = Sequence([table])
        film["VOILUTSequence"].value[0]["LUTData"].VR = "US"
        film["VOILUTSequence"].value[0]["LUTDescriptor"].VR = "US"

    plain = prepare_bytes(make_film(), tmp_path)
    bent = prepare_bytes(make_film(bend), tmp_path)
    assert plain.centre == 2300.0 and bent.highest == 4095 and bent.centre != plain.centre
    shifted = prepare_bytes(make_film(_set(RescaleIntercept=1000)), tmp_path)
    assert shifted.centre == 1300.0 and shifted.pixels_sha256 == plain.pixels_sha256


def test_large_film_gets_a_half_and_a_preview(tmp_path: Path) -> None:
    prepare_bytes(make_film(side=1700), tmp_path)
    assert read_summary(tmp_path).has_half and (tmp_path / HALF).stat().st_size > 1000
    with Image.open(tmp_path / PREVIEW) as preview:
        assert preview.size == (1200, 1200)


# — the child —

def _send(content: bytes, tmp_path: Path, seconds: float = 30) -> Path:
    source, folder = tmp_path / "source", tmp_path / "out"
    source.write_bytes(content)
    folder.mkdir(exist_ok=True)
    prepare_safely(source, folder, tmp_path / "slots", seconds)
    return folder


def test_child_prepares_and_reports(tmp_path: Path) -> None:
    folder = _send(make_film(syntax=LOSSLESS[4]), tmp_path)
    assert read_summary(folder).header.rows == SIDE
    with pytest.raises(FilmFault) as caught:
        _send(b"no film", tmp_path)
    assert caught.value.fault is Fault.NOT_DICOM


def test_photograph_of_a_film_is_told_that_it_is_none(tmp_path: Path) -> None:
    """The start of a telephone's JPEG reads as an element of two gigabytes, which the child's memory refuses."""
    written, seen = BytesIO(), Image.Exif()
    seen[0x010F] = "a telephone"
    Image.new("L", (64, 64)).save(written, "JPEG", exif=seen)
    content = written.getvalue()
    content = content[:2] + content[content.index(b"\xff\xe1"):]  # telephones leave out the part JFIF
    assert content[6:10] == b"Exif"
    with pytest.raises(FilmFault) as caught:
        _send(content, tmp_path)
    assert caught.value.fault is Fault.NOT_DICOM


def test_film_with_three_values_where_one_belongs_is_damaged_and_not_our_fault(tmp_path: Path) -> None:
    with pytest.raises(FilmFault) as caught:
        _send(make_film(_set(RescaleIntercept=[0, 1, 2], RescaleSlope=1)), tmp_path)
    assert caught.value.fault is Fault.DAMAGED


def test_film_that_unpacks_to_more_than_memory_is_stopped(tmp_path: Path) -> None:
    """A deflated data set of three gigabytes of nothing: three megabytes to send."""
    content = make_film(_set(PixelData=None), DeflatedExplicitVRLittleEndian)
    start = content.index(b"1.2.840.10008.1.2.1.99") + 22
    group = 128 + 4 + 12 + struct.unpack("<I", content[140:144])[0]
    assert group >= start
    plain = zlib.decompress(content[group:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = packer.compress(plain + b"\xe0\x7f\x10\x00OW\x00\x00" + struct.pack("<I", 3 * 2**30 - 1024))
    nothing = bytes(2**24)
    for _ in range(3 * 2**30 // len(nothing)):
        body += packer.compress(nothing)
    with pytest.raises(FilmFault) as caught:
        _send(content[:group] + body + packer.flush(), tmp_path, seconds=240)  # by the wall: other tests run beside
    assert caught.value.fault is Fault.TOO_LARGE


def test_child_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(FilmFault) as caught:
        _send(make_film(), tmp_path, seconds=0.01)
    assert caught.value.fault is Fault.TOO_SLOW and time.monotonic() - begun < 30
