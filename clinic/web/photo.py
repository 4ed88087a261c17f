"""The photo of a visit: taken by the camera or sent as a file, shown on every page about the person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response as WebResponse

from clinic.audit import record_read
from clinic.config import get_settings
from clinic.db import db, write_unit
from clinic.errors import InvalidInput, NotFound
from clinic.file_store import FileStore, find_slots_folder, open_store
from clinic.models import Case, Photo, PhotoSource, User
from clinic.permissions import Permission, has_permission, requires
from clinic.picture import LARGEST
from clinic.picture_door import receive_portrait
from clinic.queries.case import get_case
from clinic.services.photo import find_photo, record_photo
from clinic.unit import manages_units
from clinic.web.case_word import address_photo
from clinic.web.gate import find_gate
from clinic.web.station_page import Answer, is_recording, list_names, open_case, show

blueprint = Blueprint("photo", __name__, url_prefix="/cases/<case_id>")
P = Permission
KEPT_SECONDS = 3600  # by the browser of who saw it; the address changes with the picture


@blueprint.url_value_preprocessor
def _allow_pictures(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let a signed-in sender send more than a form, before anything reads the form."""
    if endpoint == f"{blueprint.name}.save" and "_user_id" in session:
        request.max_content_length = LARGEST + 64 * 1024


@blueprint.get("/photo")
@requires(P.REGISTER)
def view(case_id: str) -> Answer | WebResponse:
    """The photo of this visit, and where to take one."""
    case = open_case(case_id)
    gate = find_gate(case) if is_recording(case) else None
    return gate or _show(case)


@blueprint.post("/photo")
@requires(P.REGISTER)
@manages_units
def save(case_id: str) -> Answer | WebResponse:
    """Keep the picture: prepared with nothing held open, then written down in a short unit."""
    case, actor_id = get_case(case_id, current_user), current_user.id
    sent = request.files.get("photo")
    source = PhotoSource.CAMERA if request.form.get("source") == "camera" else PhotoSource.FILE
    try:
        if sent is None or not sent.filename:
            sentence = _("Take a photo, or choose a file.")
            raise InvalidInput(sentence, fields={"photo": [sentence]})
        db.session.rollback()
        with sent.stream as stream:
            content = receive_portrait(stream.read(LARGEST + 1), find_slots_folder(get_settings(current_app)))
    except InvalidInput as problem:
        db.session.rollback()
        return _show(get_case(case_id, current_user), problem)
    sha256 = _files().write(content)
    with write_unit() as unit:
        actor = unit.get_one(User, actor_id)
        record_photo(get_case(case.id, actor), sha256, len(content), source, actor)
    flash(_("The photo is kept."), "success")
    return redirect(url_for("case.show", case_id=case_id))


@blueprint.get("/photo.jpg")
@requires(P.SEE_CASES)
def picture(case_id: str) -> Response:
    """The photo itself, for who may see the case; the browser keeps it for a while, nothing between does."""
    case = get_case(case_id, current_user)
    photo = find_photo(case)
    if photo is None:
        raise NotFound(_("There is no photo of this visit."), case=case_id)
    response = Response(mimetype="image/jpeg")
    response.set_etag(photo.sha256)
    response.headers["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
    response.make_conditional(request)
    if response.status_code != 304:
        record_read("user", current_user.id, "see-photo", "photo", photo.id, case_id=case.id, site_id=case.site_id)
        response.data = _files().read(photo.sha256)
    return response


def _files() -> FileStore:
    return open_store(get_settings(current_app))


def _show(case: Case, problem: InvalidInput | None = None) -> Answer:
    photo: Photo | None = find_photo(case)
    names = list_names([photo.taken_by_id]) if photo else {}
    return show("photo/view.html", case, problem, photo=photo, photo_url=address_photo(photo), names=names,
                writing=is_recording(case) and has_permission(P.REGISTER))
