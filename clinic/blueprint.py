"""Every blueprint of the clinic, named in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask

from clinic.api import decision, description
from clinic.web import (
    amendment,
    applicant,
    authority_access,
    authority_client,
    case,
    case_word,
    circumstance,
    consent,
    contact,
    delivery,
    destination,
    exam_form,
    family,
    family_case,
    film,
    gate,
    health,
    identity,
    interpreter,
    key,
    laboratory,
    merge,
    message,
    opening,
    paper,
    photo,
    place,
    related_person,
    requirement,
    review_return,
    search,
    second_person,
    session,
    sign,
    sputum,
    susceptibility,
    treatment,
    vaccination,
    verify,
    visit,
    will_i_need,
    worklist,
    xray,
)
from clinic.web.person_flag import init_person_flags
from clinic.web.relation_word import init_relation_words
from clinic.web.station_page import init_station_words

RECEPTION = (worklist, visit, search, applicant, contact, related_person, family, family_case, merge, opening, case,
             circumstance, will_i_need)
API = (decision, description)

REGISTRATIONS: list[Callable[[Flask], None]] = [
    lambda app: app.register_blueprint(health.blueprint),
    lambda app: app.register_blueprint(key.blueprint),
    lambda app: app.register_blueprint(delivery.blueprint),
    lambda app: app.register_blueprint(destination.blueprint),
    lambda app: app.register_blueprint(message.blueprint),
    lambda app: app.register_blueprint(authority_access.blueprint),
    lambda app: app.register_blueprint(authority_client.blueprint),
    authority_client.init_client_warnings,
    place.init_places,
    session.init_session,
    case_word.init_case_words,
    init_relation_words,
    init_person_flags,
    *(partial(Flask.register_blueprint, blueprint=module.blueprint) for module in (*RECEPTION, *API)),
    init_station_words,
    lambda app: app.register_blueprint(photo.blueprint),
    lambda app: app.register_blueprint(consent.blueprint),
    lambda app: app.register_blueprint(interpreter.blueprint),
    lambda app: app.register_blueprint(identity.blueprint),
    gate.init_gate,
    lambda app: app.register_blueprint(exam_form.blueprint),
    lambda app: app.register_blueprint(laboratory.blueprint),
    lambda app: app.register_blueprint(second_person.blueprint),
    lambda app: app.register_blueprint(xray.blueprint),
    lambda app: app.register_blueprint(film.blueprint),
    lambda app: app.register_blueprint(sputum.blueprint),
    lambda app: app.register_blueprint(susceptibility.blueprint),
    lambda app: app.register_blueprint(treatment.blueprint),
    lambda app: app.register_blueprint(vaccination.blueprint),
    lambda app: app.register_blueprint(requirement.blueprint),
    review_return.init_review_return,
    lambda app: app.register_blueprint(amendment.blueprint),
    lambda app: app.register_blueprint(sign.blueprint),
    lambda app: app.register_blueprint(paper.blueprint),
    lambda app: app.register_blueprint(verify.blueprint),
]
