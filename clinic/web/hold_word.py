"""The causes for which somebody is held, in a few words."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

from clinic.models.hold import BY_PERSON

CAUSE_WORDS: dict[str, LazyString] = {
    "culture": lazy_gettext("Culture grew M. tuberculosis"), "naat": lazy_gettext("NAAT detected M. tuberculosis"),
    "diagnosis": lazy_gettext("Tuberculosis diagnosed clinically"), "treatment": lazy_gettext("On treatment"),
    "smear": lazy_gettext("Smear positive"), "trace": lazy_gettext("NAAT found a trace"),
    "unconfirmed": lazy_gettext("Shown, not confirmed yet"),
    "cavity": lazy_gettext("Cavity or miliary film"), "film": lazy_gettext("Film and symptoms"),
    "symptoms": lazy_gettext("Symptoms, sputum outstanding"), BY_PERSON: lazy_gettext("Held by a physician"),
}
