"""Pages that show every macro with invented people, to be looked at and checked; no part of the product."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response, flash, make_response, render_template, request
from flask_login import LoginManager, UserMixin
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader

from clinic.config import ROOT
from clinic.web.form import read_form
from clinic.web.presentation import build_loader, init_presentation
from tests.browser.gallery import sample


class Colleague(UserMixin):
    """A member of staff who is always signed in; the query string's `language` is theirs."""

    name = "Amina Odhiambo"
    email = "physician@demo.example"
    roles = (SimpleNamespace(name="physician"),)
    site = SimpleNamespace(name="Nairobi Migration Health", time_zone="Africa/Nairobi")
    language: str | None = None

    def get_id(self) -> str:
        """Any identity will do."""
        return "1"


def list_areas() -> list[tuple[str, str, bool]]:
    """A navigation as a physician sees it."""
    names = ("My worklist", "Cases", "Applicants", "Laboratory", "X-ray", "Deliveries")
    return [(name, "/" + name.lower().replace(" ", "-"), name == "Cases") for name in names]


def create_gallery() -> Flask:
    """An application with nothing but pages that show the macros."""
    app = Flask("gallery", static_folder=str(ROOT / "clinic" / "static"))
    app.config.update(SECRET_KEY="gallery", TESTING=True, CLEARWAY=SimpleNamespace(demo=True))
    CSRFProtect(app)
    held = {"is_held": lambda person: False, "has_hold": lambda person: False}  # nobody is kept apart in the gallery
    app.jinja_env.filters.update(held)
    logins = LoginManager(app)

    @logins.request_loader
    def load(_request: Any) -> Colleague:
        colleague = Colleague()
        colleague.language = request.args.get("language")
        return colleague

    init_presentation(app, list_areas)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(Path(__file__).parent), build_loader()])

    @app.get("/<name>")
    def show(name: str) -> str:
        if name == "form":
            flash("Result saved.")
        return render_template(f"{name}.html", sample=sample, values=sample.VITALS, errors=None)

    @app.post("/form")
    def save() -> Response:
        values = read_form(request.form, lists=["symptoms"])
        page = render_template("form.html", sample=sample, values=values, errors=sample.ERRORS)
        return make_response(page, 422)

    return app
