"""Pictures for tests: drawn, of nobody."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw

ORIENTATION, MAKER = 0x0112, 0x010F  # EXIF tags


def draw_face(width: int = 960, height: int = 1200, kind: str = "JPEG", orientation: int | None = None,
              tone: str = "#c98f6b") -> bytes:
    """A round face on a plain wall; with `orientation` as a telephone writes it that was held sideways."""
    image = Image.new("RGB", (width, height), "#dfe6ea")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.25, height * 0.15, width * 0.75, height * 0.75), fill=tone)
    draw.rectangle((width * 0.1, height * 0.85, width * 0.9, height), fill="#274a5c")
    draw.rectangle((0, 0, width // 8, height // 8), fill="#d01010")  # tells which corner is which
    exif = Image.Exif()
    exif[MAKER] = "Invented Telephones"
    if orientation:
        exif[ORIENTATION] = orientation
    made = BytesIO()
    image.save(made, kind, **({"exif": exif.tobytes()} if kind == "JPEG" else {}))
    return made.getvalue()
