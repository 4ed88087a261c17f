"""What a film says of itself: checked before a single pixel is unpacked (hl7-dicom.md 5.2)."""

from __future__ import annotations

import re
import struct
import zlib
from datetime import date
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID as UIDText

from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.summary import SOP_CLASSES, FilmHeader, PersonOnFilm
from clinic.dicom.transfer_syntax import TRANSFER_SYNTAXES

PREAMBLE = 128  # bytes before "DICM" (PS3.10 section 7.1)
# Our own choice, far above the largest detectors (about 4300 x 4300): one side, and all pixels together.
LARGEST_SIDE = 8192
LARGEST_AREA = 36_000_000
LONGEST_TEXT = 200
# What pydicom's parser lets out over a file that is none.
READING_ERRORS = (InvalidDicomError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError,
                  OSError, struct.error, zlib.error, BytesLengthException)
UID = re.compile(r"[0-9]+(\.[0-9]+)+")

_VIEWS = {"PA": "pa", "AP": "ap", "LL": "lateral", "RL": "lateral", "LAT": "lateral", "LATERAL": "lateral"}


def open_film(path: Path) -> tuple[Dataset, FilmHeader]:
    """Read the file at `path` as one radiograph.

    Raises FilmFault; nothing larger than the caps gets as far as its pixels.
    """
    with path.open("rb") as file:
        start = file.read(PREAMBLE + 4)
    is_headless = start[PREAMBLE:] != b"DICM"
    try:
        film = dcmread(path, force=is_headless)
    except READING_ERRORS:
        raise FilmFault(Fault.NOT_DICOM if is_headless else Fault.DAMAGED) from None
    except MemoryError:  # a picture's bytes, taken for the length of an element
        raise FilmFault(Fault.NOT_DICOM if is_headless else Fault.TOO_LARGE) from None
    if not is_headless and not len(film):
        raise FilmFault(Fault.TRUNCATED)  # the reader ran into the end of the file within the pixels
    _check_identity(film, is_headless)
    _check_syntax(film)
    _check_size(film)
    return film, _read_header(film, is_headless, any(start[:PREAMBLE]) and not is_headless)


def _check_identity(film: Dataset, is_headless: bool) -> None:
    uids = [_text(film, name) for name in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")]
    if any(not UID.fullmatch(uid) or len(uid) > 64 for uid in uids):
        raise FilmFault(Fault.NOT_DICOM if is_headless else Fault.NO_IDENTITY)
    if uids[0] not in SOP_CLASSES:
        raise FilmFault(Fault.NOT_A_RADIOGRAPH)


def _check_syntax(film: Dataset) -> None:
    """Know how the pixels are written; a headless file says it by how it was readable at all."""
    syntax = film.file_meta.get("TransferSyntaxUID") if hasattr(film, "file_meta") else None
    if syntax is None:
        element = film.get_item("PixelData")
        if element is not None and getattr(element, "is_undefined_length", False):
            raise FilmFault(Fault.UNKNOWN_SYNTAX)  # compressed, and nothing says how
        implicit, little = film.original_encoding
        syntax = UIDText("1.2.840.10008.1.2" if implicit else f"1.2.840.10008.1.2.{1 if little else 2}")
        film.file_meta.TransferSyntaxUID = syntax
    if str(syntax) not in TRANSFER_SYNTAXES:
        raise FilmFault(Fault.UNKNOWN_SYNTAX)


def _check_size(film: Dataset) -> None:
    rows, columns, frames = (_number(film, name) for name in ("Rows", "Columns", "NumberOfFrames"))
    if "PixelData" not in film or not rows or not columns:
        raise FilmFault(Fault.NO_PIXELS if "PixelData" not in film else Fault.DAMAGED)
    if frames > 1:
        raise FilmFault(Fault.SEVERAL_IMAGES)
    if max(rows, columns) > LARGEST_SIDE or rows * columns > LARGEST_AREA:
        raise FilmFault(Fault.TOO_LARGE)
    if _number(film, "SamplesPerPixel") not in (1, 3) or _number(film, "BitsAllocated") not in (8, 16):
        raise FilmFault(Fault.DAMAGED)


def _read_header(film: Dataset, is_repaired: bool, had_preamble: bool) -> FilmHeader:
    spacing, is_calibrated = _read_spacing(film)
    syntax = str(film.file_meta.TransferSyntaxUID)
    study_on = _day(film, "StudyDate")
    return FilmHeader(
        sop_class=_text(film, "SOPClassUID"), sop_uid=_text(film, "SOPInstanceUID"),
        study_uid=_text(film, "StudyInstanceUID"), series_uid=_text(film, "SeriesInstanceUID"),
        transfer_syntax=syntax, rows=_number(film, "Rows"), columns=_number(film, "Columns"),
        person=_read_person(film), modality=_text(film, "Modality")[:16], bits_stored=_number(film, "BitsStored"),
        photometric=_text(film, "PhotometricInterpretation"),
        taken_on=_day(film, "AcquisitionDate") or _day(film, "ContentDate") or study_on, study_on=study_on,
        view=_read_view(film), side=_text(film, "ImageLaterality") or _text(film, "Laterality"),
        body_part=_text(film, "BodyPartExamined"), spacing=spacing, is_calibrated=is_calibrated,
        burned_in=_text(film, "BurnedInAnnotation").upper(),
        is_lossy=_text(film, "LossyImageCompression") == "01" or TRANSFER_SYNTAXES[syntax].is_lossy,
        lossy_ratio=_text(film, "LossyImageCompressionRatio"), is_repaired=is_repaired, had_preamble=had_preamble,
    )


def _read_person(film: Dataset) -> PersonOnFilm:
    groups = tuple(group.strip(" ^")[:LONGEST_TEXT] for group in _text(film, "PatientName").split("="))
    return PersonOnFilm(
        tuple(group for group in groups if group), _day(film, "PatientBirthDate"),
        _text(film, "PatientSex").upper()[:1], _text(film, "PatientID"), _text(film, "AccessionNumber"),
    )


def _read_view(film: Dataset) -> str | None:
    written = _text(film, "ViewPosition").upper()
    return _VIEWS.get(written, "other") if written else None


def _read_spacing(film: Dataset) -> tuple[float | None, bool]:
    """Millimetres between pixels, and whether they were calibrated to the patient (PS3.3 section 10.7)."""
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            down, across = (float(part) for part in film.get(name) or ())
        except (ValueError, TypeError):
            continue
        if 0.01 <= down <= 2 and abs(down - across) < 0.001:
            return down, name == "PixelSpacing" and "PixelSpacingCalibrationType" in film
    return None, False


def _text(film: Dataset, name: str) -> str:
    try:
        value = film.get(name)
    except Exception:  # a broken element: pydicom raises whatever its parser meets
        raise FilmFault(Fault.DAMAGED) from None
    return "" if value is None else str(value).strip("\0 ")[:LONGEST_TEXT]


def _number(film: Dataset, name: str) -> int:
    text = _text(film, name)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _day(film: Dataset, name: str) -> str:
    text = _text(film, name)[:8]
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])).isoformat()
    except ValueError:
        return ""
