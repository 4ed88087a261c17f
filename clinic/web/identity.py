"""Who is in front of you: a short page before a station's own, one key to go on, one way to stop."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic.errors import InvalidInput, NotAllowed, NotFound
from clinic.models import Case, CaseState, IdentityMethod
from clinic.permissions import Permission, requires
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.services import identity
from clinic.services.consent import has_consent
from clinic.services.photo import find_latest_photo, find_photo
from clinic.station import Station, list_stations
from clinic.web.case_word import address_photo, document_word
from clinic.web.form import read_form
from clinic.web.gate import station_word, works_at
from clinic.web.navigation import find_origin
from clinic.web.station import find_open_url, find_work
from clinic.web.station_page import Answer, forget, open_case, prefix_errors, show

blueprint = Blueprint("identity", __name__, url_prefix="/cases/<case_id>/identity/<station>")
P = Permission
MEETS = (P.REGISTER, P.RECORD_HISTORY, P.RECORD_EXAM, P.UPLOAD_FILM, P.RECORD_VACCINE, P.RECORD_SPUTUM,
         P.RECORD_TREATMENT)
DOCUMENT = "document:"


@blueprint.get("")
@requires(*MEETS)
def ask(case_id: str, station: str) -> Answer:
    """Photo, names, birth date and documents, to compare with the person."""
    return _show(open_case(case_id), _get_station(station), {})


@blueprint.post("")
@requires(*MEETS)
def confirm(case_id: str, station: str) -> Answer | Response:
    """Confirm, and go on to where one was."""
    case, place = open_case(case_id), _get_station(station)
    typed = read_form(request.form)
    method, _colon, document_id = typed.get("seen", "").partition(":")
    try:
        if method not in list(IdentityMethod):
            sentence = _("Choose how you know who is in front of you.")
            raise InvalidInput(sentence, fields={"seen": [sentence]})
        identity.confirm_identity(case, place, IdentityMethod(method), current_user, document_id or None)
    except InvalidInput as problem:
        return _show(forget(case_id), place, typed, problem)
    return redirect(read_next(case_id))


@blueprint.post("/mismatch")
@requires(*MEETS)
def mismatch(case_id: str, station: str) -> Answer | Response:
    """Stop: this is another person. The case is held with the reason."""
    case, place = open_case(case_id), _get_station(station)
    typed = read_form(request.form)
    try:
        identity.record_mismatch(case, place, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        problem.fields = prefix_errors(problem, "mismatch-", "reason")
        again = {"mismatch-reason": typed.get("reason"), "back": typed.get("back")}
        return _show(forget(case_id), place, again, problem)
    flash(_("Stopped: the case is on hold because the identity is in doubt. Tell the physician and the clinic "
            "administrator.") if case.state is CaseState.ON_HOLD else _(
            "Stopped: the identity is in doubt, and nothing was recorded. Tell the physician and the clinic "
            "administrator."), "error")
    return redirect(url_for("case.show", case_id=case_id))


def _get_station(name: str) -> Station:
    if name not in list_stations():
        raise NotFound(_("There is no such station."), station=name)
    if not works_at(list_stations()[name]):
        raise NotAllowed(_("Your role records nothing at this station."), station=name)
    return list_stations()[name]


def read_next(case_id: str) -> str:
    """Where to go on: a page of this case and nothing else; without one the case."""
    home = url_for("case.show", case_id=case_id)
    wanted = request.values.get("next", "")
    is_of_case = wanted == home or wanted.startswith((f"{home}/", f"{home}?"))
    return wanted if is_of_case and "//" not in wanted and "\\" not in wanted and wanted.isprintable() else home


def _list_ways(case: Case, station: Station) -> list[tuple[str, str]]:
    """The ways of recognising that make sense here, the surest first."""
    ways = [(f"{DOCUMENT}{paper.id}", _("Face and %(kind)s, number ending %(end)s (%(country)s)",
                                        kind=document_word(paper.kind).lower(), country=paper.issuing_country,
                                        end=paper.number_key[-identity.SEEN_LETTERS:]))
            for paper in reversed(case.applicant.documents)]
    if find_photo(case) is not None:
        ways.append((IdentityMethod.PHOTO.value, _("Face and the photo taken here")))
    ways.append((IdentityMethod.KNOWN.value, _("I know the person from an earlier check at this clinic")))
    if identity.may_complete_later(case, station):
        ways.append((IdentityMethod.EARLIER_VISIT.value, _("The person is not here: I complete the record of an "
                                                           "earlier visit")))
    return ways


def _show(case: Case, station: Station, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    then, photo, ways = read_next(case.id), find_photo(case), _list_ways(case, station)
    earlier = find_latest_photo(case.applicant) if photo is None else None
    lacks_consent = station.consent and not has_consent(case)
    origin = find_origin(typed.get("back") or request.referrer or "")
    return show(
        "identity/ask.html", case, problem, station=station, station_name=station_word(station.name), then=then,
        photo=photo or earlier, photo_url=address_photo(photo or earlier), is_earlier=earlier is not None, ways=ways,
        seen=typed.get("seen") or ways[0][0], typed=typed, lacks_consent=lacks_consent, origin=origin,
        look_url=f"{then}{'&' if '?' in then else '?'}look=1",
        consent_url=find_work("consent", case.id) if lacks_consent else None,
        document_url=find_open_url(f"/applicants/{case.applicant_id}/documents/new"),
    )
