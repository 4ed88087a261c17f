"""Where each examination is done: the page of its station, shown only where it exists and this user may open it."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException

from clinic.laboratory_test import list_tests
from clinic.permissions import has_permission
from clinic.services.completion import find_form_name

# Paths beneath /cases/<id>; what is not here is done in the laboratory or by a form.
XRAY = ("chest-xray", "tb-child-workup")
SPUTUM = ("sputum-series", "sputum-replacement", "dst")
FORM_ANSWERED = ("urinalysis", "full-blood-count", "hepatitis-b", "hepatitis-c")  # asked in the exam's form


def find_path(exam: str, programme: str) -> str | None:
    """The part of the address after the case that serves `exam`; None when no station does."""
    if exam in XRAY:
        return "xray"
    if exam in SPUTUM:
        return "sputum"
    if exam == "vaccination-review":
        return "vaccination"
    if any(exam in test.exams for test in list_tests().values()):
        return "laboratory"
    form = find_form_name(exam, programme) or ("medical-exam" if exam in FORM_ANSWERED else None)
    return f"forms/{form}" if form else None


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


def label_action(exam: str) -> str:
    """What is done at the station, for its button."""
    if exam in XRAY:
        return _("Read")
    if exam in SPUTUM:
        return _("Sputum")
    if exam == "vaccination-review":
        return _("Vaccinate")
    if any(exam in test.exams for test in list_tests().values()):
        return _("Enter result")
    return _("Fill in")
