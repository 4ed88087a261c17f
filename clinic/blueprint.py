"""Every blueprint of the clinic, named in one place."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from clinic.web import delivery, health, key

REGISTRATIONS: list[Callable[[Flask], None]] = [
    lambda app: app.register_blueprint(health.blueprint),
    lambda app: app.register_blueprint(key.blueprint),
    lambda app: app.register_blueprint(delivery.blueprint),
]
