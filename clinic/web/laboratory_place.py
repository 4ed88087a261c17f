"""The pages of the laboratory: which of them a user gets follows from the permissions, in one table."""

from __future__ import annotations

from typing import Any

from flask import Flask, url_for
from flask_babel import LazyString, lazy_gettext

from clinic.permissions import Permission, has_permission
from clinic.web.lab_order import order_state_word

P = Permission
PLACES: dict[str, tuple[str, LazyString, tuple[Permission, ...]]] = {
    "results": ("laboratory.index", lazy_gettext("By case"), (P.ENTER_RESULT, P.CONFIRM_RESULT)),
    "bench": ("result_grid.index", lazy_gettext("By test"), (P.ENTER_RESULT, P.CONFIRM_RESULT)),
    "collection": ("draw.index", lazy_gettext("To be taken"), (P.COLLECT_SPECIMEN,)),
    "specimens": ("specimen.index", lazy_gettext("Specimens"), (P.COLLECT_SPECIMEN, P.ENTER_RESULT)),
    "inbox": ("reported.index", lazy_gettext("Results in"), (P.ENTER_RESULT, P.CONFIRM_RESULT, P.MAP_RESULTS)),
    "receipt": ("specimen.receipt", lazy_gettext("Receipt"), (P.ENTER_RESULT,)),
}


def list_laboratory_places(chosen: str) -> list[dict[str, Any]]:
    """The pages as tabs; `chosen` is the one that is open."""
    return [{"label": str(label), "url": url_for(endpoint), "active": name == chosen}
            for name, (endpoint, label, permissions) in PLACES.items()
            if any(has_permission(permission) for permission in permissions)]


def init_laboratory_places(app: Flask) -> None:
    """Give templates the pages and the words of orders."""
    app.jinja_env.globals["list_laboratory_places"] = list_laboratory_places
    app.jinja_env.filters["order_state_word"] = order_state_word
