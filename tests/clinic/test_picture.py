"""Portraits: one size, upright, nothing of the camera left in them; what is no portrait is refused."""

from __future__ import annotations

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image

from clinic.errors import InvalidInput
from clinic.picture import HEIGHT, LARGEST, WIDTH, prepare_portrait
from tests.picture import draw_face

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
def test_what_is_no_portrait_is_refused(app: Flask, content: bytes, part: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        prepare_portrait(content)
    assert part in refused.value.fields["photo"][0]


def test_covered_lens_is_refused(app: Flask) -> None:
    dark = BytesIO()
    Image.new("RGB", (640, 800), "#050505").save(dark, "JPEG")
    with pytest.raises(InvalidInput, match="shows nothing"):
        prepare_portrait(dark.getvalue())


def test_picture_of_very_many_pixels_is_refused_unread(app: Flask) -> None:
    huge = BytesIO()
    Image.new("1", (9000, 8000)).save(huge, "PNG")
    assert len(huge.getvalue()) < LARGEST
    with pytest.raises(InvalidInput, match="too many pixels"):
        prepare_portrait(huge.getvalue())
