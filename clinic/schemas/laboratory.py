"""What may come in as a laboratory result or a specimen, from whatever door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf

from clinic.laboratory_test import LaboratoryTest, list_tests
from clinic.models import SpecimenKind
from clinic.schemas.digits import read_digits
from clinic.schemas.field import DayText, at_most

SPOTS = "{spots}"  # UCUM; spots are counted, so they are whole
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


@dataclass(frozen=True)
class NewSpecimen:
    """One specimen to be given a number."""

    kind: SpecimenKind
    collected_on: date
    replaces_id: str | None = None
    confirmed: list[str] = field(default_factory=list)


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
        elif data.get("components"):
            problems["components"] = [_("This test has no measured parts.")]
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


def _check_value(test: LaboratoryTest, data: dict[str, Any], problems: dict[str, Any]) -> None:
    if test.number:
        try:
            data["value"] = read_digits(
                data["value"], test.number.minimum, test.number.maximum, test.number.decimals)
        except ValidationError as error:
            problems["value"] = error.messages
    elif data["value"] not in test.values:
        problems["value"] = [_("Choose one of the results of this test.")]


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
            given[name] = read_digits(given[name], "0", IGRA_LIMIT, 0 if unit == SPOTS else 6)
        except ValidationError as error:
            problems.setdefault("components", {})[name] = error.messages
    for name in set(given) - set(test.components[kind]):
        problems.setdefault("components", {})[name] = [_("This kind of test has no such value.")]
    data["components"] = given


class SpecimenIn(Schema):
    """A specimen; loads to NewSpecimen."""

    kind = fields.String(required=True, validate=OneOf([kind.value for kind in SpecimenKind]))
    collected_on = DayText(required=True)
    replaces_id = fields.String(validate=Length(max=36))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewSpecimen:
        """The checked input as an object."""
        return NewSpecimen(**{**data, "kind": SpecimenKind(data["kind"])})
