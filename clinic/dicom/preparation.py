"""Makes of one received file all that is kept: the cleaned film, its header, the preview, the viewer's pixels."""

from __future__ import annotations

import hashlib
import json
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, config

from clinic.dicom.header import PREAMBLE, open_film
from clinic.dicom.pixel import Pixels, decode_pixels
from clinic.dicom.rendering import HIGHEST, Rendering, apply_window, halve, render
from clinic.dicom.summary import FILM, FULL, HALF, PREVIEW, SUMMARY, FilmHeader, Summary
from clinic.dicom.transport import pack

PREVIEW_SIDE = 1200  # px, the longer side (screens.md 3)
PREVIEW_QUALITY = 82
WHOLE_AT_ONCE = 1600  # px: below it the half size is not worth a request


def prepare(source: Path, folder: Path) -> Summary:
    """Check and unpack the file at `source`, and write the files named above into `folder`.

    Raises FilmFault. Run it on films of strangers only in a child with limits (`process`).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of every odd value; what matters is checked
        config.settings.reading_validation_mode = config.IGNORE
        film, header = open_film(source)
        pixels = decode_pixels(film, source)
        rendering = render(film, pixels)
        content = _clean(film, source, header)
    summary = _summarise(source, header, pixels, rendering)
    (folder / FILM).write_bytes(content)
    write_pictures(rendering, summary.has_half, folder)
    (folder / SUMMARY).write_text(json.dumps(summary.to_plain()), encoding="utf-8")
    return summary


def write_pictures(rendering: Rendering, has_half: bool, folder: Path) -> None:
    """The preview and the viewer's pixels."""
    picture = Image.fromarray(apply_window(rendering.grey, rendering.centre, rendering.width))
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    picture.save(folder / PREVIEW, quality=PREVIEW_QUALITY)
    (folder / FULL).write_bytes(pack(rendering.grey))
    if has_half:
        (folder / HALF).write_bytes(pack(halve(rendering.grey)))


def _summarise(source: Path, header: FilmHeader, pixels: Pixels, rendering: Rendering) -> Summary:
    shape = f"{header.rows}x{header.columns}".encode()
    values = np.ascontiguousarray(pixels.astype(np.int32)).tobytes()
    return Summary(
        header, hashlib.sha256(source.read_bytes()).hexdigest(), hashlib.sha256(shape + values).hexdigest(),
        min(HIGHEST, int(rendering.grey.max())), round(rendering.centre, 1), round(rendering.width, 1),
        max(header.rows, header.columns) > WHOLE_AT_ONCE,
    )


def _clean(film: Dataset, source: Path, header: FilmHeader) -> bytes:
    """The bytes to keep: nothing in the preamble, where a program could hide; a headless film gets its head."""
    if not header.is_repaired:
        return bytes(PREAMBLE) + source.read_bytes()[PREAMBLE:]
    for name, uid in (("MediaStorageSOPClassUID", header.sop_class), ("MediaStorageSOPInstanceUID", header.sop_uid)):
        setattr(film.file_meta, name, uid)
    film.preamble = bytes(PREAMBLE)
    written = BytesIO()
    film.save_as(written, enforce_file_format=True)
    return written.getvalue()
