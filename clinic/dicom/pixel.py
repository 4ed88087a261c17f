"""A film's stored pixel values, unpacked from whatever transfer syntax it came in."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.pixels import pixel_array

from clinic.dicom.fault import Fault, FilmFault
from clinic.dicom.transfer_syntax import JPEG_EXTENDED, TRANSFER_SYNTAXES

Pixels = NDArray[np.integer[Any]]
# Red, green and blue as the eye weighs them (ITU-R BT.601), for a film that was captured in colour.
_LUMA = (0.299, 0.587, 0.114)


def decode_pixels(film: Dataset, path: Path) -> Pixels:
    """Rows x columns of stored values; `path` is the file that `film` was read from.

    Raises FilmFault when they are not all there, or cannot be unpacked.
    """
    syntax = TRANSFER_SYNTAXES[str(film.file_meta.TransferSyntaxUID)]
    if not syntax.is_encapsulated:
        _check_length(film)
    if syntax.uid == JPEG_EXTENDED and int(film.BitsStored) > 8:
        return _decode_with_dcmtk(path)
    return _decode(film)


def _decode(film: Dataset) -> Pixels:
    try:
        found: Pixels = pixel_array(film)
    except MemoryError:
        raise FilmFault(Fault.TOO_LARGE) from None
    except Exception:  # every decoder has errors of its own kind
        raise FilmFault(Fault.DAMAGED) from None
    if found.shape[:2] != (int(film.Rows), int(film.Columns)):
        raise FilmFault(Fault.DAMAGED)
    if found.ndim == 3:
        found = np.rint(found[..., :3] @ np.array(_LUMA)).astype(np.uint8 if found.dtype == np.uint8 else np.uint16)
    if found.dtype.kind == "u" and int(film.BitsStored) < found.dtype.itemsize * 8:
        found = np.bitwise_and(found, (1 << int(film.BitsStored)) - 1)  # overlays of old may lie in the bits above
    return found


def _check_length(film: Dataset) -> None:
    bits = int(film.Rows) * int(film.Columns) * int(film.SamplesPerPixel) * int(film.BitsAllocated)
    if len(film.PixelData) < bits // 8:
        raise FilmFault(Fault.TRUNCATED)


def _decode_with_dcmtk(path: Path) -> Pixels:
    """12-bit JPEG: no freely licensed decoder for Python reads it, so dcmtk unpacks the file first."""
    tool = shutil.which("dcmdjpeg")
    if tool is None:
        raise FilmFault(Fault.NEEDS_DCMTK)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        plain = Path(folder) / "plain.dcm"
        done = subprocess.run([tool, str(path), str(plain)], capture_output=True, check=False)
        if done.returncode or not plain.exists():
            raise FilmFault(Fault.DAMAGED)
        film = dcmread(plain)
        _check_length(film)
        return _decode(film)
