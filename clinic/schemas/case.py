"""What may come in when a case is opened or its facts are changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext, lazy_gettext
from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from clinic import clock
from clinic.models.case import Answer
from clinic.rules.programme import list_programmes
from clinic.schemas.field import Country, DayText, PlainText

FURTHEST_EXAM = timedelta(days=366)  # an appointment further away is a slip of the year
OLDEST_EXAM = timedelta(days=3 * 366)  # a case taken over from paper
OLDEST_APPLICATION = timedelta(days=15 * 366)
LONGEST_STAY = 1200  # months; a permanent stay is a category, not a number


class NewResidence(Schema):
    """Another place lived in during the last five years; without an end the person lives there still."""

    class Meta:
        unknown = RAISE

    country = Country(required=True)
    from_on = DayText(required=True, may_be_future=False)
    to_on = DayText(load_default=None, may_be_future=False)

    @validates_schema
    def _check_order(self, data: dict[str, Any], **_options: Any) -> None:
        if data.get("to_on") and data["to_on"] < data["from_on"]:
            raise ValidationError(gettext("The end lies before the beginning."), "to_on")


class CaseFacts(Schema):
    """What of a case decides about examinations, and may change until it is signed."""

    class Meta:
        unknown = RAISE

    category = fields.String(required=True, error_messages={"required": lazy_gettext("Choose the category.")})
    authority_case_number = PlainText(load_default=None, most=60)
    stay_months = fields.Integer(
        load_default=None, validate=validate.Range(0, LONGEST_STAY, error=lazy_gettext(
            "Write the months as a number from 0 to 1200.")),
        error_messages={"invalid": lazy_gettext("Write the months as a whole number.")},
    )
    au_schedule = fields.Integer(load_default=None, validate=validate.OneOf(
        (1, 2), error=lazy_gettext("Choose Schedule 1 or 2, or leave it open.")))
    application_date = DayText(load_default=None, may_be_future=False)
    exam_date = DayText(load_default=None)
    destination_address = PlainText(load_default=None, most=200)  # printed on the report; may stay open
    residences = fields.List(fields.Nested(NewResidence), load_default=list, validate=validate.Length(max=20))
    circumstances = fields.Dict(
        keys=fields.String(), values=fields.Enum(Answer, by_value=True, error_messages={
            "unknown": lazy_gettext("Choose yes, no or not known yet.")}), load_default=dict)

    @validates_schema
    def _check_dates(self, data: dict[str, Any], **_options: Any) -> None:
        today = clock.today()
        exam: date | None = data.get("exam_date")
        if exam and exam > today + FURTHEST_EXAM:
            raise ValidationError(gettext("The examination lies more than a year away; check the year."), "exam_date")
        if exam and exam < today - OLDEST_EXAM:
            raise ValidationError(
                gettext("The examination lies more than three years back; check the year."), "exam_date")
        applied: date | None = data.get("application_date")
        if applied and applied < today - OLDEST_APPLICATION:
            raise ValidationError(gettext("This is very long ago; check the year."), "application_date")


class NewCase(CaseFacts):
    """A case to be opened."""

    programme = fields.String(required=True, error_messages={
        "required": lazy_gettext("Choose the programme.")})

    @validates_schema(skip_on_field_errors=True)
    def _check_programme(self, data: dict[str, Any], **_options: Any) -> None:
        if data["programme"] not in list_programmes():
            raise ValidationError(gettext("Choose a programme from the list."), "programme")
        check_category(data["programme"], data)


def check_category(programme: str, data: dict[str, Any]) -> None:
    """Raise ValidationError unless the category, and every circumstance answered, belongs to the programme."""
    rules = list_programmes()[programme]
    if data["category"] not in rules.categories:
        raise ValidationError(gettext("Choose a category of this programme."), "category")
    for word in data["circumstances"]:
        if word not in rules.circumstances:
            raise ValidationError({"circumstances": {word: [gettext("No rule of this programme asks this.")]}})
