"""Paths where machines prove themselves: nobody of the staff is known there, and hooks about the staff do not run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request

MACHINE_PATHS = "clearway.machine_paths"
# Hooks about who is signed in and the pages of theirs, by module and name; every other runs for machines too.
OF_STAFF = {
    "clinic.web.kept_page.init_kept_page.<locals>._look",
    "flask_wtf.csrf.CSRFProtect.init_app.<locals>.csrf_protect",  # which the blueprints of machines are exempt from
    "clinic.web.limit.init_limits.<locals>._guard",
    "clinic.read_audit.install_read_audit.<locals>._begin",
    "clinic.web.security_header.init_security_headers.<locals>._draw_nonce",  # which only pages have
    "clinic.reading_limit.install_reading_limit.<locals>._stop",
    "clinic.web.factor_gate._guard",
    "clinic.web.gate.init_gate.<locals>._guard",
    "clinic.web.review_return.init_review_return.<locals>._remember",
    "flask_login.login_manager.LoginManager._update_remember_cookie",
    "clinic.session_life._go_on",
    "clinic.web.limit.init_limits.<locals>._know",
    "clinic.reading_limit.install_reading_limit.<locals>._count",
    "clinic.read_audit.install_read_audit.<locals>._record",
    "clinic.web.review_return.init_review_return.<locals>._lead_back",
}


def serve_machines_only(app: Flask, prefix: str) -> None:
    """Say that nobody of the staff is known under `prefix`: machines prove themselves there in their own way."""
    app.extensions.setdefault(MACHINE_PATHS, []).append(prefix)


def recognise_machine(app: Flask, request: Request) -> bool:
    """Whether `request` is under such a prefix; remembered with the request for `is_of_machine`."""
    if not request.path.startswith(tuple(app.extensions.get(MACHINE_PATHS, ()))):
        return False
    request.environ[MACHINE_PATHS] = True
    return True


def is_of_machine(request: Request) -> bool:
    """Whether nobody of the staff is known in `request`."""
    return MACHINE_PATHS in request.environ


def leave_staff_out(hooks: Iterable[Callable[..., Any]]) -> tuple[Callable[..., Any], ...]:
    """Those of `hooks` that are not about the staff."""
    return tuple(hook for hook in hooks if name_hook(hook) not in OF_STAFF)


def name_hook(hook: Callable[..., Any]) -> str:
    """Module and name of a hook, as `OF_STAFF` writes them."""
    return f"{hook.__module__}.{hook.__qualname__}"
