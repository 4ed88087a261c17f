"""Sets up how pages are made: templates, filters, languages, static files, compression, security headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, PrefixLoader, Template
from jinja2.runtime import Context, new_context

from clinic.web import clinical_format, word
from clinic.web.asset import init_assets
from clinic.web.citation import list_paper_citations, list_source_citations, say_source
from clinic.web.field_error import find_error, list_errors
from clinic.web.form import date_parts
from clinic.web.language import find_user, init_languages
from clinic.web.navigation import list_navigation
from clinic.web.remembered import init_remembered
from clinic.web.security_header import init_security_headers

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
PRODUCT_NAME = "Clearway"

FILTERS: dict[str, Callable[..., Any]] = {
    "age": clinical_format.age,
    "case_state_tone": word.case_state_tone,
    "case_state_word": word.case_state_word,
    "citations": list_source_citations, "paper_citations": list_paper_citations, "source_words": say_source,
    "choices": clinical_format.to_choices,
    "clinical_date": clinical_format.clinical_date,
    "clinical_date_text": clinical_format.format_date,
    "clinical_time": clinical_format.clinical_time, "clinical_moment": clinical_format.clinical_moment,
    "date_parts": date_parts,
    "find_error": find_error,
    "form_value": clinical_format.to_form_value,
    "list_errors": list_errors,
    "ltr": clinical_format.ltr,
    "native_name": clinical_format.native_name,
    "part": clinical_format.read,
    "person_name": clinical_format.person_name,
    "role_word": word.role_word,
    "sex_word": word.sex_word,
    "zone_word": word.zone_word,
}

Navigation = Callable[[], Iterable[tuple[str, str, bool]]]


def init_presentation(app: Flask, navigation: Navigation = list_navigation) -> None:
    """Make `app` able to render our pages.

    `navigation` returns, per request, the (label, address, is current) of the areas this user may open. The
    footer shows `app.config["CLEARWAY_VERSION"]`, and the demonstration's notice when the settings say so.
    """
    app.jinja_loader = build_loader()
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.template_class = _Template
    init_languages(app)
    init_remembered(app)
    init_assets(app)
    init_security_headers(app)

    @app.context_processor
    def give_page_parts() -> dict[str, Any]:
        user = find_user()
        return {
            "product_name": PRODUCT_NAME,
            "version": app.config.get("CLEARWAY_VERSION", ""),
            "demo": getattr(app.config.get("CLEARWAY"), "demo", False),
            "navigation": list(navigation()) if user else [],
            "signed_in": user,
        }


class _Template(Template):
    """A template without globals of its own: Jinja puts them together anew for each page and each import of macros."""

    def new_context(self, vars: Any = None, shared: bool = False, locals: Any = None) -> Context:
        """What the page knows, over the environment's globals."""
        return new_context(self.environment, self.name, self.blocks, vars, shared, self.environment.globals, locals)

    def _get_default_module(self, _ctx: Any = None) -> Any:
        return super()._get_default_module()


def build_loader() -> ChoiceLoader:
    """Our templates, and the kit's macros under `govuk_frontend_jinja/`."""
    return ChoiceLoader(
        [
            FileSystemLoader(TEMPLATES),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
