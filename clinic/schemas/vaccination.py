"""What may come in on the vaccination worksheet: a dose, and the outcome of a line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf

from clinic.models import BodySite, DoseSource, LineOutcome, RecordKind, Route
from clinic.partial_date import DateUnreadable, parse_partial_date
from clinic.schemas.field import DayText, at_most, to_words
from clinic.vaccine_product import SHOWN_BY_LABORATORY, list_products

NEEDS_REMARK = (LineOutcome.WAIVER_CONTRAINDICATION, LineOutcome.WAIVER_INDIVIDUAL, LineOutcome.REFUSED,
                LineOutcome.IMMUNE_LAB)
BETWEEN_DATES = re.compile(r"[,;\n\t]+")


@dataclass(frozen=True)
class NewDose:
    """One dose, given here or copied from a written record."""

    line: str
    cvx: str
    given_on: date
    source: DoseSource
    lot: str | None = None
    expires_on: date | None = None
    remark: str = ""
    record_kind: RecordKind | None = None
    body_site: BodySite | None = None
    route: Route | None = None
    given_by_id: str | None = None
    confirmed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NewOutcome:
    """The outcome of one line."""

    line: str
    outcome: LineOutcome
    remark: str = ""
    confirmed: list[str] = field(default_factory=list)


class DoseIn(Schema):
    """A dose; loads to NewDose. A dose given here needs its lot and expiry."""

    line = fields.String(required=True)
    cvx = fields.String(required=True)
    given_on = DayText(required=True)
    source = fields.String(required=True, validate=OneOf([source.value for source in DoseSource]))
    lot = fields.String(validate=at_most(40, 1))
    expires_on = DayText()
    remark = fields.String(validate=at_most(1000))
    record_kind = fields.Enum(RecordKind, by_value=True)
    body_site = fields.Enum(BodySite, by_value=True)
    route = fields.Enum(Route, by_value=True)
    given_by_id = fields.String(validate=Length(max=36))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema
    def check_product(self, data: dict[str, Any], **_named: Any) -> None:
        """The product belongs to the line; what was given here can be traced."""
        problems: dict[str, list[str]] = {}
        if data["line"] not in list_products():
            problems["line"] = [_("Choose a vaccine of the worksheet.")]
        elif data["cvx"] not in list_products()[data["line"]]:
            problems["cvx"] = [_("Choose a product of this line.")]
        if data["source"] == DoseSource.GIVEN_HERE:
            if not data.get("lot"):
                problems["lot"] = [_("Give the lot of the vial.")]
            if not data.get("expires_on"):
                problems["expires_on"] = [_("Give the expiry date of the vial.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewDose:
        """The checked input as an object."""
        return NewDose(**{**data, "source": DoseSource(data["source"])})


class OutcomeIn(Schema):
    """The outcome of a line; loads to NewOutcome."""

    line = fields.String(required=True)
    outcome = fields.String(required=True, validate=OneOf([outcome.value for outcome in LineOutcome]))
    remark = fields.String(load_default="", validate=at_most(1000))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema
    def check_line(self, data: dict[str, Any], **_named: Any) -> None:
        """Some outcomes exist for some lines only, and some need their reason in words (us.md 2.8)."""
        problems: dict[str, list[str]] = {}
        outcome = LineOutcome(data["outcome"])
        if data["line"] not in list_products():
            problems["line"] = [_("Choose a vaccine of the worksheet.")]
        if outcome not in list_outcomes(data["line"]):
            problems["outcome"] = [_("This outcome does not exist for this vaccine.")]
        if outcome in NEEDS_REMARK and not data["remark"].strip():
            problems["remark"] = [_("Say which test and its date, which contraindication, or on which grounds.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewOutcome:
        """The checked input as an object."""
        return NewOutcome(**{**data, "outcome": LineOutcome(data["outcome"]), "remark": data["remark"].strip()})


def list_outcomes(line: str) -> list[LineOutcome]:
    """The outcomes one line may have."""
    only = {LineOutcome.VARICELLA_HISTORY: {"Varicella"}, LineOutcome.WAIVER_NOT_FLU_SEASON: {"Influenza"},
            LineOutcome.IMMUNE_LAB: SHOWN_BY_LABORATORY}
    return [outcome for outcome in LineOutcome if line in only.get(outcome, {line})]


def read_dates(text: str) -> list[date]:
    """The days of a pasted list, in the order written; raises ValidationError naming the first that is no full day.

    Between two dates stands a comma, a semicolon, a tab or a new line; a blank is enough between dates without blanks.
    """
    days = []
    for chunk in BETWEEN_DATES.split(text):
        for part in _split_blanks(chunk.strip()):
            days.append(_read_day(part))
    return days


def _split_blanks(chunk: str) -> list[str]:
    parts = chunk.split()
    return parts if len(parts) > 1 and all(len(part) >= len("1.1.2000") for part in parts) else [chunk] * bool(chunk)


def _read_day(text: str) -> date:
    try:
        partial = parse_partial_date(text)
    except DateUnreadable as error:
        raise ValidationError(_("“%(text)s”: %(why)s", text=text, why=to_words(error.sentence))) from None
    if not partial.is_full:
        raise ValidationError(_("“%(text)s”: a dose counts only with day, month and year. Leave it out, or ask for the "
                                "record.", text=text))
    return partial.earliest
