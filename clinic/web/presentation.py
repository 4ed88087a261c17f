"""Sets up how pages are made: templates, filters, languages, static files, compression and security headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from flask_compress import Compress
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader

from clinic.web.asset import init_assets
from clinic.web.clinical_format import age, clinical_date, clinical_time, format_date, ltr, person_name, read
from clinic.web.field_error import find_error, list_errors
from clinic.web.form import date_parts
from clinic.web.language import find_user, init_languages
from clinic.web.security_header import init_security_headers

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
PRODUCT_NAME = "Clearway"

Navigation = Callable[[], Iterable[tuple[str, str, bool]]]


def init_presentation(app: Flask, navigation: Navigation | None = None) -> None:
    """Make `app` able to render our pages.

    `navigation` returns, per request, the (label, address, is current) of the areas this user may open. The settings
    `CLEARWAY_VERSION` and `CLEARWAY_DEMO` of `app.config` are shown in the footer.
    """
    app.jinja_loader = build_loader()
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        ltr=ltr,
        clinical_date=clinical_date,
        clinical_date_text=format_date,
        clinical_time=clinical_time,
        age=age,
        person_name=person_name,
        part=read,
        list_errors=list_errors,
        find_error=find_error,
        date_parts=date_parts,
    )
    init_languages(app)
    init_assets(app)
    init_security_headers(app)
    Compress(app)

    @app.context_processor
    def give_page_parts() -> dict[str, Any]:
        user = find_user()
        return {
            "product_name": PRODUCT_NAME,
            "version": app.config.get("CLEARWAY_VERSION", ""),
            "demo": app.config.get("CLEARWAY_DEMO", False),
            "navigation": list(navigation()) if navigation and user else [],
            "signed_in": user,
        }


def build_loader() -> ChoiceLoader:
    """Our templates first, then those of blueprints' packages; the kit's macros under `govuk_frontend_jinja/`."""
    return ChoiceLoader(
        [
            FileSystemLoader(TEMPLATES),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
