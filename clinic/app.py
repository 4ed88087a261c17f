"""The application factory of the clinic's part; `wsgi.py` adds the other two packages and connects them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask

from clinic.audit import install_audit
from clinic.auth import install_sign_in
from clinic.change_audit import install_change_audit
from clinic.config import ROOT, Settings, load_settings
from clinic.db import db, install_units
from clinic.error_page import install_error_pages
from clinic.read_audit import install_read_audit
from clinic.reading_limit import install_reading_limit
from clinic.session_life import install_session_life
from clinic.turn import Turn
from clinic.unit import ClearwayFlask, install_request_units
from clinic.web.account_news import init_account_news
from clinic.web.kept_page import init_kept_page
from clinic.web.limit import init_limits
from clinic.web.presentation import init_presentation


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application from `settings` (default: the environment). Opens no connection."""
    settings = settings or load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of itself at every import and health check
    app = ClearwayFlask("clinic", root_path=str(ROOT / "clinic"), static_folder="static",
                        template_folder=str(ROOT / "templates"))
    url = settings.effective_database_url
    app.config.update(
        CLEARWAY=settings,
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url),
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,  # no film comes in by these routes yet
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/plain", "text/javascript", "application/javascript",
                            "application/json", "application/fhir+json", "image/svg+xml"],
    )
    settings.var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    install_request_units(app)
    if url.startswith("sqlite"):  # a server computes meanwhile: who waits for it lets others begin
        app.turn = Turn()
    init_kept_page(app)
    install_sign_in(app, settings.secret_key, settings.base_url.startswith("https"))
    install_session_life(app, settings)
    init_limits(app, settings)
    db.init_app(app)
    with app.app_context():
        install_units(db.engine)
    install_audit(app, url, settings.var_dir)
    install_reading_limit(app, settings)  # what it counts the next one writes
    install_read_audit(app)
    install_change_audit(app)
    init_presentation(app)
    init_account_news(app)
    install_error_pages(app)
    _register(app)
    return app


def engine_options(url: str) -> dict[str, Any]:
    """Pool settings by database: a connection for every thread of a web worker is kept, and never made for a page.

    Whoever opens one reads the whole schema, on SQLite some milliseconds.
    """
    if url.startswith("sqlite"):
        return {"pool_size": 10, "max_overflow": 10, "connect_args": {"timeout": 15}}
    # A statement that psycopg prepares is planned by PostgreSQL without its values after some uses: the rarest name of
    # a million is then looked for as if it were a common one (300 ms, not 1).
    return {"pool_size": 5, "max_overflow": 10, "connect_args": {"prepare_threshold": None}}


def _register(app: Flask) -> None:
    from clinic import blueprint  # imports every screen, so only once the application exists

    for add in blueprint.REGISTRATIONS:
        _add: Callable[[Flask], None] = add
        _add(app)
