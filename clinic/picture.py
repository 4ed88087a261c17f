"""An uploaded portrait becomes one JPEG of fixed size, upright and without anything the camera wrote into it."""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO

from PIL import Image, ImageOps, ImageStat

WIDTH, HEIGHT = 480, 600  # 4:5, enough for 38 × 48 mm in print at 300 dpi
LARGEST = 12 * 1024 * 1024  # bytes; a telephone's camera stays below
MOST_PIXELS = 64_000_000  # decoded it would fill the memory
QUALITY = 88
FORMATS = ("JPEG", "PNG", "WEBP")
FLATTEST = 4.0  # standard deviation of grey values, of 255: less is a covered lens or an empty page


class Fault(StrEnum):
    """Why a picture is not taken."""

    TOO_LARGE = "too-large"
    TOO_MANY_PIXELS = "too-many-pixels"
    TOO_SMALL = "too-small"
    NO_PICTURE = "no-picture"
    SHOWS_NOTHING = "shows-nothing"


class PictureFault(Exception):
    """A picture that is not taken; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def prepare_portrait(content: bytes) -> bytes:
    """A JPEG of 480 × 600 pixels, cropped to the middle, turned upright, without EXIF. Raises PictureFault.

    Only what its first bytes say is a JPEG, PNG or WebP is opened, whatever it is called; a stranger's in a child.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise PictureFault(Fault.TOO_MANY_PIXELS)
            if min(width / WIDTH, height / HEIGHT) < 0.5:
                raise PictureFault(Fault.TOO_SMALL)
            image.draft("RGB", (2 * WIDTH, 2 * HEIGHT))  # a JPEG is decoded no larger than needed
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureFault(Fault.NO_PICTURE) from None
    portrait = ImageOps.fit(upright, (WIDTH, HEIGHT), Image.Resampling.LANCZOS, centering=(0.5, 0.45))
    if ImageStat.Stat(portrait.convert("L")).stddev[0] < FLATTEST:
        raise PictureFault(Fault.SHOWS_NOTHING)
    portrait.info.clear()  # else the writer copies a comment of the sender's into our file
    made = BytesIO()
    portrait.save(made, "JPEG", quality=QUALITY, optimize=True)
    return made.getvalue()
