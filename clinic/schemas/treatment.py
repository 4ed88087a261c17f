"""What may come in as the report of a treatment, from whatever door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, Range

from clinic.models import TreatmentOutcome
from clinic.schemas.field import DayText, at_most
from clinic.treatment_catalogue import list_treatables

MOST_DOSES = 1000  # two and a half years of daily doses; catches a slip of the hand


@dataclass(frozen=True)
class NewTreatment:
    """One report as it came in, checked by itself."""

    disease: str
    outcome: TreatmentOutcome
    is_supervised: bool = False
    is_refused_here: bool = False
    stage: str | None = None
    regimen: str | None = None
    detail: str = ""
    started_on: date | None = None
    ended_on: date | None = None
    doses_planned: int | None = None
    doses_given: int | None = None
    doses_missed: int | None = None
    cultures_negative_on: date | None = None
    confirmed: list[str] = field(default_factory=list)


def _doses() -> fields.Integer:
    return fields.Integer(strict=False, validate=Range(0, MOST_DOSES))


class TreatmentIn(Schema):
    """The report of a treatment; loads to NewTreatment."""

    disease = fields.String(required=True)
    outcome = fields.Enum(TreatmentOutcome, by_value=True, required=True)
    is_supervised = fields.Boolean()
    is_refused_here = fields.Boolean()
    stage = fields.String(validate=Length(max=20))
    regimen = fields.String(validate=Length(max=40))
    detail = fields.String(validate=at_most(500))
    started_on = DayText()
    ended_on = DayText()
    doses_planned = _doses()
    doses_given = _doses()
    doses_missed = _doses()
    cultures_negative_on = DayText()
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """What is needed follows from the disease and from how far the treatment is."""
        found = list_treatables().get(data["disease"])
        if found is None:
            raise ValidationError(_("Choose what is treated."), "disease")
        problems: dict[str, list[str]] = {}
        if found.stages and data.get("stage") not in found.stages:
            problems["stage"] = [_("Choose the stage.")]
        if data["outcome"] is not TreatmentOutcome.REFUSED:
            if data.get("regimen") not in found.regimens:
                problems["regimen"] = [_("Choose the treatment.")]
            elif data["regimen"] == "other" and not data.get("detail", "").strip():
                problems["detail"] = [_("Say in words which treatment.")]
            if not data.get("started_on"):
                problems["started_on"] = [_("Give the day of the first dose.")]
        if data["outcome"] in (TreatmentOutcome.COMPLETED, TreatmentOutcome.STOPPED) and not data.get("ended_on"):
            problems["ended_on"] = [_("Give the day of the last dose.")]
        if data["outcome"] is TreatmentOutcome.CURRENT and data.get("ended_on"):
            problems["ended_on"] = [_("A treatment that goes on has no last day yet.")]
        if data.get("is_supervised") and data.get("is_refused_here"):
            problems["is_supervised"] = [_("It was either observed here or refused here.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewTreatment:
        """The checked input as an object."""
        return NewTreatment(**data)


