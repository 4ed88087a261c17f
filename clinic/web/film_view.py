"""What pages say of films: one row of the list, and what the viewer needs to draw one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _

from clinic.config import get_settings
from clinic.dicom.fault import FilmFault
from clinic.dicom.summary import PersonOnFilm, Summary
from clinic.dicom.transfer_syntax import label_transfer_syntax
from clinic.errors import ClearwayError
from clinic.film_word import MATCH_WORDS, REMARK_WORDS, STATE_WORDS, VIEW_WORDS, tone_of
from clinic.models import Film, FilmState, Sex
from clinic.partial_date import format_clinically, parse_partial_date
from clinic.services.film_comparison import Match
from clinic.services.film_file import FilmFiles
from clinic.web.clinical_format import person_name
from clinic.web.word import sex_word


def get_files() -> FilmFiles:
    """The films' files of the running application."""
    return FilmFiles(get_settings(current_app))


def label_film(film: Film) -> str:
    """`PA, 20-Nov-2026`."""
    day = format_clinically(film.taken_on) if film.taken_on else _("no date")
    return f"{VIEW_WORDS.get(film.view, VIEW_WORDS['other'])}, {day}"


def list_rows(films: Iterable[Film], names: dict[str, str]) -> list[dict[str, Any]]:
    """Films for the list on a page."""
    return [{
        "film": film, "label": label_film(film), "state": STATE_WORDS[film.state], "by": names.get(film.received_by_id),
        "size": f"{film.columns} × {film.rows}", "syntax": label_transfer_syntax(film.transfer_syntax),
        "remarks": [(REMARK_WORDS[remark], tone_of(remark)) for remark in film.remarks],
    } for film in films]


def list_views(films: Iterable[Film]) -> list[dict[str, Any]]:
    """What the viewer is given of each film; one whose file is gone or damaged is left out."""
    files, found = get_files(), []
    for film in films:
        try:
            found.append(_build_view(film, files.read_summary(film.sha256)))
        except (ClearwayError, FilmFault, OSError):
            current_app.logger.error("film %s cannot be shown: its file is gone or damaged", film.id)
    return found


def compare_rows(film: Film) -> list[dict[str, Any]]:
    """Film and case side by side: what, on the film, in the case, how they stand to each other."""
    try:
        on_film = get_files().read_summary(film.sha256).header.person
    except (ClearwayError, FilmFault, OSError):
        on_film = PersonOnFilm()
    applicant = film.case.applicant
    numbers = ", ".join(number for number in (on_film.patient_id, on_film.accession) if number)
    pairs = (
        ("name", _("Name"), _write_name(on_film), person_name(applicant)),
        ("birth_date", _("Born"), _write_day(on_film.birth_date), _write_day(applicant.birth_date)),
        ("sex", _("Sex"), _write_sex(on_film), sex_word(applicant.sex)),
        ("number", _("Numbers"), numbers, ", ".join(_list_numbers(film))),
    )
    return [{"what": what, "film": on, "case": ours, "match": MATCH_WORDS[film.person.get(key, Match.MISSING)]}
            for key, what, on, ours in pairs]


def _list_numbers(film: Film) -> list[str]:
    case = film.case
    return [number for number in (case.number, case.applicant.number, case.authority_case_number) if number]


def _build_view(film: Film, summary: Summary) -> dict[str, Any]:
    header, person = summary.header, summary.header.person
    urls = {"preview": _url(film, "preview"), "full": _url(film, "full")}
    if summary.has_half:
        urls["half"] = _url(film, "half")
    return {
        "id": film.id, "label": label_film(film), "state": film.state.value, "day": _write_day(header.taken_on),
        "taken_on": header.taken_on, "view": header.view or "", "urls": urls, "rows": header.rows,
        "columns": header.columns, "highest": summary.highest, "centre": summary.centre, "width": summary.width,
        "spacing": header.spacing, "calibrated": header.is_calibrated,
        "corner": [line for line in (
            _write_name(person), " ".join((_write_day(person.birth_date), _write_sex(person))).strip(),
            " ".join((person.patient_id, person.accession)).strip(),
            " ".join(part for part in (str(VIEW_WORDS.get(film.view, "")), header.side.strip("U"),
                                      _write_day(header.taken_on)) if part)) if line],
        "alarm": _find_alarm(film), "lossy": header.is_lossy,
    }


def _find_alarm(film: Film) -> str:
    """What is written in the red bar over the film: what differs, or that it may not be read."""
    words = {"name": _("name"), "birth_date": _("birth date"), "sex": _("sex")}
    wrong = [words[key] for key in words if film.person.get(key) == Match.DIFFERS]
    if wrong:
        return _("Not as in the case: %(what)s", what=", ".join(wrong))
    return _("In quarantine: do not read") if film.state is FilmState.QUARANTINED else ""


def _url(film: Film, name: str) -> str:
    return url_for("film.picture", case_id=film.case_id, film_id=film.id, name=name)


def _write_name(person: PersonOnFilm) -> str:
    """The film's first name group as `FAMILY, given`."""
    family, _caret, given = (person.names[0] if person.names else "").partition("^")
    return ", ".join(part for part in (family.upper(), given.replace("^", " ").strip()) if part)


def _write_day(iso: str) -> str:
    return format_clinically(parse_partial_date(iso)) if iso else ""


def _write_sex(person: PersonOnFilm) -> str:
    written = {"M": Sex.MALE, "F": Sex.FEMALE, "O": Sex.OTHER}
    return sex_word(written[person.sex]) if person.sex in written else ""
