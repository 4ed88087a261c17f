"""Writes test films: a phantom chest as a DICOM file with an invented person's tags, in any transfer syntax we read."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import uuid
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

import gdcm  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, FileMetaDataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from clinic.demo.phantom import HIGHEST, Chest, draw_chest

PREAMBLE = 128
FIELD_MM = 400.0  # a chest cassette or detector is about 43 cm; the phantom fills 40
_GDCM = {
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1, JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    JPEG2000Lossless: gdcm.TransferSyntax.JPEG2000Lossless, JPEG2000: gdcm.TransferSyntax.JPEG2000,
    RLELossless: gdcm.TransferSyntax.RLELossless,
}
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
LOSSLESS = (*PLAIN, RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless)
LOSSY = (JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit)
USUAL = Chest()


@dataclass(frozen=True)
class FilmOrder:
    """What to write: whose film, of which day and view, and how."""

    name: str  # DICOM's own form: FAMILY^GIVEN
    birth_date: str  # YYYYMMDD
    sex: str  # M, F, O
    taken_on: date
    patient_id: str = ""
    accession: str = ""
    chest: Chest = USUAL
    side: int = 1024  # px
    view: str = "PA"
    monochrome: int = 2
    number: int = 1  # another number, another film
    burned_in: str = "NO"


def draw_pixels(order: FilmOrder) -> NDArray[np.uint16]:
    """The stored values: MONOCHROME1 keeps the picture's negative."""
    grey = draw_chest(order.chest, order.side)
    return (HIGHEST - grey).astype(np.uint16) if order.monochrome == 1 else grey


def build_film(order: FilmOrder, pixels: NDArray[np.uint16] | None = None) -> Dataset:
    """A digital chest radiograph, uncompressed, 12 of 16 bits; complete enough for DICOM's own checkers."""
    values = draw_pixels(order) if pixels is None else pixels
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    _set_identity(film, order)
    _set_acquisition(film, order)
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = f"MONOCHROME{order.monochrome}"
    film.PresentationLUTShape = "INVERSE" if order.monochrome == 1 else "IDENTITY"
    film.Rows, film.Columns = values.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    spacing = round(FIELD_MM / film.Columns, 4)
    film.ImagerPixelSpacing = [spacing, spacing]
    film.PixelIntensityRelationship, film.PixelIntensityRelationshipSign = "LOG", -1 if order.monochrome == 1 else 1
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = 0, 1, "US"
    centre = 2300 if order.monochrome == 2 else HIGHEST - 2300
    film.WindowCenter, film.WindowWidth = centre, 2800
    film.LossyImageCompression = "00"
    film.BurnedInAnnotation = order.burned_in
    film.PixelData = values.tobytes()
    return film


def _set_identity(film: Dataset, order: FilmOrder) -> None:
    key = f"{order.name}/{order.birth_date}/{order.taken_on}/{order.number}/{order.view}"
    film.SpecificCharacterSet = "ISO_IR 192"
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = UID(build_uid(f"film/{key}"))
    film.StudyInstanceUID = build_uid(f"study/{order.name}/{order.birth_date}/{order.taken_on}")
    film.SeriesInstanceUID = build_uid(f"series/{key}")
    film.PatientName, film.PatientID = order.name, order.patient_id
    film.PatientBirthDate, film.PatientSex = order.birth_date, order.sex
    film.AccessionNumber, film.StudyID = order.accession, "1"
    film.ReferringPhysicianName = ""


def _set_acquisition(film: Dataset, order: FilmOrder) -> None:
    day = order.taken_on.strftime("%Y%m%d")
    film.StudyDate = film.SeriesDate = film.AcquisitionDate = film.ContentDate = day
    film.StudyTime = film.ContentTime = film.AcquisitionTime = "093000"
    film.Modality, film.Manufacturer = "DX", "Clearway test films"
    film.PresentationIntentType = "FOR PRESENTATION"
    film.ImageType = ["ORIGINAL", "PRIMARY", ""]
    film.SeriesNumber, film.InstanceNumber, film.AcquisitionNumber = 1, order.number, 1
    film.BodyPartExamined, film.ViewPosition = "CHEST", order.view
    film.ImageLaterality = "U"
    film.PatientOrientation = ["A", "F"] if order.view == "LL" else ["L", "F"]
    film.DetectorType = "DIRECT"


def build_uid(text: str) -> str:
    """A UID that is always the same for `text` (2.25 and a UUID as a number, PS3.5 annex B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, text).int}"


def write_film(film: Dataset, syntax: UID | str = ExplicitVRLittleEndian, with_head: bool = True) -> bytes:
    """The film as a file in `syntax`; without its head, only the data set stands there (as some archives send it).

    Raises LookupError when dcmtk's `dcmcjpeg` is needed (12-bit JPEG) and not installed.
    """
    syntax = UID(syntax)
    if syntax in _GDCM:
        return _compress_with_gdcm(_write_plain(film, ExplicitVRLittleEndian), syntax)
    if syntax == JPEGBaseline8Bit:
        return _write_plain(_to_baseline(film), syntax)
    if syntax == JPEGExtended12Bit:
        return _compress_with_dcmtk(_write_plain(film, ExplicitVRLittleEndian))
    content = _write_plain(film, syntax)
    if with_head:
        return content
    headless = BytesIO()
    plain = dcmread(BytesIO(content))
    del plain.file_meta, plain.preamble
    plain.save_as(headless, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return headless.getvalue()


def _write_plain(film: Dataset, syntax: UID) -> bytes:
    written = BytesIO()
    copy = deepcopy(film)
    copy.file_meta.TransferSyntaxUID = syntax
    copy.preamble = bytes(PREAMBLE)
    if syntax == ExplicitVRBigEndian:
        copy.PixelData = np.frombuffer(film.PixelData, dtype="<u2").astype(">u2").tobytes()
    copy.save_as(written, enforce_file_format=True)
    return written.getvalue()


def _to_baseline(film: Dataset) -> Dataset:
    """The film at 8 bits, compressed as every camera does; it never comes back as it was."""
    values = np.frombuffer(film.PixelData, dtype="<u2").reshape(film.Rows, film.Columns)
    jpeg = BytesIO()
    Image.fromarray((values >> 4).astype(np.uint8)).save(jpeg, "JPEG", quality=92)
    copy = deepcopy(film)
    copy.BitsAllocated, copy.BitsStored, copy.HighBit = 8, 8, 7
    copy.WindowCenter, copy.WindowWidth = int(film.WindowCenter) // 16, int(film.WindowWidth) // 16
    copy.LossyImageCompression, copy.LossyImageCompressionRatio = "01", "20"
    copy.LossyImageCompressionMethod = "ISO_10918_1"
    copy.PixelData = encapsulate([jpeg.getvalue()])
    copy["PixelData"].VR = "OB"
    return copy


def _compress_with_gdcm(plain: bytes, syntax: UID) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "plain.dcm", Path(folder) / "compressed.dcm"
        source.write_bytes(plain)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        if not reader.Read():
            raise ValueError("the plain film cannot be read")
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(_GDCM[syntax]))
        codec = gdcm.JPEG2000Codec()
        if syntax == JPEG2000:
            codec.SetReversible(False)
            codec.SetRate(0, 10)
            change.SetUserCodec(codec)
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise ValueError(f"the film cannot be written as {syntax.name}")
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        if not writer.Write():
            raise ValueError(f"the film cannot be written as {syntax.name}")
        return target.read_bytes()


def _compress_with_dcmtk(plain: bytes) -> bytes:
    tool = shutil.which("dcmcjpeg")
    if tool is None:
        raise LookupError("install dcmtk for 12-bit JPEG")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "plain.dcm", Path(folder) / "compressed.dcm"
        source.write_bytes(plain)
        subprocess.run([tool, "+ee", "+q", "95", "+ua", str(source), str(target)], check=True, capture_output=True)
        return target.read_bytes()
