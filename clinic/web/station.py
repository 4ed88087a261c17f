"""Where each examination is done: the page of its station, shown only where it exists and this user may open it."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from clinic.laboratory_test import list_tests
from clinic.permissions import Permission, has_permission
from clinic.queries.waiting import list_drawn_exams
from clinic.services.completion import find_form_name

# Paths beneath /cases/<id>; what is not here is done in the laboratory or by a form.
XRAY = ("chest-xray", "tb-child-workup")
SPUTUM = ("sputum-series", "sputum-replacement")
FORM_ANSWERED = ("urinalysis", "full-blood-count", "hepatitis-b", "hepatitis-c")  # asked in the exam's form


def find_path(exam: str, programme: str) -> str | None:
    """The part of the address after the case that serves `exam`; None when no station does."""
    if exam in XRAY:
        return "xray"
    if exam in SPUTUM:
        return "sputum"
    if exam == "dst":
        return "susceptibility"
    if exam == "tb-treatment-dot":
        return "tuberculosis"
    if exam == "vaccination-review":
        return "vaccination"
    if any(exam in test.exams for test in list_tests().values()):
        return "laboratory"
    form = find_form_name(exam, programme) or ("medical-exam" if exam in FORM_ANSWERED else None)
    return f"forms/{form}" if form else None


def find_work_path(exam: str, programme: str, code: str) -> str | None:
    """The part of the address where this user works on `exam`, which stands so (clinic/progress.py): who enters no
    results draws what is to be drawn, and has nothing to do for the rest until it waits for its second person."""
    path = find_path(exam, programme)
    if exam == "tb-child-workup" and not any(has_permission(one) for one in _WORKERS["xray"]):
        return "sputum"  # a film, three specimens of sputum, or three gastric lavages
    if path != "laboratory" or code == "second-person" or has_permission(Permission.ENTER_RESULT):
        return path
    return "draw" if code == "to-do" and exam in list_drawn_exams() else None


# Whose work a station is: everybody who sees cases may look, these may act.
_WORKERS: dict[str, tuple[Permission, ...]] = {
    "xray": (Permission.READ_XRAY, Permission.UPLOAD_FILM),
    "sputum": (Permission.RECORD_SPUTUM, Permission.ENTER_RESULT),
    "draw": (Permission.COLLECT_SPECIMEN,),
    "laboratory": (Permission.ENTER_RESULT, Permission.CONFIRM_RESULT), "vaccination": (Permission.RECORD_VACCINE,),
    "forms": (Permission.RECORD_HISTORY, Permission.RECORD_EXAM), "sign": (Permission.SIGN,),
    "susceptibility": (Permission.ENTER_RESULT,), "treatment": (Permission.RECORD_TREATMENT,),
    "tuberculosis": (Permission.RECORD_TREATMENT,),
    "circumstances": (Permission.OPEN_CASE,),
    "consent": (Permission.REGISTER, Permission.RECORD_HISTORY, Permission.RECORD_EXAM),
}


def find_work(path: str, case_id: str) -> str | None:
    """The address of a station of a case when this user has work there; None for who may only look."""
    allowed = any(has_permission(permission) for permission in _WORKERS[path.partition("/")[0]])
    return find_open_url(f"/cases/{case_id}/{path}") if allowed else None


def find_station(exam: str, case_id: str, programme: str) -> str | None:
    """The address where `exam` of a case is done, if there is one and the user may open it."""
    path = find_path(exam, programme)
    return find_open_url(f"/cases/{case_id}/{path}") if path else None


def find_open_url(path: str) -> str | None:
    """`path` itself when a page stands there and the signed-in user holds its permission; otherwise None."""
    try:
        endpoint, _values = current_app.url_map.bind("").match(path)
    except HTTPException:
        return None
    needed: Any = getattr(current_app.view_functions[endpoint], "permission", ())
    allowed = isinstance(needed, str) or any(has_permission(permission) for permission in needed)
    return path if allowed else None


WORK_WORDS: dict[str, LazyString] = {
    "xray": _l("Read"), "draw": _l("Draw"), "sputum": _l("Sputum"),
    "laboratory": _l("Enter result"), "vaccination": _l("Vaccinate"),
    "susceptibility": _l("Drug susceptibility"), "treatment": _l("Treatment"),
    "tuberculosis": _l("Treatment"),
    "forms": _l("Fill in"), "sign": _l("Review and sign"), "circumstances": _l("Answer"),
}


def label_work(path: str, waits_for_second: bool = False) -> str:
    """What is done at a station, for its button."""
    if path == "xray" and not has_permission(Permission.READ_XRAY):
        return _("Films")
    return _("Confirm") if waits_for_second else str(WORK_WORDS[path.partition("/")[0]])
