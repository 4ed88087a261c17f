"""What happened to an account since its owner last signed in, told on the first page they then see.

No mail server is assumed, so a changed sign-in is told of where its owner certainly looks (ASVS 2.2.3, 2.5.5, 2.8.5).
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, flash, url_for
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from markupsafe import Markup

from clinic.models import SignIn, User
from clinic.services.sign_in import find_news
from clinic.session_life import signed_in
from clinic.web.account_history import WORDS
from clinic.web.clinical_format import format_date


def init_account_news(app: Flask) -> None:
    """Tell at every sign-in from now on."""
    signed_in.connect(_tell, app)


def _tell(_app: Any, user: User, sign_in: SignIn) -> None:
    news = find_news(user, sign_in)
    if news is None:
        return
    since = news.since.astimezone(ZoneInfo(user.site.time_zone))
    with force_locale(user.language):  # whose page this is, is asked of a sign-in that is not written yet
        what = [str(WORDS[action]) for action in news.actions]
        if news.wrong_secrets:
            what.append(
                ngettext("%(num)s wrong password or code", "%(num)s wrong passwords or codes", news.wrong_secrets))
        place = Markup('<a class="govuk-link" href="{}">{}</a>').format(url_for("second_factor.show"), _("My sign-in"))
        text = _("Since you signed in on %(when)s, this happened to your account: %(what)s. Was that not you? Change "
                 "your password on %(place)s and tell your administrator at once.")
        flash(Markup(text) % {"when": f"{format_date(since)} {since:%H:%M}", "what": "; ".join(what), "place": place},  # noqa: S704  the text is ours, what goes into it is escaped
              "warning")
