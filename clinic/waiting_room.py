"""At which station a person who is here today is or waits, what for, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from clinic.laboratory_test import list_tests
from clinic.models import CaseState, ConsentState
from clinic.progress import SPUTUM, XRAY, describe_exam, describe_progress, label_exam
from clinic.queries.standing import Mark, Standing
from clinic.services.completion import FORM_EXAMS

VACCINATION_REVIEW = "vaccination-review"


class Stop(StrEnum):
    """The stations in the order in which people usually pass them."""

    RECEPTION = "reception"
    CONSENT = "consent"
    HISTORY = "history"
    EXAM = "exam"
    XRAY = "xray"
    LABORATORY = "laboratory"
    VACCINATION = "vaccination"
    REVIEW = "review"


# Where somebody has the person in front of them after confirming who it is at a station of clinic/station.py.
PLACES = {
    "reception": (Stop.RECEPTION, Stop.CONSENT), "exam": (Stop.HISTORY, Stop.EXAM), "xray": (Stop.XRAY,),
    "sputum": (Stop.LABORATORY,), "phlebotomy": (Stop.LABORATORY,), "vaccination": (Stop.VACCINATION,),
}


@dataclass
class Presence:
    """What the desk knows of somebody who is here."""

    number: int
    arrived_at: datetime
    has_photo: bool = False
    consent: ConsentState | None = None
    seen: Mark | None = None  # the last who confirmed today who it is; `what`: the station


@dataclass(frozen=True)
class Errand:
    """Something the person is here for: the station, the words, and the part of the address where it is done."""

    stop: Stop
    why: str
    path: str
    exam: str = ""


@dataclass(frozen=True)
class Place:
    """Where the person is or waits, what for, what comes after, and who has them in front of them."""

    errand: Errand
    then: tuple[Stop, ...]
    with_: Mark | None
    since: datetime


def find_place(row: Any, standing: Standing, presence: Presence, today: date, zone: str) -> Place:
    """The place of the case in `row` (a row of clinic/queries/worklist.py), today at the site in `zone`."""
    errands = list_errands(row, standing, presence, today, zone)
    here = PLACES.get(presence.seen.what, ()) if presence.seen else ()
    errand = next((one for one in errands if one.stop in here), None)
    with_ = presence.seen if errand is not None else None
    errand = errand or errands[0]
    last = max(presence.arrived_at, row.updated_at, presence.seen.at if presence.seen else presence.arrived_at)
    others = tuple(stop for stop in Stop if stop is not errand.stop and any(one.stop is stop for one in errands))
    return Place(errand, others, with_, with_.at if with_ else last)


def list_errands(row: Any, standing: Standing, presence: Presence, today: date, zone: str) -> list[Errand]:
    """Everything the person can do here today, in the order of the stations; at least one."""
    why = describe_progress(row.state, row.progress, row.progress_detail, today, standing, row.programme, zone)
    if row.state is CaseState.ON_HOLD:
        return [Errand(Stop.RECEPTION, why, "")]
    found = []
    if not presence.has_photo:
        found.append(Errand(Stop.RECEPTION, _("Photo to be taken"), "photo"))
    if row.progress == "facts":
        found.append(Errand(Stop.RECEPTION, why, "circumstances"))
    if presence.consent is not ConsentState.GIVEN:
        words = _("Consent to be recorded") if presence.consent is None else _("Consent refused or withdrawn")
        found.append(Errand(Stop.CONSENT, words, "consent"))
    for exam in standing.exams:
        errand = _find_errand(exam, row, standing, today, zone)
        if errand is not None:
            found.append(errand)
    found.sort(key=lambda one: list(Stop).index(one.stop))
    return found or [Errand(Stop.REVIEW, why, "sign")]


def _find_errand(exam: str, row: Any, standing: Standing, today: date, zone: str) -> Errand | None:
    state = describe_exam(exam, standing, row.programme, today, zone)
    line = f"{state.words}: {label_exam(exam)}"
    if exam in FORM_EXAMS:
        return Errand(Stop.EXAM if state.code == "draft" else Stop.HISTORY, line, "forms", exam)
    if exam in XRAY:
        return Errand(Stop.XRAY, line, "xray", exam) if state.code in ("to-do", "film-held") else None
    if exam in SPUTUM:
        is_taken_today = any(mark.collected_on == today for mark in standing.specimens.values())
        return None if is_taken_today or state.code != "to-do" else Errand(Stop.LABORATORY, line, "sputum", exam)
    if exam == VACCINATION_REVIEW:
        return Errand(Stop.VACCINATION, line, "vaccination", exam)
    if any(exam in test.exams for test in list_tests().values()):
        waits = state.code in ("to-do", "sent-back")
        return Errand(Stop.LABORATORY, line, "laboratory", exam) if waits else None
    return None
