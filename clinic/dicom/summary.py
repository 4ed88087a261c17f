"""What is known of a prepared film, as plain data: light enough for every page, without the decoders."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# What preparing a film leaves in its folder.
FILM, SUMMARY, PREVIEW, HALF, FULL = "film.dcm", "film.json", "preview.jpg", "half.gz", "full.gz"

# Projection radiographs (PS3.4 annex B.5); anything else is no chest film.
SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "computed-radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "digital-x-ray",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "digital-x-ray-processing",
    "1.2.840.10008.5.1.4.1.1.7": "secondary-capture",
}


@dataclass(frozen=True)
class PersonOnFilm:
    """Who the film says it shows; every part may be empty. A name group is `family^given^middle^…`."""

    names: tuple[str, ...] = ()
    birth_date: str = ""  # ISO, empty when absent or no date
    sex: str = ""  # M, F, O
    patient_id: str = ""
    accession: str = ""


@dataclass(frozen=True)
class FilmHeader:
    """The tags that acceptance, lists and the viewer need."""

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax: str
    rows: int
    columns: int
    person: PersonOnFilm
    modality: str = ""
    bits_stored: int = 0
    photometric: str = ""
    taken_on: str = ""  # ISO
    study_on: str = ""
    view: str | None = None  # pa, ap, lateral, other
    side: str = ""  # image or patient laterality, as written
    body_part: str = ""
    spacing: float | None = None  # mm from one pixel to the next
    is_calibrated: bool = False  # spacing is of the patient, not of the detector
    burned_in: str = ""  # YES, NO
    is_lossy: bool = False
    lossy_ratio: str = ""
    is_repaired: bool = False  # came without its 128 bytes and "DICM"
    had_preamble: bool = False  # something stood in the preamble; it was cleared


@dataclass(frozen=True)
class Summary:
    """What is known of a prepared film: its header, and what the viewer needs to draw it."""

    header: FilmHeader
    source_sha256: str  # of the file as it came
    pixels_sha256: str  # of the stored values: the same picture under another name is recognised
    highest: int
    centre: float
    width: float
    has_half: bool

    def to_plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def read_summary(folder: Path) -> Summary:
    """What was written into `folder` when the film was prepared. Raises OSError when it is not there."""
    plain = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    header = dict(plain["header"])
    person = dict(header["person"])
    header["person"] = PersonOnFilm(**person | {"names": tuple(person["names"])})
    return Summary(**plain | {"header": FilmHeader(**header)})
