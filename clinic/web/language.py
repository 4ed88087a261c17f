"""Which language and time zone a page speaks: the user's own, else the browser's, else English and UTC."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from babel import negotiate_locale
from flask import Flask, current_app, g, has_request_context, request
from flask_babel import Babel, get_locale, get_translations
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from clinic.permissions import find_signed_in

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"
SOURCE_LANGUAGE = "en"


def list_languages() -> list[str]:
    """Codes of the languages that have a catalogue, English (the language of the source) first."""
    found = sorted(path.parent.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.mo"))
    return [SOURCE_LANGUAGE, *found]


def find_user() -> Any | None:
    """The signed-in user, or None: nobody is, or nobody can know (no request, no sign-in, no database)."""
    if not has_request_context() or not hasattr(current_app, "login_manager"):
        return None
    try:
        user = find_signed_in()
        return user if user.is_authenticated else None
    except SQLAlchemyError:  # the page that says so must still appear
        return None


def select_language() -> str | None:
    """The signed-in user's `language`, else the best match for Accept-Language."""
    if not has_request_context():
        return None
    languages = current_app.extensions["languages"]
    chosen = getattr(find_user(), "language", None)
    if chosen in languages:
        return str(chosen)
    wished = [value.replace("-", "_") for value in request.accept_languages.values()]
    return negotiate_locale(wished, languages)


def select_time_zone() -> str | None:
    """The IANA name of the time zone of the signed-in user's site."""
    return getattr(getattr(find_user(), "site", None), "time_zone", None)


def text_direction() -> str:
    """`ltr` or `rtl`, for the page's `dir`."""
    locale = get_locale()
    return locale.text_direction if locale else "ltr"


def page_language() -> str:
    """The page's `lang`, a BCP 47 tag."""
    return str(get_locale() or SOURCE_LANGUAGE).replace("_", "-")


class Speech(NamedTuple):
    """How a request speaks: its locale, the locale's name, and its catalogue."""

    locale: Any
    name: str
    catalogue: Any


def find_speech() -> Speech:
    """The same as flask_babel's `get_locale` and `get_translations`, looked for once in a request."""
    here: dict[str, Any] = vars(g._get_current_object())
    known: Speech | None = here.get("speech")
    if known is None or known.locale is not getattr(here.get("_flask_babel"), "babel_locale", None):
        locale = get_locale()
        known = here["speech"] = Speech(locale, str(locale), get_translations())
    return known


@pass_context
def _say(context: Context, text: str, **variables: Any) -> str:
    """A template's `_`, as the libraries have it between them."""
    said: str = find_speech().catalogue.gettext(text)
    if context.eval_ctx.autoescape:
        said = Markup(said)  # noqa: S704  the catalogue's words; what is put into them is escaped
    return said % variables if variables or "%" in said else said


def init_languages(app: Flask) -> None:
    """Set up Flask-Babel on the committed catalogues."""
    app.extensions["languages"] = list_languages()
    Babel(
        app,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=select_language,
        timezone_selector=select_time_zone,
    )
    app.jinja_env.globals.update(text_direction=text_direction, page_language=page_language, gettext=_say, _=_say)
