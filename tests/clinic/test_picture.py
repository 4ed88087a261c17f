"""Portraits: one size, upright, nothing of the camera left in them; what is no portrait is refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from clinic.errors import InvalidInput
from clinic.picture import HEIGHT, LARGEST, WIDTH, PictureFault, prepare_portrait
from clinic.picture_door import receive_portrait
from tests.picture import draw_face

SCRIPT = b"<script>alert(document.cookie)</script>"

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(960, 1200), (1600, 900), (240, 900)])
def test_picture_becomes_a_jpeg_of_one_size(app: Flask, kind: str, size: tuple[int, int]) -> None:
    with Image.open(BytesIO(prepare_portrait(draw_face(*size, kind=kind)))) as made:
        assert (made.format, made.size, made.mode) == ("JPEG", (WIDTH, HEIGHT), "RGB")


def test_what_the_camera_wrote_is_gone(app: Flask) -> None:
    sent = draw_face()
    assert b"Invented Telephones" in sent
    made = prepare_portrait(sent)
    assert b"Invented" not in made and b"Exif" not in made


def test_telephone_held_sideways_gives_an_upright_picture(app: Flask) -> None:
    with Image.open(BytesIO(draw_face(960, 1200))) as upright:
        lying = BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6  # the top stands at the right
        upright.transpose(Image.Transpose.ROTATE_90).save(lying, "JPEG", exif=exif.tobytes())
    with Image.open(BytesIO(prepare_portrait(lying.getvalue()))) as made:
        red, green, _blue = made.getpixel((10, 10))  # type: ignore[misc]
        assert red > 150 > green + 50


@pytest.mark.parametrize(("content", "part"), [
    (b"", "no picture"), (b"MZ not a picture", "no picture"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no pic"),
    (draw_face()[:3000], "no picture"), (draw_face(200, 250), "too small"), (b"x" * (LARGEST + 1), "12 MB"),
])
def test_what_is_no_portrait_is_refused(app: Flask, tmp_path: Path, content: bytes, part: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        receive_portrait(content, tmp_path)
    assert part in refused.value.fields["photo"][0]


def test_covered_lens_is_refused(app: Flask) -> None:
    dark = BytesIO()
    Image.new("RGB", (640, 800), "#050505").save(dark, "JPEG")
    with pytest.raises(PictureFault, match="shows-nothing"):
        prepare_portrait(dark.getvalue())


def test_picture_of_very_many_pixels_is_refused_unread(app: Flask) -> None:
    huge = BytesIO()
    Image.new("1", (9000, 8000)).save(huge, "PNG")
    assert len(huge.getvalue()) < LARGEST
    with pytest.raises(PictureFault, match="too-many-pixels"):
        prepare_portrait(huge.getvalue())


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _hide_in_png() -> bytes:
    """A picture whose text chunk and tail are a page with a script."""
    plain = draw_face(kind="PNG")
    end = plain.index(b"IEND") - 4
    return plain[:end] + _chunk(b"tEXt", b"Comment\0" + SCRIPT) + plain[end:] + SCRIPT


def _hide_in_jpeg() -> bytes:
    plain = draw_face()
    return plain[:2] + b"\xff\xfe" + struct.pack(">H", len(SCRIPT) + 2) + SCRIPT + plain[2:] + b"PK\x03\x04" + SCRIPT


def _hide_in_webp() -> bytes:
    plain = draw_face(kind="WEBP")
    body = plain[8:] + b"XMP " + struct.pack("<I", len(SCRIPT) + len(SCRIPT) % 2) + SCRIPT + bytes(len(SCRIPT) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("make", [_hide_in_png, _hide_in_jpeg, _hide_in_webp])
def test_picture_that_is_a_page_as_well_leaves_as_a_picture_alone(tmp_path: Path, make: Callable[[], bytes]) -> None:
    sent = make()
    assert b"<script>" in sent
    made = receive_portrait(sent, tmp_path)
    assert b"script" not in made and b"PK\x03\x04" not in made and made.startswith(b"\xff\xd8\xff\xe0")
    with Image.open(BytesIO(made)) as image:
        assert (image.format, image.size) == ("JPEG", (WIDTH, HEIGHT)) and not image.info.get("comment")


@pytest.mark.parametrize("content", [
    b"GIF89a/*" + bytes(20) + b"*/=1;" + SCRIPT, b"<html>" + SCRIPT, b"%PDF-1.7\n" + SCRIPT, b"BM" + SCRIPT * 40,
    b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(id) run", b"II*\0" + bytes(200), b"PK\x03\x04" + bytes(200),
], ids=["gif", "html", "pdf", "bmp", "svg", "postscript", "tiff", "zip"])
def test_other_kinds_are_refused_whatever_their_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidInput, match="no picture that can be read"):
        receive_portrait(content, tmp_path)


def _bomb_of_pixels() -> bytes:
    """64,000 x 64,000 pixels in a few hundred bytes."""
    header = struct.pack(">IIBBBBB", 64_000, 64_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"0")) + _chunk(b"IEND", b"")


def _bomb_of_text() -> bytes:
    """A good picture with 200 MB of nothing in a packed text."""
    plain, packer = draw_face(kind="PNG"), zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    return plain[:33] + _chunk(b"zTXt", b"Comment\0\0" + packed) + plain[33:]


def test_picture_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    for bomb, says in ((_bomb_of_pixels(), "too many pixels|no picture"), (_bomb_of_text(), "no picture")):
        assert len(bomb) < 1_000_000
        with pytest.raises(InvalidInput, match=says):
            receive_portrait(bomb, tmp_path)
