"""Films of a case: sent by the browser, looked at a second time when they may be another person's, shown."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as WebResponse

from clinic.audit import record_read
from clinic.db import db, read_unit, write_unit
from clinic.dicom.fault import FilmFault
from clinic.dicom.summary import FULL, HALF, PREVIEW
from clinic.errors import ClearwayError, InvalidInput, NotFound
from clinic.film_word import FAULT_WORDS
from clinic.models import Case, Film, FilmState, User
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.case import get_case
from clinic.schemas.reason import ReasonIn
from clinic.services import film as films
from clinic.services.film import Receipt
from clinic.unit import manages_units
from clinic.web.film_view import compare_rows, get_files, list_rows, list_views
from clinic.web.form import read_form
from clinic.web.gate import find_gate
from clinic.web.reauthentication import load_again
from clinic.web.station_page import Answer, forget, is_recording, list_names, open_case, show

blueprint = Blueprint("film", __name__, url_prefix="/cases/<case_id>/films")
P = Permission
VIEWERS = (P.UPLOAD_FILM, P.READ_XRAY, P.RECORD_EXAM)  # who may see a film
LARGEST_FILM = 50 * 1024 * 1024  # ca-au-nz-uk-addendum.md 2.1: each below 50 MB
LARGEST_REQUEST = 128 * 1024 * 1024  # two views of the largest kind and some more of the usual
PICTURES = {"preview": (PREVIEW, "image/jpeg"), "half": (HALF, "application/octet-stream"),
            "full": (FULL, "application/octet-stream")}


@blueprint.url_value_preprocessor
def _allow_films(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let a signed-in sender send more than a form, before anything reads the form."""
    if endpoint == f"{blueprint.name}.upload" and "_user_id" in session:
        request.max_content_length = LARGEST_REQUEST


@blueprint.get("")
@requires(P.UPLOAD_FILM)
def view(case_id: str) -> Answer | WebResponse:
    """Every film of the case, and where to send more."""
    case = open_case(case_id)
    gate = find_gate(case) if is_recording(case) else None
    return gate or _show_list(case, [])


@blueprint.post("")
@requires(P.UPLOAD_FILM)
@manages_units
def upload(case_id: str) -> Answer | WebResponse:
    """Receive films: each is prepared with nothing held open, then written down in a short unit of its own."""
    case = get_case(case_id, current_user)
    actor_id = current_user.id
    sent = [file for file in request.files.getlist("films") if file.filename]
    if not sent:
        return _show_list(case, [], InvalidInput(_("Choose a film."), fields={"films": [_("Choose a film first.")]}))
    db.session.rollback()
    outcomes = [_receive(file, case_id, actor_id) for file in sent]
    refused = [outcome for outcome in outcomes if outcome["tone"] == "bad"]
    waiting = [outcome["film_id"] for outcome in outcomes if outcome["quarantined"]]
    if refused or (waiting and len(outcomes) > 1):
        return _show_list(get_case(case_id, current_user), outcomes, status=422 if refused else 200)
    if waiting:
        return redirect(url_for(".look", case_id=case_id, film_id=waiting[0]))  # which says what is the matter
    for text, category in dict.fromkeys((outcome["text"], outcome["category"]) for outcome in outcomes):
        flash(text, category)
    return redirect(url_for("xray.view", case_id=case_id))


@blueprint.get("/<film_id>")
@requires(*VIEWERS)
def look(case_id: str, film_id: str) -> Answer:
    """One film beside its case, and the decision of the second look."""
    case = open_case(case_id)
    return _show_film(case, films.get_film(case, film_id), {})


@blueprint.post("/<film_id>/decide")
@requires(P.UPLOAD_FILM)
def decide(case_id: str, film_id: str) -> Answer | WebResponse:
    """Confirm that the film is this person's, or reject it; either with the reason."""
    case = get_case(case_id, current_user)
    film = films.get_film(case, film_id)
    typed = read_form(request.form)
    try:
        reason = load_again(ReasonIn(), typed, releases=typed.get("decision") == "confirm")
        if typed.get("decision") == "confirm":
            films.confirm_film(film, reason, current_user)
        elif typed.get("decision") == "reject":
            films.reject_film(film, reason, current_user)
        else:
            raise InvalidInput(_("Choose."), fields={"decision": [_("Choose what is to become of the film.")]})
    except ClearwayError as problem:
        case = forget(case_id)
        shown = problem if isinstance(problem, InvalidInput) else InvalidInput(problem.message)
        return _show_film(case, films.get_film(case, film_id), typed, shown)
    flash(_("The film may be read now.") if film.state is FilmState.ACCEPTED else _("Written down."), "success")
    return redirect(url_for("xray.view", case_id=case_id))


@blueprint.get("/<film_id>/<name>")
@requires(*VIEWERS)
def picture(case_id: str, film_id: str, name: str) -> Response:
    """The film's pixels; every look is written down, nothing of it is kept by the browser."""
    case = get_case(case_id, current_user)
    film = films.get_film(case, film_id)
    if name not in PICTURES:
        raise NotFound(_("There is no such picture of this film."), film=film.id)
    file, kind = PICTURES[name]
    record_read("user", current_user.id, "see-film", "film", film.id, case_id=case.id, site_id=case.site_id,
                detail={"picture": name})
    response = Response(get_files().read_picture(film.sha256, file), mimetype=kind)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _receive(file: FileStorage, case_id: str, actor_id: str) -> dict[str, Any]:
    """What became of one file: its name, one sentence, its tone."""
    name = (file.filename or "")[-60:]
    if file.stream.seek(0, 2) > LARGEST_FILM:
        return _outcome(name, _("A film may have at most 50 MB. Export it compressed without loss."), "bad")
    file.stream.seek(0)
    files = get_files()
    try:
        summary, kept = files.receive(file.save)
    except FilmFault as refused:
        return _outcome(name, str(FAULT_WORDS[refused.fault]), "bad")
    except ClearwayError as problem:
        return _outcome(name, problem.message, "bad")
    try:
        with write_unit() as unit:
            actor = unit.get_one(User, actor_id)
            receipt, film = films.receive_film(get_case(case_id, actor), summary, kept, actor)
            outcome = _describe(name, receipt, film)
    except ClearwayError as problem:
        outcome = _outcome(name, problem.message, "bad")
    with read_unit():
        if not films.is_in_store(kept.sha256):
            files.discard(kept.sha256)
    return outcome


def _describe(name: str, receipt: Receipt, film: Film | None) -> dict[str, Any]:
    if receipt is Receipt.CONFLICT:
        return _outcome(name, _("Another film came earlier under the same DICOM number, and the two differ. This one "
                                "was not kept. Ask the X-ray room which is right."), "bad")
    if receipt is Receipt.ELSEWHERE or film is None:
        return _outcome(name, _("This very film is on another person's case. It was not kept here: find out whose it "
                                "is; once it is rejected there, send it again."), "bad")
    if receipt is Receipt.SAME:
        said = _("This film was here already, and rejected.") if film.state is FilmState.REJECTED else _(
            "This film was here already; nothing was done twice.")
        return _outcome(name, said, "warn" if film.state is FilmState.REJECTED else "neutral", film)
    words = {
        FilmState.ACCEPTED: (_("Received; ready to be read."), "good"),
        FilmState.PRIOR: (_("Received as a prior film: it was taken before this exam began."), "warn"),
        FilmState.QUARANTINED: (_("Stop: this film may be another person's. It is in quarantine until another person "
                                  "has looked at it."), "bad-kept"),
    }
    said, tone = words[film.state]
    return _outcome(name, said, tone, film)


def _outcome(name: str, text: str, tone: str, film: Film | None = None) -> dict[str, Any]:
    quarantined = tone == "bad-kept"
    category = {"good": "success", "warn": "warning", "neutral": "info"}.get(tone, "error")
    return {"name": name, "text": text, "tone": "warn" if quarantined else tone, "quarantined": quarantined,
            "category": category, "film_id": film.id if film else None}


def _show_list(case: Case, outcomes: list[dict[str, Any]], problem: InvalidInput | None = None,
               status: int = 200) -> Answer:
    known = films.list_films(case)
    answer = show("film/list.html", case, problem, outcomes=outcomes,
                  film_rows=list_rows(known, list_names(film.received_by_id for film in known)))
    return (answer, status) if isinstance(answer, str) and status != 200 else answer


def _show_film(case: Case, film: Film, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    names = list_names((film.received_by_id, film.decided_by_id))
    may_decide = is_recording(case) and has_permission(P.UPLOAD_FILM) and film.state is not FilmState.REJECTED
    return show(
        "film/look.html", case, problem, film=film, row=list_rows([film], names)[0], compared=compare_rows(film),
        views=list_views([film]), typed=typed, names=names, may_decide=may_decide,
        may_confirm=may_decide and film.state in (FilmState.QUARANTINED, FilmState.PRIOR)
        and film.received_by_id != current_user.id,
        is_own=film.received_by_id == current_user.id,
    )


