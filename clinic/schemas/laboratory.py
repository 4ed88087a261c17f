"""What may come in as a laboratory result or a specimen, from whatever door."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range

from clinic.identifier import IdentifierKind, classify_identifier, list_order_numbers, list_specimen_numbers
from clinic.laboratory_test import COMPARATORS, DETAIL, EXACT, TITRE, LaboratoryTest, list_tests
from clinic.models import MEDIA, Collection, Purpose, SpecimenKind
from clinic.schemas.digits import MOST_DECIMALS, read_digits
from clinic.schemas.field import DayText, TimeText, at_most

SPOTS = "{spots}"  # UCUM; spots are counted, so they are whole
MARKS = ("normal", "low", "high", "abnormal", "critical")
TITRE_TEXT = re.compile(r"1\s*[:/]\s*(\d{1,5})")
PART_LENGTH = 40  # as the column
IGRA_LIMIT = "10000"  # above what either assay prints; catches a slipped decimal point


@dataclass(frozen=True)
class NewResult:
    """One result as it came in, checked by itself (what depends on the case is the service's to check)."""

    test: str
    value: str
    performed_on: date | None = None  # None: the day its specimen was collected
    reported_on: date | None = None
    specimen_id: str | None = None
    components: dict[str, str] = field(default_factory=dict)
    remark: str = ""
    confirmed: list[str] = field(default_factory=list)  # codes of cautions that were ticked
    unit: str | None = None  # UCUM; None where the test has one unit only, or none
    method: str | None = None
    mark: str | None = None  # the laboratory's own mark beside a number


@dataclass(frozen=True)
class NewSpecimen:
    """One specimen to be given a number."""

    kind: SpecimenKind
    collected_on: date
    replaces_id: str | None = None
    confirmed: list[str] = field(default_factory=list)
    collected_time: time | None = None  # of the site's clock; None: only the day is known
    collection: Collection | None = None
    observed_by_id: str | None = None  # a member of staff; None: nobody watched
    purpose: Purpose = Purpose.DIAGNOSIS
    treatment_month: int | None = None
    is_unwatched: bool = False  # somebody said that nobody watched, rather than nothing


class LabResultIn(Schema):
    """A result of a test of the catalogue; loads to NewResult."""

    test = fields.String(required=True)
    value = fields.String(required=True, validate=Length(1, 60))
    performed_on = DayText()
    reported_on = DayText()
    specimen_id = fields.String(validate=Length(max=36))
    kind = fields.String()  # of an IGRA: qft-plus or t-spot
    components = fields.Dict(keys=fields.String(), values=fields.String())
    remark = fields.String(validate=at_most(2000))
    confirmed = fields.List(fields.String(validate=Length(max=60)))
    unit = fields.String(validate=Length(max=20))
    method = fields.String(validate=Length(max=24))
    mark = fields.String(validate=OneOf(list(MARKS)))

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def check_test(self, data: dict[str, Any], original: dict[str, Any], **_named: Any) -> None:
        """The value and its parts must be what the test may have; normalises digits in place."""
        test = list_tests().get(data.get("test", ""))
        if test is None:
            raise ValidationError(_("Choose a test of the list."), "test")
        problems: dict[str, Any] = {}
        if "value" in data:
            _check_value(test, data, problems)
        if test.components:
            _check_components(test, data, problems)
        elif test.drugs:
            _check_drugs(test, data, problems)
        elif test.titre_for:
            _check_titre(test, data, problems)
        elif test.parts:
            _check_parts(test, data, problems)
        elif data.get("components"):
            problems["components"] = [_("This test has no measured parts.")]
        if data.get("method") and data["method"] not in test.methods:
            problems["method"] = [_("Choose one of the methods of this test.")]
        if not test.specimen and not original.get("performed_on"):
            problems.setdefault("performed_on", [_("Give the date.")])
        if test.specimen and not data.get("specimen_id"):
            problems["specimen_id"] = [_("Choose the specimen.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewResult:
        """The checked input as an object."""
        data.pop("kind", None)
        return NewResult(**data)


def is_label(text: str) -> bool:
    """Whether somebody scanned a label of ours where a result belongs."""
    own = (IdentifierKind.CASE_NUMBER, IdentifierKind.APPLICANT_NUMBER)
    return bool(list_specimen_numbers(text) or list_order_numbers(text)
                or any(one.kind in own for one in classify_identifier(text)[:1]))


def _check_value(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    if is_label(str(data["value"])):
        problems["value"] = [_("This is the number of a label, not a result. Scan it into the search field above.")]
        return
    if not test.units:
        if data["value"] not in test.values:
            problems["value"] = [_("Choose one of the results of this test.")]
        if data.get("unit") or data.get("mark"):
            problems["value"] = [_("This result has no unit: it is not a number.")]
        return
    unit = test.find_unit(data.get("unit"))
    if unit is None:
        problems["unit"] = [_("Choose the unit of the laboratory's report; nothing is converted.")]
        return
    text = str(data["value"]).strip().replace(" ", "")
    sign = text[:1] if text[:1] in COMPARATORS else ""
    if sign and test.whole == EXACT:
        problems["value"] = [_("Write what was measured, in figures: this is read with a ruler, not beyond a limit.")]
        return
    try:  # as many decimals as the laboratory wrote: who had to leave some away would round
        digits = read_digits(text.removeprefix(sign), unit.minimum, unit.maximum,
                             0 if test.whole == EXACT else MOST_DECIMALS)
    except ValidationError as error:
        problems["value"] = error.messages
        return
    data["value"], data["unit"] = sign + digits, unit.code


def _check_titre(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    """A titre as 1:8, with a reactive result only (us.md 2.2); it may follow later, so it may be missing."""
    given = {name: str(text).strip() for name, text in (data.get("components") or {}).items() if str(text).strip()}
    data["components"] = given
    if set(given) - {TITRE}:
        problems["components"] = [_("This test has no such measured part.")]
    elif given and data.get("value") not in test.titre_for:
        problems["components"] = {TITRE: [_("Only a reactive result has a titre.")]}
    elif given:
        found = TITRE_TEXT.fullmatch(given[TITRE])
        steps = int(found.group(1)) if found else 0
        if not found or steps & (steps - 1) or not steps:
            problems["components"] = {TITRE: [_("Write the titre like 1:8; it doubles from 1:1.")]}
        else:
            given[TITRE] = f"1:{steps}"


def _check_drugs(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    """One answer for each drug tested; the result itself follows: resistant when any drug is."""
    given = {name: text.strip() for name, text in (data.get("components") or {}).items() if text.strip()}
    data["components"] = given
    details = {name for name in given if name.endswith(DETAIL)}
    wrong = {name: [_("Choose one of the results of this test.")] for name, text in given.items()
             if name not in details and (name not in test.drugs or text not in test.answers)}
    wrong |= {name: [_("Give the result of this drug first.")] for name in details
              if name.removesuffix(DETAIL) not in given}
    wrong |= {name: [_("At most %(most)s letters fit here.", most=PART_LENGTH)] for name in details
              if len(given[name]) > PART_LENGTH}
    if wrong:
        problems["components"] = wrong
    elif not given:
        problems["value"] = [_("Give the result of at least one drug.")]
    elif "value" in data and data["value"] != find_resistance(given):
        problems["value"] = [_("The drugs say something else.")]
    if not data.get("method"):
        problems["method"] = [_("Choose how it was tested.")]


def _check_parts(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    """What belongs to some values only: the grade of a positive smear, the species of other mycobacteria."""
    given = {name: str(text).strip() for name, text in (data.get("components") or {}).items() if str(text).strip()}
    data["components"] = given
    known = {part.name: part for part in test.parts}
    wrong: dict[str, list[str]] = {}
    for name, text in given.items():
        part = known.get(name)
        if part is None:
            wrong[name] = [_("This test has no such measured part.")]
        elif data.get("value") not in part.of:
            wrong[name] = [_("This does not belong to the result that was chosen.")]
        elif part.values and text not in part.values:
            wrong[name] = [_("Choose one of the results of this test.")]
        elif len(text) > PART_LENGTH:
            wrong[name] = [_("At most %(most)s letters fit here.", most=PART_LENGTH)]
    if wrong:
        problems["components"] = wrong


def find_resistance(answers: dict[str, str]) -> str:
    """The result of a susceptibility test by its drugs; what an answer rests on is no answer."""
    said = {text for name, text in answers.items() if not name.endswith(DETAIL)}
    return "resistant" if "resistant" in said else "susceptible"


def _check_components(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    """All measured parts of the chosen kind, or none of them (Form DS-3030 section 1)."""
    given = {name: text for name, text in (data.get("components") or {}).items() if str(text).strip()}
    kind = data.get("kind")
    if kind not in test.components:
        if given or kind:
            problems["kind"] = [_("Choose the kind of test.")]
        return
    for name, unit in test.components[kind].items():
        if name not in given:
            problems.setdefault("components", {})[name] = [_("Give this value as the laboratory reported it.")]
            continue
        try:
            text = given[name].strip().replace(" ", "")
            sign = text[:1] if text[:1] in COMPARATORS else ""  # ">10": the assay measures no further
            given[name] = sign + read_digits(text.removeprefix(sign), "0", IGRA_LIMIT, 0 if unit == SPOTS else 6)
        except ValidationError as error:
            problems.setdefault("components", {})[name] = error.messages
    for name in set(given) - set(test.components[kind]):
        problems.setdefault("components", {})[name] = [_("This kind of test has no such value.")]
    data["components"] = given


class SpecimenIn(Schema):
    """A specimen; loads to NewSpecimen."""

    kind = fields.String(required=True, validate=OneOf([kind.value for kind in SpecimenKind]))
    collected_on = DayText(required=True)
    collected_time = TimeText()
    collection = fields.Enum(Collection, by_value=True)
    observed_by_id = fields.String(validate=Length(max=36))
    purpose = fields.Enum(Purpose, by_value=True)
    treatment_month = fields.Integer(strict=False, validate=Range(0, 36))
    is_unwatched = fields.Boolean()
    replaces_id = fields.String(validate=Length(max=36))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewSpecimen:
        """The checked input as an object."""
        return NewSpecimen(**{**data, "kind": SpecimenKind(data["kind"])})


class InoculationIn(Schema):
    """What was inoculated of a specimen, and when; loads to (day, media)."""

    inoculated_on = DayText(required=True)
    media = fields.List(fields.String(validate=OneOf(MEDIA)), required=True, validate=Length(1, len(MEDIA)))

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> tuple[date, tuple[str, ...]]:
        """The day, and the media in their usual order."""
        return data["inoculated_on"], tuple(medium for medium in MEDIA if medium in data["media"])
