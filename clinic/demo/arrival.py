"""The demo's waiting room: some of today's people have arrived, with a drawn photo, and some stand at a station."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from io import BytesIO
from random import Random
from zoneinfo import ZoneInfo

from flask import current_app
from PIL import Image, ImageDraw

from clinic import clock
from clinic.config import get_settings
from clinic.db import db
from clinic.file_store import open_store
from clinic.models import Case, IdentityMethod, PhotoSource, User
from clinic.picture import HEIGHT, WIDTH, prepare_portrait
from clinic.services.consent import OPEN_TO_DECISION
from clinic.services.identity import confirm_identity
from clinic.services.photo import record_photo
from clinic.services.visit import check_in
from clinic.station import list_stations

SHARE = 0.3  # of the demo's people are here today
PHOTO_SHARE = 0.8  # of them have had their photo taken
AT_STATION = {"exam": "nurse", "xray": "radiographer", "vaccination": "nurse"}  # who has somebody in front of them
AT_STATION_SHARE = 0.25
LONGEST = 95  # minutes since somebody came
SKINS = ("#8d5a3c", "#a9714b", "#c98f6b", "#dcae8b", "#f0cdb0")
CLOTHES = ("#274a5c", "#5c2746", "#2f5c27", "#6b4a1f", "#3b3b52")


def let_arrive(rng: Random, case: Case, staff: dict[str, User]) -> None:
    """Perhaps the person of `case` has come today. Needs a write unit."""
    if case.state not in OPEN_TO_DECISION or rng.random() > SHARE:
        return
    visit = check_in(case, staff["reception"])
    if rng.random() < PHOTO_SHARE:
        content = prepare_portrait(draw_portrait(rng))
        record_photo(case, open_store(get_settings(current_app)).write(content), len(content),
                     PhotoSource.CAMERA, staff["reception"])
        if rng.random() < AT_STATION_SHARE:
            station, worker = rng.choice(sorted(AT_STATION.items()))
            confirm_identity(case, list_stations()[station], IdentityMethod.PHOTO, staff[worker])
    # Not before the day began: whoever came yesterday would not be here today.
    zone = ZoneInfo(case.site.time_zone)
    dawn = datetime.combine(clock.today(case.site.time_zone), time(), zone)
    visit.arrived_at = max(clock.now() - timedelta(minutes=rng.randrange(2, LONGEST)), dawn)
    case.updated_at = visit.arrived_at
    db.session.flush()


def draw_portrait(rng: Random) -> bytes:
    """A drawn face of nobody, as a JPEG."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "#e3e9ec")
    draw = ImageDraw.Draw(image)
    skin, cloth = rng.choice(SKINS), rng.choice(CLOTHES)
    draw.ellipse((WIDTH * 0.08, HEIGHT * 0.74, WIDTH * 0.92, HEIGHT * 1.4), fill=cloth)
    draw.rectangle((WIDTH * 0.42, HEIGHT * 0.6, WIDTH * 0.58, HEIGHT * 0.8), fill=skin)
    draw.ellipse((WIDTH * 0.26, HEIGHT * 0.12, WIDTH * 0.74, HEIGHT * 0.7), fill="#2b211c")
    draw.ellipse((WIDTH * 0.3, HEIGHT * 0.2, WIDTH * 0.7, HEIGHT * 0.68), fill=skin)
    for x in (0.4, 0.6):
        draw.ellipse((WIDTH * (x - 0.02), HEIGHT * 0.41, WIDTH * (x + 0.02), HEIGHT * 0.44), fill="#2b211c")
    draw.arc((WIDTH * 0.42, HEIGHT * 0.5, WIDTH * 0.58, HEIGHT * 0.6), 20, 160, fill="#6b2b22", width=5)
    made = BytesIO()
    image.save(made, "JPEG", quality=90)
    return made.getvalue()
