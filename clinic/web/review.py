"""Everything a physician signs, grouped as on the printed form: each fact with who recorded it, when, and before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext as _
from flask_login import current_user

from clinic.laboratory_test import list_tests
from clinic.models import (
    Case,
    FormResponse,
    FormVersion,
    Requirement,
    RequirementState,
)
from clinic.permissions import Permission, has_permission
from clinic.queries.alert import Alert, AlertKind, list_alerts
from clinic.queries.prior_value import list_prior_values
from clinic.questionnaire import Questionnaire, get_questionnaire, list_computed
from clinic.questionnaire.item import Item
from clinic.questionnaire.summary import Section, say_answer, summarise
from clinic.services import confidential, lab_order, laboratory, radiology, specimen, treatment, vaccination
from clinic.services.assessment import assess, list_requirements
from clinic.services.form_fact import COMPLETE, list_responses
from clinic.services.form_version import list_versions, to_plain
from clinic.services.photo import find_photo
from clinic.services.plausibility import get_today
from clinic.web.case_word import category_word, document_word, need_label
from clinic.web.clinical_format import format_date, native_name, person_name
from clinic.web.place import country_word
from clinic.web.requirement_word import list_people as list_requesters
from clinic.web.review_layout import Layout, list_layout
from clinic.web.review_row import (
    SUSCEPTIBILITY,
    Note,
    ReviewRow,
    from_fact,
    from_line,
    from_reading,
    from_result,
    from_specimen,
    from_treatment,
    from_vaccine_line,
    list_changes,
    list_people,
)
from clinic.web.staff_name import list_names
from clinic.web.station import find_path
from clinic.web.tb_contact import list_review_rows
from clinic.web.vaccination import OUTCOME_WORDS
from clinic.web.veil import say_confidential
from clinic.web.word import sex_word


@dataclass
class Rest:
    """A line of everything that was answered no, or found normal."""

    label: str
    items: list[str]
    by: list[Note] = field(default_factory=list)  # who answered so, and when last


@dataclass
class Part:
    """A headed part: rows, what is plain in one line, and whose form it is."""

    layout: Layout
    rows: list[ReviewRow] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    signed: list[Note] = field(default_factory=list)  # forms behind the part: title, who, when, how amended
    change: str = ""
    empty: str = ""  # what to say when nothing is recorded
    outstanding: list[Requirement] = field(default_factory=list)


@dataclass
class Review:
    """The whole page; `names` are the people behind every entry."""

    decision: dict[str, Any]
    requirements: list[Requirement]
    parts: list[Part]
    alerts: list[Alert]
    unconfirmed: int
    awaited: list[str]  # ordered tests without a result that no open examination waits for
    names: dict[str, str] = field(default_factory=dict)

    @property
    def outstanding(self) -> list[Requirement]:
        """Examinations that are still open."""
        return [row for row in self.requirements if row.state is RequirementState.OPEN]

    @property
    def withdrawn(self) -> list[Requirement]:
        """Examinations that nobody asks for any more."""
        return [row for row in self.requirements if row.state is RequirementState.WITHDRAWN]


def build_review(case: Case) -> Review:
    """What stands on the case now, in the parts of its programme's form; every entry stands in exactly one."""
    decision, requirements = assess(case), list_requirements(case)
    parts = [Part(layout) for layout in list_layout(case, decision)]
    results = laboratory.list_results(case)
    for part in parts:
        for name in part.layout.holds:
            if name in _BUILDERS:
                _BUILDERS[name](case, part, decision)
    _add_results(case, parts, results)
    _add_treatments(case, parts)
    _add_forms(case, parts)
    for row in requirements:
        if row.state is RequirementState.OPEN:
            _find_part(case, parts, row).outstanding.append(row)
    people = [each for part in parts for each in (
        *list_people(part.rows), *(note.by_id for note in part.signed),
        *(note.by_id for rest in part.rests for note in rest.by))]
    return Review(
        decision, requirements, [part for part in parts if part.rows or part.rests or part.outstanding
                                 or part.layout.code != "laboratory"],
        _veil(case, list_alerts(case)), sum(1 for row in results if row.is_current and not row.counts),
        _list_awaited(case, requirements), list_names([*people, *list_requesters(requirements)]),
    )


def _add_identity(case: Case, part: Part, _decision: dict[str, Any]) -> None:
    person = case.applicant
    edit = f"/applicants/{person.id}/edit" if has_permission(Permission.REGISTER) else ""
    part.rows += [
        from_fact("name", _("Name"), person_name(person), edit),
        from_fact("own-script", _("Name in own script"), native_name(person), edit),
        from_fact("born", _("Born"), format_date(person.birth_date), edit),
        from_fact("sex", _("Sex"), sex_word(person.sex), edit),
        from_fact("citizenship", _("Citizenship"), country_word(person.citizenship), edit),
        from_fact("residence", _("Lives in"), country_word(person.residence), edit),
        from_fact("address", _("Address"), person.address, edit),
    ]
    for number, paper in enumerate(person.documents):
        until = _(", expires %(day)s", day=format_date(paper.expires_on)) if paper.expires_on else ""
        part.rows.append(ReviewRow(
            f"document-{number}", document_word(paper.kind),
            [f"{paper.number}, {country_word(paper.issuing_country)}{until}"], at=paper.recorded_at,
            change=f"/applicants/{case.applicant_id}", tags=[(_("Check digits do not fit"), "warn")]
            if paper.mrz_mismatches else []))
    photo = find_photo(case)
    part.rows.append(ReviewRow(
        "photo", _("Photo"), [_("Taken")] if photo else [], by_id=photo.taken_by_id if photo else None,
        at=photo.taken_at if photo else None, change="photo" if edit else "",
        tags=[] if photo else [(_("No photo"), "warn")]))
    part.rows[0].by_id, part.rows[0].at = person.registered_by_id, person.registered_at


def _add_visa(case: Case, part: Part, _decision: dict[str, Any]) -> None:
    edit = "circumstances"
    part.rows += [
        from_fact("category", _("Category"), category_word(case)),
        from_fact("authority-number", _("Authority's number"), case.authority_case_number, edit),
        from_fact("applied", _("Applied on"), format_date(case.application_date), edit),
        from_fact("exam-date", _("Examination on"), format_date(case.exam_date), edit),
        from_fact("destination", _("Address at the destination"), case.destination_address, edit),
    ]


def _add_circumstances(case: Case, part: Part, _decision: dict[str, Any]) -> None:
    denied: list[str] = []
    said: dict[str, Note] = {}
    for row in case.circumstances:
        label = need_label(row.word, case.programme)
        if row.answer.value == "no":
            denied.append(label)
            last = max(row.answered_at, getattr(said.get(row.answered_by_id), "at", row.answered_at))
            said[row.answered_by_id] = Note("", row.answered_by_id, last)
            continue
        is_yes = row.answer.value == "yes"
        part.rows.append(ReviewRow(
            f"circumstance-{row.word}", label, [_("Yes") if is_yes else _("Not known yet")],
            by_id=row.answered_by_id, at=row.answered_at, change="circumstances", target=f"row-{row.word}",
            notable=is_yes))
    if denied:
        part.rests.append(Rest(_("Circumstances, no"), denied, list(said.values())))
    part.change = "circumstances"


def _add_film(case: Case, part: Part, _decision: dict[str, Any]) -> None:
    every = radiology.list_readings(case)
    part.rows += [from_reading(row, every) for row in every if row.is_current]
    part.change = "xray"


def _add_sputum(case: Case, part: Part, _decision: dict[str, Any]) -> None:
    every = laboratory.list_results(case)
    current = [row for row in every if row.is_current]
    part.rows += [from_specimen(row, current, every) for row in specimen.list_specimens(case)
                  if not row.is_lost]
    for row in current:
        if row.test == SUSCEPTIBILITY:
            part.rows.append(from_result(row, every, []))
            part.rows[-1].label += f", {row.specimen.number}" if row.specimen else ""
    part.rows += list_review_rows(case)
    part.change = "sputum"


def _add_treatments(case: Case, parts: list[Part]) -> None:
    """Of tuberculosis beside its tests, of anything else beside the laboratory's results."""
    every = treatment.list_treatments(case)
    for row in every:
        if row.is_current:
            holds = "sputum" if row.disease == "tuberculosis" else "results"
            part = next(one for one in parts if holds in one.layout.holds)
            part.rows.append(from_treatment(row, every))


def _add_vaccination(case: Case, part: Part, decision: dict[str, Any]) -> None:
    lines, doses = vaccination.list_lines(case), [row for row in vaccination.list_doses(case) if row.counts]
    for line in dict.fromkeys((*decision["vaccines"], *lines, *(dose.line for dose in doses))):
        row = lines.get(line)
        part.rows.append(from_vaccine_line(line, row, doses, str(OUTCOME_WORDS[row.outcome]) if row else ""))
    part.change = "vaccination"
    if not decision["vaccines"]:
        part.empty = _("Not required of this applicant; no dose is recorded.")


_BUILDERS = {
    "identity": _add_identity, "visa": _add_visa, "circumstances": _add_circumstances, "film": _add_film,
    "sputum": _add_sputum, "vaccination": _add_vaccination,
}


def _add_results(case: Case, parts: list[Part], results: list[Any]) -> None:
    """Each result into the part of its examination; what no part names, into the one that holds the others."""
    priors = list_prior_values(case)
    rest = next(part for part in parts if "results" in part.layout.holds)
    for row in results:
        if row.is_current and row.specimen_id is None:
            part = next((one for one in parts if row.test in one.layout.tests), rest)
            part.rows.append(from_result(row, results, priors.get(row.test, [])))
            part.change = "laboratory"


def _add_forms(case: Case, parts: list[Part]) -> None:
    rest = next(part for part in parts if "rest" in part.layout.holds)
    for response in list_responses(case):
        form = get_questionnaire(response.form)
        versions = list_versions(response)
        told = _describe_response(response, form.title, versions)
        computed = list_computed(form, response.answers, case.exam_date or get_today(case))
        for section in summarise(form, response.answers, computed):
            part = next((one for one in parts if section.link_id in one.layout.groups), rest)
            _add_section(part, section, response, form, versions)
            if told not in part.signed:
                part.signed.append(told)


def _add_section(part: Part, section: Section, response: FormResponse, form: Questionnaire,
                 versions: list[FormVersion]) -> None:
    """The answers of a group; what an amendment changed has a row of its own, with what was said before."""
    changes = _list_section_changes(section, response, form, versions)
    for line in section.lines:
        row = from_line(line, response.form)
        row.before = changes.pop(line.link_id, [])
        row.tags += [(_("Amended"), "warn")] if row.before else []
        part.rows.append(row)
    for link_id, before in changes.items():
        part.rows.append(_from_changed(form.list_questions()[link_id], response, before))
    moved = {row.label for row in part.rows if row.before}
    for label, texts in ((_("%(part)s, no", part=section.title), section.denied), (_("Normal"), section.normal)):
        if plain := [text for text in texts if text not in moved]:
            part.rests.append(Rest(label, plain))
    part.change = part.change or f"forms/{response.form}"


def _from_changed(item: Item, response: FormResponse, before: list[Note]) -> ReviewRow:
    """A changed answer that is plain now (no, normal, not answered): it would else stand in no row."""
    answer = response.answers.get(item.link_id)
    return ReviewRow(
        f"answer-{response.form}-{item.link_id}", item.text,
        [_("Not answered") if answer is None else say_answer(item, answer)], target=item.link_id, before=before,
        change=f"forms/{response.form}?amend=1", tags=[(_("Amended"), "warn")])


def _list_section_changes(section: Section, response: FormResponse, form: Questionnaire,
                          versions: list[FormVersion]) -> dict[str, list[Note]]:
    """By linkId: what the questions of a section said before, as far as amendments changed it."""
    group = next(item for item in form.items if item.link_id == section.link_id)
    found = {item.link_id: list_changes(item, to_plain(response.answers), versions) for item in group.walk()
             if item.is_question and not item.link_id.endswith(".detail")}
    return {link_id: notes for link_id, notes in found.items() if notes}


def _describe_response(row: FormResponse, title: str, versions: list[FormVersion]) -> Note:
    """Who answered a form and when; with the reason of its last amendment."""
    if row.status not in COMPLETE:
        return Note(_("%(form)s: in progress", form=title), row.started_by_id, row.saved_at)
    why = _("Amended: %(reason)s", reason=versions[-1].reason) if versions else ""
    return Note(title, row.completed_by_id, row.completed_at, why)


def _find_part(case: Case, parts: list[Part], row: Requirement) -> Part:
    """The part in which what is open will stand."""
    kind = {"xray": "film", "sputum": "sputum", "vaccination": "vaccination", "laboratory": "results"}.get(
        (find_path(row.exam, case.programme) or "").partition("/")[0], "rest")
    return next((one for one in parts if row.exam in one.layout.exams),
                next((one for one in parts if kind in one.layout.holds), parts[0]))


def _list_awaited(case: Case, requirements: list[Requirement]) -> list[str]:
    """Tests in work beside the open examinations: what followed a result (a viral load), or a treatment's cultures."""
    asked = {row.exam for row in requirements if row.state is RequirementState.OPEN}
    tests = [list_tests()[order.test] for order in lab_order.list_orders(case) if order.is_live]
    return list(dict.fromkeys(test.label for test in tests if not asked & set(test.exams)))


def _veil(case: Case, alerts: list[Alert]) -> list[Alert]:
    """The alerts with what is confidential left out of their words until the reader has said why they must see it."""
    if confidential.may_see(case.id, current_user):
        return alerts
    return [replace(alert, text=say_confidential(), code="confidential", kind=AlertKind.CONFIDENTIAL)
            if alert.is_guarded else alert for alert in alerts]
