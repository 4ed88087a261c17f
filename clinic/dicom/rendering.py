"""From stored values to what is looked at: modality LUT, VOI LUT, polarity, then at most 12 bits (hl7-dicom.md 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from clinic.dicom.pixel import Pixels

BITS = 12
HIGHEST = (1 << BITS) - 1
# Without a window in the file: from the 1st to the 99th percentile (hl7-dicom.md 5.3).
TAILS = (1.0, 99.0)
Grey = NDArray[np.uint16]


@dataclass(frozen=True)
class Rendering:
    """`grey` has 0 for black to `HIGHEST` for white whatever the file's polarity; the window is in its values."""

    grey: Grey
    centre: float
    width: float


def render(film: Dataset, pixels: Pixels) -> Rendering:
    """Everything the file demands short of the window, which the viewer applies."""
    values = apply_modality_lut(pixels, film)
    window = _find_window(film)
    if "VOILUTSequence" in film and len(film.VOILUTSequence):
        values, window = apply_voi_lut(values, film, index=0, prefer_lut=True), None
    low, high = float(values.min()), float(values.max())
    is_whole = values.dtype.kind in "iu" or bool(np.all(np.mod(values, 1) == 0))
    factor = 1.0 if is_whole and high - low <= HIGHEST else HIGHEST / (high - low)
    grey = np.rint((values - low) * factor).astype(np.uint16)
    if window is None:
        window = _spread(_without_padding(film, pixels, grey))
    else:
        window = (window[0] - low) * factor, window[1] * factor
    if film.get("PhotometricInterpretation") == "MONOCHROME1":
        brightest = int(grey.max())
        grey = brightest - grey
        window = brightest - window[0], window[1]
    return Rendering(grey, float(window[0]), max(1.0, float(window[1])))


def apply_window(grey: Grey, centre: float, width: float) -> NDArray[np.uint8]:
    """8 bits of what the window shows, linearly (PS3.3 C.11.2.1.2, simplified as the viewer does it)."""
    table = np.arange(HIGHEST + 1, dtype=np.float64)
    table = np.clip((table - (centre - width / 2)) / width, 0, 1) * 255
    return np.rint(table).astype(np.uint8)[grey]


def halve(grey: Grey) -> Grey:
    """Half the size: the mean of each two by two; an odd last row or column is left out."""
    rows, columns = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    whole = grey[:rows, :columns].astype(np.uint32)
    summed = whole[0::2, 0::2] + whole[0::2, 1::2] + whole[1::2, 0::2] + whole[1::2, 1::2]
    return ((summed + 2) // 4).astype(np.uint16)


def _find_window(film: Dataset) -> tuple[float, float] | None:
    """The file's first window as centre and width, if it is one."""
    try:
        centre, width = (_first(film.get(name)) for name in ("WindowCenter", "WindowWidth"))
    except (ValueError, TypeError, IndexError):
        return None
    return (centre, width) if width >= 1 else None


def _first(value: object) -> float:
    if isinstance(value, str) or not hasattr(value, "__getitem__"):
        return float(value)  # type: ignore[arg-type]
    return float(value[0])


def _without_padding(film: Dataset, pixels: Pixels, grey: Grey) -> Grey:
    """The values that are picture: what the file calls padding would darken the window."""
    padding = film.get("PixelPaddingValue")
    if not isinstance(padding, int):
        return grey
    found = grey[pixels != padding]
    return found if found.size else grey


def _spread(values: Grey) -> tuple[float, float]:
    low, high = np.percentile(values[::7] if values.ndim == 1 else values[::3, ::3], TAILS)
    return float(low + high) / 2, max(1.0, float(high - low))
