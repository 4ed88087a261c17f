"""Contacts of tuberculosis: on the source's case who was exposed, on the contact's own case to what, never to whom."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from clinic import clock
from clinic.db import db
from clinic.errors import InvalidInput, NotAllowed, NotFound
from clinic.laboratory_test import list_tests
from clinic.models import Applicant, Case, ContactSetting, ContactState, Relation, SourceType, TbContact
from clinic.permissions import Permission, has_permission, requires
from clinic.queries.applicant import find_cases_by_number, find_people_by_number
from clinic.questionnaire.unit import say_unit
from clinic.result_word import label_value
from clinic.schemas.door import load
from clinic.schemas.reason import ReasonIn
from clinic.schemas.tb_contact import ContactIn, EndIn
from clinic.scope import current_emergency
from clinic.services import tb_contact as service
from clinic.web.clinical_format import format_date
from clinic.web.form import read_form
from clinic.web.relation_word import relation_word
from clinic.web.review_row import ReviewRow
from clinic.web.station_page import Answer, forget, list_names, open_case, show

blueprint = Blueprint("tb_contact", __name__, url_prefix="/cases/<case_id>")
P = Permission

SETTING_WORDS: dict[ContactSetting, LazyString] = {
    ContactSetting.HOUSEHOLD: lazy_gettext("Household"), ContactSetting.TRAVEL_GROUP: lazy_gettext("Travel group"),
    ContactSetting.DORMITORY: lazy_gettext("Dormitory or camp"), ContactSetting.OTHER: lazy_gettext("Elsewhere"),
}
TYPE_WORDS: dict[SourceType, LazyString] = {
    SourceType.PANSUSCEPTIBLE: lazy_gettext("Susceptible to all drugs tested"), SourceType.MDR: lazy_gettext("MDR-TB"),
    SourceType.OTHER_RESISTANT: lazy_gettext("Resistant otherwise"),
    SourceType.CULTURE_NEGATIVE: lazy_gettext("Culture negative"), SourceType.UNKNOWN: lazy_gettext("Not known"),
}


@blueprint.get("/contacts")
@requires(P.TRACE_CONTACTS)
def index(case_id: str) -> Answer:
    """Who was exposed to the person of this case, and who may have been."""
    return _show_source(_open_own(case_id), {})


@blueprint.post("/contacts/find")
@requires(P.TRACE_CONTACTS)
def find(case_id: str) -> Answer | Response:
    """Somebody of no group of theirs, by a number of ours."""
    case, typed = open_case(case_id), read_form(request.form)
    number = typed.get("number", "")
    found = {row.id for row in find_people_by_number(current_user, number)} or {
        row.applicant_id for row in find_cases_by_number(current_user, number)}
    if len(found) != 1:
        problem = InvalidInput(_("Please correct what is marked."), fields={
            "number": [_("Nobody at this site has this case or applicant number.")]})
        return _show_source(case, typed, problem)
    return redirect(url_for(".new", case_id=case.id, person_id=found.pop()), 303)


@blueprint.get("/contacts/of/<person_id>")
@requires(P.TRACE_CONTACTS)
def new(case_id: str, person_id: str) -> Answer:
    """How, where and until when the air was shared."""
    case = _open_own(case_id)
    return _show_form(case, _get_person(person_id), _propose(case, person_id))


@blueprint.post("/contacts/of/<person_id>")
@requires(P.TRACE_CONTACTS)
def confirm(case_id: str, person_id: str) -> Answer | Response:
    """Confirm the contact."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        service.confirm_contact(_get_person(person_id), load(ContactIn(), typed), current_user, case)
    except InvalidInput as problem:
        return _show_form(forget(case_id), _get_person(person_id), typed, problem)
    flash(_("The contact is recorded; the test is asked for."), "success")
    return redirect(url_for(".index", case_id=case.id), 303)


@blueprint.post("/contacts/of/<person_id>/dismiss")
@requires(P.TRACE_CONTACTS)
def dismiss(case_id: str, person_id: str) -> Answer | Response:
    """They shared no air, with the reason."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        service.dismiss_contact(_get_person(person_id), case, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return _show_source(forget(case_id), typed, problem, person_id)
    flash(_("Noted: no contact."), "success")
    return redirect(url_for(".index", case_id=case.id), 303)


@blueprint.get("/exposure")
@requires(P.TRACE_CONTACTS)
def exposure(case_id: str) -> Answer:
    """Exposure to somebody who is no applicant of this site."""
    return _show_exposure(_open_own(case_id), {})


@blueprint.post("/exposure")
@requires(P.TRACE_CONTACTS)
def record_exposure(case_id: str) -> Answer | Response:
    """Record it."""
    case, typed = open_case(case_id), read_form(request.form)
    try:
        service.confirm_contact(case.applicant, load(ContactIn(), typed), current_user)
    except InvalidInput as problem:
        return _show_exposure(forget(case_id), typed, problem)
    flash(_("The contact is recorded; the test is asked for."), "success")
    return redirect(url_for("case.show", case_id=case.id), 303)


@blueprint.post("/contacts/<contact_id>/end")
@requires(P.TRACE_CONTACTS)
def end(case_id: str, contact_id: str) -> Answer | Response:
    """The exposure has ended."""
    case, typed = open_case(case_id), read_form(request.form)
    row = _get_of(case, contact_id)
    try:
        service.end_exposure(row, load(EndIn(), typed)["last_on"], current_user)
    except InvalidInput as problem:
        return _show_back(forget(case_id), contact_id, typed, problem)
    flash(_("The second test counts from that day."), "success")
    return _go_back(case, row)


@blueprint.post("/contacts/<contact_id>/withdraw")
@requires(P.TRACE_CONTACTS)
def withdraw(case_id: str, contact_id: str) -> Answer | Response:
    """It was recorded by mistake."""
    case, typed = open_case(case_id), read_form(request.form)
    row = _get_of(case, contact_id)
    try:
        service.withdraw_contact(row, load(ReasonIn(), typed), current_user)
    except InvalidInput as problem:
        return _show_back(forget(case_id), contact_id, typed, problem)
    flash(_("Withdrawn."), "success")
    return _go_back(case, row)


def describe(row: TbContact, awaited: Collection[str] = (), ill: Collection[str] = ()) -> dict[str, Any]:
    """A contact in words, without who the source is; `awaited`: those whose second test is still to come, `ill`: those
    who have become cases, by id."""
    found = service.find_source_type(row)
    return {
        "id": row.id, "setting": str(SETTING_WORDS[row.setting]), "relation": relation_word(row.relation),
        "first": row.first_exposed_on, "last": row.last_exposed_on,
        "retest": row.retest_on if row.id in awaited else None,
        "type": str(TYPE_WORDS[found]), "is_mdr": found is SourceType.MDR,
        "is_resistant": found is SourceType.OTHER_RESISTANT,
        "is_young": row.id not in ill and service.is_for_prevention(
            row, clock.today(row.applicant.site.time_zone)),
        "state": row.state.value, "reason": row.reason, "applicant": row.applicant,
    }


def tell_of_exposure(case: Case) -> dict[str, Any]:
    """What the contact's own case says: that they were exposed, and until when; to whom only the tracers see."""
    if case.site_id != current_user.site_id:
        return {}
    may_trace = has_permission(P.TRACE_CONTACTS)
    rows, exposures = [], service.list_exposures(case.applicant_id)
    awaited, ill = service.list_for_second_test(exposures), service.list_ill(exposures)
    for row in exposures:
        source = None
        if may_trace:
            source = {"text": row.source_case.number, "url": url_for("tb_contact.index", case_id=row.source_case_id)
                      } if row.source_case is not None else {"text": " ".join(
                          part for part in (row.source_name, row.source_number) if part)}
        rows.append(describe(row, awaited, ill) | {"source": source})
    count = len([row for row in service.list_contacts(case) if row.state is ContactState.CONFIRMED]) if may_trace else 0
    proposed = len(service.list_proposals(case)) if may_trace and service.is_source(case) else 0
    return {"rows": rows, "may_trace": may_trace, "count": count, "proposed": proposed,
            "is_source": may_trace and service.is_source(case)}


def list_review_rows(case: Case) -> list[ReviewRow]:
    """What the physician signs of each exposure: the form names it to the authority (Class B3).

    Who reads the case in an emergency is not told of another person.
    """
    may_trace = has_permission(P.TRACE_CONTACTS) and case.site_id == current_user.site_id
    found = []
    for row in service.list_exposures(case.applicant_id):
        said = describe(row)
        who = row.source_case.number if row.source_case else f"{row.source_name} {row.source_number}".strip()
        found.append(ReviewRow(
            f"contact-{row.id}", _("Contact: %(setting)s", setting=said["setting"]),
            [_("last exposed %(day)s", day=format_date(row.last_exposed_on)) if row.last_exposed_on
             else _("still exposed: no clearance is final")],
            " · ".join(part for part in (_("the source's tuberculosis: %(type)s", type=said["type"]),
                                         who if may_trace else "") if part),
            row.recorded_by_id, row.recorded_at, change="exposure" if may_trace else "", notable=True))
    return found


def init_contacts(app: Flask) -> None:
    """Give the case's page what it says of exposure."""
    app.jinja_env.filters["exposure_of_case"] = tell_of_exposure


def _open_own(case_id: str) -> Case:
    """The case; not where an emergency opened it: who else lives with a person is not of that one case."""
    case = open_case(case_id)
    if current_emergency() is not None:
        raise NotAllowed(_("An emergency opens one person's case, not whom they met. Call the case's own site, "
                           "%(site)s.", site=case.site.name), case=case.id, user=current_user.id)
    return case


def _get_person(person_id: str) -> Applicant:
    person = db.session.get(Applicant, person_id)
    if person is None or person.site_id != current_user.site_id or person.merged_into_id is not None:
        raise NotFound(_("There is no such person at your site. Search again."), applicant=person_id)
    return person


def _get_of(case: Case, contact_id: str) -> TbContact:
    row = service.get_contact(contact_id, current_user)
    if case.id != row.source_case_id and case.applicant_id != row.applicant_id:
        raise NotFound(_("There is no such contact on this case."), contact=contact_id, case=case.id)
    return row


def _propose(case: Case, person_id: str) -> dict[str, Any]:
    found = next((one for one in service.list_proposals(case) if one.applicant.id == person_id), None)
    return {"relation": found.relation.value if found and found.relation else "",
            "setting": found.setting.value if found else "", "source_type": service.propose_source_type(case).value}


def _choices() -> dict[str, Any]:
    return {"relations": [(one.value, relation_word(one)) for one in Relation],
            "settings": [(one.value, str(SETTING_WORDS[one])) for one in ContactSetting],
            "types": [(one.value, str(TYPE_WORDS[one])) for one in SourceType]}


def _show_source(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None, form: str = "") -> Answer:
    rows = service.list_contacts(case)
    people = {row.applicant_id for row in rows}
    awaited, ill = service.list_for_second_test(rows), service.list_ill(rows)
    return show("tb_contact/index.html", case, problem, typed=typed, form=form,
                proposals=service.list_proposals(case), contacts=[describe(row, awaited, ill) for row in rows],
                ill=ill, cases=service.list_cases_of(people), tests=_tell_tests(people),
                names=list_names(row.recorded_by_id for row in rows))


def _tell_tests(people: Collection[str]) -> dict[str, str]:
    return {person: _("%(test)s of %(day)s: %(value)s", test=list_tests()[row.test].label,
                      day=format_date(row.performed_on), value=" ".join(filter(None, (
                          label_value(row.value), say_unit(row.unit)))))
            for person, row in service.list_tests_of(people).items()}


def _show_form(case: Case, person: Applicant, typed: dict[str, Any], problem: InvalidInput | None = None) -> Answer:
    return show("tb_contact/form.html", case, problem, typed=typed, person=person, **_choices())


def _show_exposure(case: Case, typed: dict[str, Any], problem: InvalidInput | None = None, form: str = "") -> Answer:
    return show("tb_contact/exposure.html", case, problem, typed=typed, form=form,
                rows=tell_of_exposure(case).get("rows", []), **_choices())


def _show_back(case: Case, contact_id: str, typed: dict[str, Any], problem: InvalidInput) -> Answer:
    row = _get_of(case, contact_id)
    back = _show_source if row.source_case_id == case.id else _show_exposure
    return back(case, typed, problem, contact_id)


def _go_back(case: Case, row: TbContact) -> Response:
    name = ".index" if row.source_case_id == case.id else ".exposure"
    return redirect(url_for(name, case_id=case.id), 303)
