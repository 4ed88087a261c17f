"""What a laboratory's lines on one order amount to: their codes grouped by our tests, and the result that follows.

Nothing here decides whose a result is or records it (clinic/services/result_intake.py does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from clinic.db import db
from clinic.errors import InvalidInput
from clinic.identifier import list_order_numbers, list_specimen_numbers
from clinic.lab_report import ReportedPanel, ReportedValue
from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import Case, Laboratory, LabOrder, Specimen
from clinic.result_word import PART_WORDS, label_part
from clinic.schemas.door import load
from clinic.schemas.laboratory import LabResultIn, NewResult, find_resistance
from clinic.services.code_mapping import Dictionary
from clinic.services.release import CRITICAL_FLAGS
from clinic.services.result_alike import find_ordered
from clinic.services.result_match import Suggestion
from clinic.services.specimen import list_specimens

# OBX-11, HL7 table 0085 (hl7-dicom.md 1.4).
FINAL, PRELIMINARY, NOTED = ("F", "C", "U", ""), ("P", "S", "R", "B", "V"), ("I", "O", "N")
NOT_DONE, TAKEN_BACK = ("X",), ("D", "W")
CORRECTED = "C"
WRONG = "W"  # of those: posted to the wrong person, often
# OBX-8, HL7 table 0078, the gravest first: several may stand there.
MARKS = {**dict.fromkeys(sorted(CRITICAL_FLAGS), "critical"), "H": "high", "L": "low", "A": "abnormal", "N": "normal"}


@dataclass(frozen=True)
class Group:
    """The lines of one order that make one result; `test` is None while their code means nothing here."""

    test: LaboratoryTest | None
    panel: ReportedPanel
    values: tuple[ReportedValue, ...]
    parts: dict[str, ReportedValue]
    main: ReportedValue | None
    doubled: tuple[str, ...] = ()  # what is said twice and differently, by part; "" the result itself

    @property
    def first(self) -> ReportedValue:
        """The line that names the result."""
        return self.main or self.values[0]

    @property
    def said(self) -> tuple[ReportedValue, ...]:
        """The lines that the result rests on: of a susceptibility test those of the drugs that have a final answer.

        Drugs are answered one by one, some weeks after the others: a resistance must not wait for them.
        """
        final = tuple(value for value in self.parts.values() if value.status in FINAL) if self._has_drugs else ()
        undone = any(value.status in TAKEN_BACK for value in self.values)
        return self.values if undone or not final else final

    @property
    def awaited(self) -> tuple[str, ...]:
        """The drugs of a susceptibility test whose answer is still to come, or never will."""
        return tuple(part for part, value in self.parts.items() if self._has_drugs and value not in self.said)

    @property
    def _has_drugs(self) -> bool:
        return self.test is not None and bool(self.test.drugs)


class Undecided(Exception):
    """A person must look; the sentence says at what, without a person's data."""


def build_groups(panel: ReportedPanel, dictionary: Dictionary) -> list[Group]:
    """The results that an order's lines make: parts go with their test, isolates (OBX-4) stay apart."""
    found: dict[tuple[str, str], list[tuple[str, ReportedValue]]] = {}
    for value in panel.values:
        meaning = dictionary.find_test(value)
        if meaning is None:
            found[f"?{len(found)}", value.sub_id] = [("", value)]
            continue
        test = list_tests()[meaning.test]
        test = find_ordered(test, panel.placer) or test
        apart = value.sub_id if not (meaning.part or test.components or test.drugs or test.titre_for) else ""
        found.setdefault((test.name, apart), []).append((meaning.part, value))
    groups = []
    for (name, _apart), lines in found.items():
        main = next((value for part, value in lines if not part), None)
        groups.append(Group(
            None if name.startswith("?") else list_tests()[name], panel, tuple(value for _part, value in lines),
            {part: value for part, value in lines if part}, main, _list_doubled(lines)))
    return groups


def _list_doubled(lines: Sequence[tuple[str, ReportedValue]]) -> tuple[str, ...]:
    """The parts of which two lines differ: two methods, two concentrations. Neither is taken for the other."""
    words: dict[str, set[object]] = {}
    for part, one in lines:
        words.setdefault(part, set()).add((one.value, one.value_text, one.unit, one.flags, one.status))
    return tuple(part for part, said in words.items() if len(said) > 1)


def build_result(
    laboratory: Laboratory, group: Group, dictionary: Dictionary, case: Case, specimen: Specimen | None,
    drawn_on: date | None = None,
) -> NewResult:
    """What our own screens would have posted; raises Undecided with the reason why it cannot be said.

    `drawn_on` is the day that a person knows, where the laboratory says none.
    """
    test = group.test
    if test is None:
        raise Undecided(_("What the laboratory's code %(code)s means here is not in its mapping table.",
                          code=group.first.code))
    if group.doubled:
        raise Undecided(_(
            "The laboratory says two different things of %(what)s. Enter what is right on the case's laboratory page, "
            "and put this one aside.", what=", ".join(label_part(part) or test.label for part in group.doubled)))
    zone = ZoneInfo(case.site.time_zone)
    day = _find_day((group.first.observed_at, group.panel.observed_at), zone)
    plain: dict[str, object] = {"test": test.name, "remark": _build_remark(laboratory, group)}
    if reported := _find_day((group.panel.reported_at,), zone):
        plain["reported_on"] = reported.isoformat()
    if test.specimen:
        if specimen is None:
            raise Undecided(_("To which specimen it belongs is not certain."))
        plain["specimen_id"] = specimen.id
    elif day is None and (day := drawn_on or _find_own_day(group, case)) is None:
        raise Undecided(_(
            "The day on which the specimen was taken is missing. Ask the laboratory, enter the result on the case's "
            "laboratory page, and put this one aside."))
    else:
        plain["performed_on"] = day.isoformat()
    _add_value(plain, test, group, dictionary)
    if test.methods and (method := dictionary.find_method(test, group.first.method)):
        plain["method"] = method
    try:
        new: NewResult = load(LabResultIn(), plain)
    except InvalidInput as error:
        raise Undecided(_("It cannot be taken as a result of %(test)s: %(why)s", test=test.label,
                          why=say_fields(error.fields))) from None
    return new


def find_status(group: Group) -> str:
    """Of a result of several lines the least certain: what is preliminary in part is preliminary."""
    statuses = {value.status for value in group.said}
    for least in (*TAKEN_BACK, *PRELIMINARY, *NOTED):
        if least in statuses:
            return least
    if group.main is None or group.main.status in NOT_DONE:
        others = statuses - {"X"}
        if not others or group.main is not None:
            return "X" if "X" in statuses else group.first.status
    return "C" if "C" in statuses else group.said[0].status if group.main is None else group.main.status


def find_specimen(group: Group, case: Case, certain: Suggestion | None) -> Specimen | None:
    """The specimen named, else the order's, else the only one that was taken on the day it says."""
    if certain is not None and certain.specimen is not None:
        return certain.specimen
    rows = [one for one in list_specimens(case) if one.withdrawn_at is None and one.rejected_at is None]
    if group.panel.specimen:
        named = list_specimen_numbers(group.panel.specimen)
        return next((one for one in rows if one.number in named), None)
    if group.test is None or not group.test.specimen:
        return None
    day = _find_day((group.first.observed_at, group.panel.observed_at), ZoneInfo(case.site.time_zone))
    same = [one for one in rows if one.collected_on == day and one.tube is None]
    return same[0] if len(same) == 1 else None


def is_parent_inferred(group: Group) -> bool:
    """A susceptibility test without a word on its parent (OBR-26, OBR-29): linked by its specimen alone."""
    return bool(group.test and group.test.drugs) and not (group.panel.parent_filler or group.panel.parent_sub_id)


def _find_own_day(group: Group, case: Case) -> date | None:
    """The day on which we took what the laboratory names by our own number of it or of its order; None without one.

    A specimen that was taken back or rejected says nothing.
    """
    numbers = list_specimen_numbers(group.panel.specimen), list_order_numbers(group.panel.placer)
    of_order = select(LabOrder.specimen_id).where(LabOrder.case_id == case.id, LabOrder.number.in_(numbers[1]))
    for named in (Specimen.number.in_(numbers[0]), Specimen.id.in_(of_order)):
        day = db.session.execute(
            select(Specimen.collected_on).where(named, Specimen.case_id == case.id, Specimen.withdrawn_at.is_(None),
                                                Specimen.rejected_at.is_(None)).limit(1)
        ).scalar_one_or_none()
        if day is not None:
            return day
    return None


def _add_value(plain: dict[str, object], test: LaboratoryTest, group: Group, dictionary: Dictionary) -> None:
    if test.drugs:
        answers = {drug: dictionary.find_drug_answer(test, value) for drug, value in group.parts.items()
                   if drug not in group.awaited}
        if unknown := sorted(drug for drug, answer in answers.items() if answer is None):
            raise Undecided(_("What the laboratory says of %(drugs)s means nothing here yet.",
                              drugs=", ".join(map(label_part, unknown))))
        plain["components"] = answers
        plain["value"] = find_resistance({drug: str(answer) for drug, answer in answers.items()})
        return
    parts = {part: value.value for part, value in group.parts.items()}
    if parts:
        plain["components"] = parts
        if test.components:
            plain["kind"] = next((kind for kind, names in test.components.items() if set(parts) <= set(names)), "")
    main = group.main
    if main is None:
        raise Undecided(_("The result itself is missing: the report has only parts of it."))
    if not test.units:
        value = dictionary.find_value(test, main)
        if value is None:
            raise Undecided(_("What the laboratory's word for this result of %(test)s means is not in its mapping "
                              "table.", test=test.label))
        plain["value"] = value
        return
    unit = dictionary.find_unit(test, main.unit)
    if unit is None:
        raise Undecided(_("The unit of %(test)s is none that we take; nothing is converted.", test=test.label))
    plain["value"], plain["unit"] = main.value, unit
    mark = next((mark for flag, mark in MARKS.items() if flag in main.flags), None)
    if mark:
        plain["mark"] = mark


def _build_remark(laboratory: Laboratory, group: Group) -> str:
    notes = [value.note for value in group.values if value.note] + [group.panel.note]
    if group.awaited:
        notes.append(_("Not final at the laboratory: %(drugs)s.", drugs=", ".join(map(label_part, group.awaited))))
    return "\n".join([laboratory.name, *dict.fromkeys(filter(None, notes))])[:2000]


def _find_day(moments: Sequence[str], zone: tzinfo) -> date | None:
    """The day at the site of the first moment that says one."""
    for text in moments:
        if not text:
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        return moment.astimezone(zone).date() if moment.tzinfo else moment.date()
    return None


def to_utc(text: str) -> str:
    """A moment in UTC, so that two can be compared as texts; empty for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def say_fields(fields: object) -> str:
    """The sentences of a refused input, each once, without the values; of a part of a result with its name."""
    named: dict[str, list[str]] = {}
    for name, sentence in _list_sentences(fields):
        named.setdefault(sentence, []).append(name)
    return " ".join(f"{', '.join(dict.fromkeys(names))}: {sentence}" if all(names) else sentence
                    for sentence, names in named.items())


def _list_sentences(fields: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(fields, dict):
        for key, each in fields.items():
            yield from _list_sentences(each, label_part(key) if key in PART_WORDS else "")
    elif isinstance(fields, list | tuple):
        for one in fields:
            yield from _list_sentences(one, name)
    elif fields:
        yield name, str(fields)
