"""Every route says who may use it."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import Map, Rule

from clinic.permissions import AUTHORITY_CLIENT, LABORATORY_CLIENT, PUBLIC, Permission

# Views of the libraries: static files, and Flask-Security's own sign-in pages, which guard themselves.
OF_LIBRARIES = ("static", "security.", "security_static")


def list_unmarked(app: Flask) -> list[str]:
    unmarked = []
    for rule in app.url_map.iter_rules():
        mark = getattr(app.view_functions[rule.endpoint], "permission", None)
        is_marked = mark in (PUBLIC, AUTHORITY_CLIENT, LABORATORY_CLIENT) or (
            isinstance(mark, tuple) and bool(mark) and all(isinstance(one, Permission) for one in mark)
        )
        if not is_marked and not rule.endpoint.startswith(OF_LIBRARIES):
            unmarked.append(f"{rule.rule} ({rule.endpoint})")
    return unmarked


def test_every_route_names_its_permission(app: Flask) -> None:
    assert not list_unmarked(app)


def test_route_without_permission_is_noticed(app: Flask) -> None:
    app.view_functions["forgotten"] = lambda: "everything"
    known = (rule.empty() for rule in app.url_map.iter_rules())
    # A map of its own: the application is shared by the tests of a process.
    app.url_map = Map([*known, Rule("/forgotten", endpoint="forgotten")], converters=app.url_map.converters)
    assert list_unmarked(app) == ["/forgotten (forgotten)"]


def test_authority_routes_stand_under_fhir_alone(app: Flask) -> None:
    """The mark is checked by the blueprint of fhir/api.py: elsewhere it would guard nothing."""
    for rule in app.url_map.iter_rules():
        if getattr(app.view_functions[rule.endpoint], "permission", None) == AUTHORITY_CLIENT:
            assert rule.endpoint.startswith("fhir."), rule.rule
