"""An uploaded portrait becomes one JPEG of fixed size, upright and without anything the camera wrote into it."""

from __future__ import annotations

from io import BytesIO

from flask_babel import gettext as _
from PIL import Image, ImageOps, ImageStat

from clinic.errors import InvalidInput

WIDTH, HEIGHT = 480, 600  # 4:5, enough for 38 × 48 mm in print at 300 dpi
LARGEST = 12 * 1024 * 1024  # bytes; a telephone's camera stays below
MOST_PIXELS = 64_000_000  # decoded it would fill the memory
QUALITY = 88
FORMATS = ("JPEG", "PNG", "WEBP")
FLATTEST = 4.0  # standard deviation of grey values, of 255: less is a covered lens or an empty page


def prepare_portrait(content: bytes) -> bytes:
    """A JPEG of 480 × 600 pixels, cropped to the middle, turned upright, without EXIF.

    Raises InvalidInput with a sentence at `photo` when it is no picture, too large, too small, or shows nothing.
    """
    if len(content) > LARGEST:
        raise _refuse(_("The picture may have at most 12 MB."))
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise _refuse(_("The picture has too many pixels. Take it with a lower resolution."))
            if min(width / WIDTH, height / HEIGHT) < 0.5:
                raise _refuse(_("The picture is too small: it needs at least 240 by 300 pixels."))
            image.draft("RGB", (2 * WIDTH, 2 * HEIGHT))  # a JPEG is decoded no larger than needed
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refuse(_("This is no picture that can be read. Send a JPEG, PNG or WebP file.")) from None
    portrait = ImageOps.fit(upright, (WIDTH, HEIGHT), Image.Resampling.LANCZOS, centering=(0.5, 0.45))
    if ImageStat.Stat(portrait.convert("L")).stddev[0] < FLATTEST:
        raise _refuse(_("The picture shows nothing. Take it again."))
    made = BytesIO()
    portrait.save(made, "JPEG", quality=QUALITY, optimize=True)
    return made.getvalue()


def _refuse(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, fields={"photo": [sentence]})
