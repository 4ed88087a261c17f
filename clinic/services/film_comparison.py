"""Whose film it says it is, against whose case it was sent to; and what else is odd about it (hl7-dicom.md 5.2).

Answers are codes: names stay in the film and in the case, never in a row of their own.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from clinic.dicom.summary import SOP_CLASSES, FilmHeader, PersonOnFilm
from clinic.identifier import to_key
from clinic.models import Applicant, Case, Sex
from clinic.name import list_tokens
from clinic.name.likeness import compare_names, compare_native
from clinic.partial_date import from_date, parse_partial_date
from clinic.services.better_named import find_better_named
from clinic.services.plausibility import get_today

# From here on two spellings are one name; the same limit as "written otherwise" in clinic/name/double.py.
WRITTEN_OTHERWISE = 0.9
SHALLOWEST_BITS = 10  # ACR-AAPM-SIIM practice parameter for electronic imaging: at least 10 bits of grey
_SEXES = {"M": Sex.MALE, "F": Sex.FEMALE}


class Match(StrEnum):
    """How one thing on the film stands to the case."""

    MATCH = "match"
    SIMILAR = "similar"  # the same name, written otherwise or shortened
    DIFFERS = "differs"
    MISSING = "missing"  # not on the film, or not known here


class Remark(StrEnum):
    """One thing about a film; those of ALARMS keep it in quarantine."""

    OTHER_PERSON = "other-person"
    BETTER_NAMED = "better-named"  # its name fits somebody else here better: a twin, a father
    NOBODY = "nobody"  # neither a name nor one of our numbers on it
    SAME_PICTURE = "same-picture"  # this very picture belongs to somebody else's case
    FUTURE = "future"
    BEFORE_BIRTH = "before-birth"
    OLDER = "older"
    NO_DATE = "no-date"
    OTHER_DAY = "other-day"  # taken on another day than its study
    OTHER_NUMBER = "other-number"
    NO_VIEW = "no-view"
    OTHER_VIEW = "other-view"
    NOT_CHEST = "not-chest"
    SHALLOW = "shallow"
    LOSSY = "lossy"
    FOR_PROCESSING = "for-processing"
    CAPTURE = "capture"
    BURNED_IN = "burned-in"
    NO_SPACING = "no-spacing"
    REPAIRED = "repaired"
    CLEARED = "cleared"  # its preamble held something


ALARMS = frozenset({Remark.OTHER_PERSON, Remark.BETTER_NAMED, Remark.NOBODY, Remark.SAME_PICTURE, Remark.FUTURE,
                    Remark.BEFORE_BIRTH})
NOTES = frozenset({Remark.NO_SPACING, Remark.REPAIRED, Remark.CLEARED, Remark.BURNED_IN})


def compare_person(person: PersonOnFilm, case: Case) -> dict[str, str]:
    """How name, birth date, sex and number on the film stand to the case: {what: Match}."""
    applicant = case.applicant
    return {
        "name": _compare_name(person, applicant).value,
        "birth_date": _compare_birth(person, applicant).value,
        "sex": _compare_sex(person, applicant).value,
        "number": _compare_number(person, case).value,
    }


def list_remarks(header: FilmHeader, case: Case, person: dict[str, str], is_known_picture: bool) -> list[str]:
    """What is to be said of a film, the gravest first."""
    found = {
        Remark.OTHER_PERSON: Match.DIFFERS in (person["name"], person["birth_date"], person["sex"]),
        Remark.BETTER_NAMED: person["name"] == Match.SIMILAR and _fits_another(header.person, case.applicant),
        Remark.NOBODY: person["name"] == Match.MISSING and person["number"] != Match.MATCH,
        Remark.SAME_PICTURE: is_known_picture,
        **_judge_day(header, case),
        Remark.OTHER_NUMBER: person["number"] == Match.DIFFERS,
        Remark.NO_VIEW: header.view is None,
        Remark.OTHER_VIEW: header.view == "other",
        Remark.NOT_CHEST: bool(header.body_part) and not _is_chest(header.body_part),
        Remark.SHALLOW: header.bits_stored < SHALLOWEST_BITS,
        Remark.LOSSY: header.is_lossy,
        Remark.FOR_PROCESSING: SOP_CLASSES.get(header.sop_class) == "digital-x-ray-processing",
        Remark.CAPTURE: SOP_CLASSES.get(header.sop_class) == "secondary-capture",
        Remark.BURNED_IN: header.burned_in == "YES",
        Remark.NO_SPACING: header.spacing is None,
        Remark.REPAIRED: header.is_repaired,
        Remark.CLEARED: header.had_preamble,
    }
    return [remark.value for remark in Remark if found[remark]]


def _judge_day(header: FilmHeader, case: Case) -> dict[Remark, bool]:
    taken = date.fromisoformat(header.taken_on) if header.taken_on else None
    return {
        Remark.FUTURE: taken is not None and taken > get_today(case),
        Remark.BEFORE_BIRTH: taken is not None and taken < parse_partial_date(case.applicant.birth_date).earliest,
        Remark.OLDER: taken is not None and taken < find_first_day(case),
        Remark.NO_DATE: taken is None,
        Remark.OTHER_DAY: bool(header.study_on) and header.taken_on != header.study_on,
    }


def find_first_day(case: Case) -> date:
    """The first day whose film belongs to this exam: the day the case was opened, or the exam's if that was earlier."""
    opened = case.opened_at.astimezone(ZoneInfo(case.site.time_zone)).date()
    return min(opened, case.exam_date) if case.exam_date else opened


def _compare_name(person: PersonOnFilm, applicant: Applicant) -> Match:
    """Any of the film's name groups may be the applicant's Latin or own-script name."""
    judged = {_compare_group(group, applicant) for group in person.names}
    return next((match for match in (Match.MATCH, Match.SIMILAR, Match.DIFFERS) if match in judged), Match.MISSING)


def _compare_group(group: str, applicant: Applicant) -> Match:
    film_words = list_tokens(group.replace("^", " "))
    if not film_words:
        return Match.MISSING
    family = list_tokens(applicant.family_name)
    words = family + list_tokens(applicant.given_names)
    if sorted(film_words) == sorted(words):
        return Match.MATCH
    native = f"{applicant.native_family_name or ''} {applicant.native_given_names or ''}".strip()
    if native and (compare_native(group.replace("^", " "), native) or 0) >= WRITTEN_OTHERWISE:
        return Match.SIMILAR
    if compare_names(film_words, words) >= WRITTEN_OTHERWISE or _is_shortened(film_words, words, family):
        return Match.SIMILAR
    return Match.DIFFERS


def _fits_another(person: PersonOnFilm, applicant: Applicant) -> bool:
    return find_better_named(
        applicant, [list_tokens(group.replace("^", " ")) for group in person.names],
        lambda one: Match.DIFFERS not in (_compare_birth(person, one), _compare_sex(person, one)),
        lambda one: _compare_birth(person, one) in (Match.MATCH, Match.SIMILAR)) is not None


def _is_shortened(film_words: list[str], words: list[str], family: list[str]) -> bool:
    """At least two words, the family name among them, and none that is not the applicant's (a console cuts names)."""
    return len(film_words) >= 2 and set(film_words) <= set(words) and bool(set(film_words) & set(family))


def _compare_birth(person: PersonOnFilm, applicant: Applicant) -> Match:
    if not person.birth_date:
        return Match.MISSING
    known = parse_partial_date(applicant.birth_date)
    on_film = from_date(date.fromisoformat(person.birth_date))
    if known == on_film:
        return Match.MATCH
    return Match.SIMILAR if not known.is_full and known.can_be(on_film) else Match.DIFFERS


def _compare_sex(person: PersonOnFilm, applicant: Applicant) -> Match:
    on_film = _SEXES.get(person.sex)
    if on_film is None or applicant.sex not in _SEXES.values():
        return Match.MISSING
    return Match.MATCH if on_film is applicant.sex else Match.DIFFERS


def _compare_number(person: PersonOnFilm, case: Case) -> Match:
    """Patient id or accession number against every number this person and case go by."""
    given = {to_key(number) for number in (person.patient_id, person.accession)} - {""}
    ours = {to_key(number) for number in (
        case.number, case.applicant.number, case.authority_case_number or "",
        *(document.number for document in case.applicant.documents))} - {""}
    if not given:
        return Match.MISSING
    return Match.MATCH if given & ours else Match.DIFFERS


def _is_chest(body_part: str) -> bool:
    return any(word in body_part.upper() for word in ("CHEST", "THORAX", "LUNG"))
