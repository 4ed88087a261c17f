"""Sentences of the vaccine rules in the reader's language, their spans of time too."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from clinic.rules.vaccine_series import Span
from clinic.sentence import Sentence


def say(sentence: Sentence) -> str:
    """The sentence in the language of the request."""
    values = {name: say_span(value) if isinstance(value, Span) else value for name, value in sentence.values.items()}
    return str(_(sentence.text, **values)) if values else str(_(sentence.text))


def say_span(span: Span) -> str:
    """A length of time in words, whole weeks as weeks."""
    if span.unit == "years":
        return ngettext("%(num)s year", "%(num)s years", span.count)
    if span.unit == "months":
        return ngettext("%(num)s month", "%(num)s months", span.count)
    if span.count % 7 == 0:
        return ngettext("%(num)s week", "%(num)s weeks", span.count // 7)
    return ngettext("%(num)s day", "%(num)s days", span.count)
