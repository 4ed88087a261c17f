"""The words of a case and of a decision that stand on several screens."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, url_for
from flask_babel import LazyString, get_timezone, lazy_gettext
from flask_babel import gettext as _
from markupsafe import Markup

from clinic import clock
from clinic.authority_number import list_examples
from clinic.models import Applicant, Case, Consent, ConsentState, DocumentKind, IdentityCheck, IdentityMethod, Photo
from clinic.progress import describe_progress, label_exam
from clinic.queries.standing import Standing
from clinic.rules.programme import list_programmes
from clinic.schemas.field import to_words
from clinic.services.derivation import BY_CONTACT, BY_SEX, parse_explanation
from clinic.services.photo import find_latest_photo, find_photo
from clinic.web.clinical_format import clinical_time, format_date, ltr, read
from clinic.web.conclusion_word import label_class
from clinic.web.place import country_word
from clinic.web.veil import veil_reason

STATUS_WORDS: dict[str, tuple[LazyString, str]] = {
    "not-required": (lazy_gettext("Nothing required"), "off"),
    "not-cleared": (lazy_gettext("Not cleared"), "bad"),
    "undecided": (lazy_gettext("Undecided"), "warn"),
    "incomplete": (lazy_gettext("Examinations outstanding"), "neutral"),
    "pending-culture": (lazy_gettext("Waits for a culture"), "wait"),
    "physician-decision": (lazy_gettext("The physician decides"), "active"),
    "final": (lazy_gettext("All results are in"), "good"),
}
OTHER_NEEDS: dict[str, tuple[LazyString, LazyString]] = {
    "stay_months": (lazy_gettext("Length of stay"), lazy_gettext("How many months does the person intend to stay?")),
    "au_schedule": (lazy_gettext("Schedule of the country"), lazy_gettext(
        "Which schedule of Australia's health requirement does the country fall in?")),
    "tb_incidence": (lazy_gettext("Tuberculosis incidence"), lazy_gettext(
        "How many new cases a year per 100,000 has the country? Our table does not hold it.")),
}
DOCUMENT_WORDS: dict[str, LazyString] = {
    DocumentKind.PASSPORT: lazy_gettext("Passport"), DocumentKind.IDENTITY_CARD: lazy_gettext("Identity card"),
    DocumentKind.REFUGEE_DOCUMENT: lazy_gettext("Refugee travel document"),
    DocumentKind.OTHER: lazy_gettext("Other document"),
}


def programme_word(code: str) -> str:
    """The destination's name."""
    programmes = list_programmes()
    return programmes[code].name if code in programmes else code.upper()


def category_word(case: Any) -> str:
    """The category's label of a case, or of anything with `programme` and `category`."""
    programme = list_programmes().get(read(case, "programme"))
    code = read(case, "category")
    category = programme.categories.get(code) if programme else None
    return category.label if category else str(code)


def progress_line(case: Any, standing: Standing | None = None) -> str:
    """Why a case (or a list's row of one) is where it is; with `standing` also who did what, and when."""
    zone = str(get_timezone() or "UTC")
    return describe_progress(read(case, "state"), read(case, "progress"), read(case, "progress_detail"),
                             clock.today(zone), standing, read(case, "programme") or "", zone)


def status_word(status: str) -> str:
    """A decision's status in words."""
    return str(STATUS_WORDS[status][0]) if status in STATUS_WORDS else status


def status_tone(status: str) -> str:
    """Its tone."""
    return STATUS_WORDS[status][1] if status in STATUS_WORDS else "neutral"


def need_label(word: str, programme: str) -> str:
    """A circumstance that must be established, in a few words."""
    if word in OTHER_NEEDS:
        return str(OTHER_NEEDS[word][0])
    known = list_programmes()[programme].circumstances.get(word)
    return known.label if known else word


def need_question(word: str, programme: str) -> str:
    """The question that establishes it."""
    if word in OTHER_NEEDS:
        return str(OTHER_NEEDS[word][1])
    known = list_programmes()[programme].circumstances.get(word)
    return known.question if known else word


def to_reasons(because: list[dict[str, str]], edition: str | None = None) -> list[dict[str, Any]]:
    """The reasons of a decision as the page's “Why?” shows them."""
    return [veil_reason(reason["rule"], reason["says"], reason["source"], edition) for reason in because]


def moment_word(moment: datetime) -> Markup:
    """The time of day for a moment of today, else the day."""
    written = clinical_time(moment)
    zone = ZoneInfo(str(get_timezone() or "UTC"))
    is_today = moment.astimezone(zone).date() == clock.today(str(zone))
    return Markup("{} {}").format(_("today"), ltr(f"{moment.astimezone(zone):%H:%M}")) if is_today else written


def hour_word(moment: datetime) -> Markup:
    """The time of day at the site."""
    return ltr(f"{moment.astimezone(ZoneInfo(str(get_timezone() or 'UTC'))):%H:%M}")


def stays_line(explanation: str) -> str:
    """From what an answer was derived: the stays (country, from, until), or the sex."""
    if explanation == BY_SEX:
        return _("Sex: male")
    if explanation.startswith(BY_CONTACT):
        last = explanation.rpartition(":")[2]
        return _("a recorded contact, last exposed %(day)s", day=format_date(date.fromisoformat(last))) if last else _(
            "a recorded contact, still exposed")
    return "; ".join(
        _("%(country)s, %(first)s to %(last)s", country=country_word(country), first=format_date(first),
          last=format_date(last))
        for country, first, last in parse_explanation(explanation)
    )


def banner_case(case: Case) -> dict[str, Any]:
    """The case as the patient banner shows it."""
    return {"id": case.id, "number": case.number, "authority_case_number": case.authority_case_number,
            "state": case.state, "programme_label": f"{programme_word(case.programme)}, {category_word(case)}",
            "photo_url": address_photo(find_photo(case))}


def address_photo(photo: Photo | None) -> str | None:
    """Where a photo is to be had; a new one has another address, so that no browser shows the old one."""
    return url_for("photo.picture", case_id=photo.case_id, v=photo.sha256[:12]) if photo else None


def photo_of_person(applicant: Applicant) -> str | None:
    """Where the person's newest photo is to be had, for pages that are about no case."""
    return address_photo(find_latest_photo(applicant))


def describe_consent(row: Consent | None) -> tuple[str, str]:
    """Where consent stands, in words, and the tone that repeats them."""
    if row is None:
        return _("Not recorded"), "neutral"
    return {
        ConsentState.GIVEN: (_("Given"), "good"), ConsentState.REFUSED: (_("Refused"), "bad"),
        ConsentState.WITHDRAWN: (_("Withdrawn"), "bad"), ConsentState.REPLACED: (_("Replaced"), "off"),
    }[row.state]


def describe_check(check: IdentityCheck) -> str:
    """How somebody was recognised, in words."""
    if check.method is IdentityMethod.DOCUMENT:
        return _("face and document …%(end)s", end=check.document_end or "")
    return {IdentityMethod.PHOTO: _("face and photo"), IdentityMethod.KNOWN: _("known to the member of staff"),
            IdentityMethod.EARLIER_VISIT: _("record of an earlier visit"), None: _("another person")}[check.method]


def document_word(kind: str) -> str:
    """A document's kind."""
    return str(DOCUMENT_WORDS.get(kind, kind))


def answer_word(answer: str) -> str:
    """Yes, no, or not known yet."""
    return {"yes": _("Yes"), "no": _("No")}.get(str(answer), _("Not known yet"))


def init_case_words(app: Flask) -> None:
    """Give templates the filters of this file."""
    app.jinja_env.filters.update(
        programme_word=programme_word, category_word=category_word, progress_line=progress_line,
        status_word=status_word, status_tone=status_tone, document_word=document_word, answer_word=answer_word,
        exam_word=label_exam, class_word=label_class,
        sentence=to_words, reasons=to_reasons, need_label=need_label, need_question=need_question,
        moment_word=moment_word, hour_word=hour_word,
        number_examples=list_examples, stays_line=stays_line, banner_case=banner_case,
        check_word=describe_check, photo_of_person=photo_of_person,
    )
