"""Results as a laboratory's own system sends them by the JSON interface; the same words as everywhere (lab_report)."""

from __future__ import annotations

import base64
from datetime import date, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from clinic.lab_report import PersonReport, ReportedDocument, ReportedPanel, ReportedPerson, ReportedValue

STATUSES = ("F", "C", "P", "X", "D", "W", "I")
KINDS = ("ST", "NM", "CWE", "SN", "TX")


def _text(most: int, **options: Any) -> fields.String:
    given: dict[str, Any] = {"load_default": "", "validate": validate.Length(max=most)} | options
    return fields.String(**given)


def _needed(most: int) -> fields.String:
    return fields.String(required=True, validate=validate.Length(1, most))


class _Strict(Schema):
    class Meta:
        unknown = RAISE


def _check_moment(text: str) -> None:
    """A day, or a time with its offset."""
    if not text:
        return
    try:
        if len(text) == 10:
            date.fromisoformat(text)
            return
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError("Write 2026-03-04, or a time with its offset: 2026-03-04T09:00:00+03:00.") from None
    if moment.tzinfo is None:
        raise ValidationError("Say the offset of the time.")


class IdentifierIn(_Strict):
    """A number of the person."""

    value = _needed(60)
    authority = _text(60)
    type = _text(20)


class PersonIn(_Strict):
    """Whom the results are about, as the laboratory knows them."""

    identifiers = fields.List(fields.Nested(IdentifierIn), load_default=list, validate=validate.Length(max=10))
    family_name = _text(160)
    given_names = _text(160)
    birth_date = _text(10, validate=validate.Regexp(r"^(\d{4}(-\d{2}(-\d{2})?)?)?$"))
    sex = _text(1, validate=validate.OneOf(["", "M", "F", "O", "U"]))


class ValueIn(_Strict):
    """One line of a result."""

    code = _needed(120)
    system = _text(60)
    text = _text(200)
    sub_id = _text(40)
    kind = _text(4, load_default="ST", validate=validate.OneOf(KINDS))
    value = _text(2000)
    value_text = _text(200)
    unit = _text(40)
    flags = fields.List(fields.String(validate=validate.Length(1, 10)), load_default=list,
                        validate=validate.Length(max=5))
    range = _text(60)
    method = _text(60)
    status = _text(1, load_default="F", validate=validate.OneOf(STATUSES))
    observed_at = _text(40, validate=_check_moment)
    note = _text(2000)

    @post_load
    def _make(self, data: dict[str, Any], **_named: Any) -> ReportedValue:
        return ReportedValue(**{**data, "flags": tuple(data["flags"])})


class PanelIn(_Strict):
    """One answered order: `order` is our number, `number` the laboratory's own, which stays through corrections."""

    order = _text(40)
    number = _needed(80)
    specimen = _text(40)
    taken_at = _text(40, validate=_check_moment)
    reported_at = _text(40, validate=_check_moment)
    parent_number = _text(80)
    parent_sub_id = _text(40)
    note = _text(2000)
    values = fields.List(fields.Nested(ValueIn), load_default=list, validate=validate.Length(max=200))
    report_pdf = fields.String(load_default="")


class PersonReportIn(_Strict):
    """Everything about one person."""

    person = fields.Nested(PersonIn, load_default=lambda: PersonIn().load({}))
    panels = fields.List(fields.Nested(PanelIn), required=True, validate=validate.Length(1, 50))

    @post_load
    def _make(self, data: dict[str, Any], **_named: Any) -> PersonReport:
        person = data["person"]
        numbers = tuple((one["value"], one["authority"], one["type"]) for one in person.pop("identifiers"))
        documents, panels = [], []
        for panel in data["panels"]:
            panels.append(ReportedPanel(
                placer=panel["order"], filler=panel["number"], specimen=panel["specimen"],
                observed_at=panel["taken_at"], reported_at=panel["reported_at"],
                parent_filler=panel["parent_number"], parent_sub_id=panel["parent_sub_id"], note=panel["note"],
                values=tuple(panel["values"])))
            if panel["report_pdf"]:
                try:
                    content = base64.b64decode(panel["report_pdf"], validate=True)
                except ValueError:
                    raise ValidationError({"panels": ["report_pdf is no Base64."]}) from None
                documents.append(ReportedDocument(
                    panel["order"], panel["number"], panel["specimen"], "Report", content))
        return PersonReport(ReportedPerson(numbers, **person), tuple(panels), tuple(documents))


class ResultsIn(_Strict):
    """A message: `id` is the laboratory's, unique for ever; the same again with the same content changes nothing."""

    id = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9._:-]{1,100}$"))
    reports = fields.List(fields.Nested(PersonReportIn), required=True, validate=validate.Length(1, 50))
