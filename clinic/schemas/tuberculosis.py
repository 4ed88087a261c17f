"""What may come in about a tuberculosis case, from whatever door."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range

from clinic.models import (
    DiagnosisBasis,
    DiseaseSite,
    DosePlace,
    DoseState,
    InterruptionDecision,
    PhaseName,
    TbHistory,
    TbOutcome,
)
from clinic.schemas.digits import read_digits
from clinic.schemas.field import DayText, PlainText, at_most
from clinic.tb_regimen import WEIGHT_LIMITS, list_actions, list_regimens, list_side_effects, list_week_days

MOST_DOSES = 1000
NEEDED: Any = {"required": lazy_gettext("Fill this in."), "unknown": lazy_gettext("Choose one of the list."),
               "invalid": lazy_gettext("Write a whole number.")}
CHOICE = lazy_gettext("Choose one of the list.")
MOST_DRUGS, MOST_MILLIGRAMS = 8, "9999"


@dataclass(frozen=True)
class NewTbCase:
    """A diagnosis as it came in."""

    diagnosed_on: date
    basis: DiagnosisBasis
    site_of_disease: DiseaseSite
    history: TbHistory
    organ: str = ""
    hiv_untested: str = ""
    notified_on: date | None = None
    notified_to: str = ""
    notification_number: str = ""
    confirmed: list[str] = field(default_factory=list)


class TbCaseIn(Schema):
    """A diagnosis; loads to NewTbCase."""

    diagnosed_on = DayText(required=True)
    basis = fields.Enum(DiagnosisBasis, by_value=True, required=True, error_messages=NEEDED)
    site_of_disease = fields.Enum(DiseaseSite, by_value=True, required=True, error_messages=NEEDED)
    history = fields.Enum(TbHistory, by_value=True, required=True, error_messages=NEEDED)
    organ = PlainText(most=60)
    hiv_untested = PlainText(most=120)
    notified_on = DayText()
    notified_to = PlainText(most=120)
    notification_number = PlainText(most=40)
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """What belongs together."""
        problems: dict[str, list[str]] = {}
        if data["site_of_disease"] is not DiseaseSite.PULMONARY and not data.get("organ"):
            problems["organ"] = [_("Say which organ: lymph node, bone, meninges …")]
        if (data.get("notification_number") or data.get("notified_on")) and not data.get("notified_to"):
            problems["notified_to"] = [_("Say to which authority it was notified.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewTbCase:
        """The checked input as an object; an empty text is one."""
        given: dict[str, Any] = {name: "" if value is None else value for name, value in data.items()}
        return NewTbCase(**given)


@dataclass(frozen=True)
class NewPhase:
    """The beginning of a phase as it came in."""

    name: PhaseName
    regimen: str
    weight_kg: str
    days_per_week: int
    started_on: date
    drugs: dict[str, str]
    planned_doses: int | None = None
    detail: str = ""
    confirmed: list[str] = field(default_factory=list)


class PhaseIn(Schema):
    """The beginning of a phase; loads to NewPhase. Drugs without a dose are left out."""

    name = fields.Enum(PhaseName, by_value=True, required=True, error_messages=NEEDED)
    regimen = fields.String(required=True, error_messages=NEEDED, validate=OneOf(list(list_regimens()), error=CHOICE))
    weight_kg = fields.String(required=True, error_messages=NEEDED)
    days_per_week = fields.Integer(strict=False, required=True, error_messages=NEEDED, validate=OneOf(list_week_days()))
    started_on = DayText(required=True)
    drugs = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    planned_doses = fields.Integer(strict=False, validate=Range(1, MOST_DOSES))
    detail = fields.String(validate=at_most(500))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """Figures as digits; a regimen of one's own names its drugs, its doses and its reason."""
        problems: dict[str, Any] = {}
        try:
            data["weight_kg"] = read_digits(data["weight_kg"], *WEIGHT_LIMITS, 1)
        except ValidationError as error:
            problems["weight_kg"] = error.messages
        drugs = {name.strip().lower(): dose.strip() for name, dose in data["drugs"].items() if name.strip()
                 and dose.strip()}
        for name, dose in drugs.items():
            try:
                drugs[name] = read_digits(dose, "1", MOST_MILLIGRAMS, 1)
            except ValidationError as error:
                problems[f"drugs.{name}"] = error.messages
        data["drugs"] = drugs
        plan = list_regimens()[data["regimen"]][data["name"].value]
        missing = [drug for drug in plan.drugs if drug not in drugs]
        for drug in missing:
            problems[f"drugs.{drug}"] = [_("Give the dose in milligrams.")]
        if not drugs or len(drugs) > MOST_DRUGS:
            problems["drugs"] = [_("Give the medicines with their doses in milligrams.")]
        if not plan.weeks:
            if not data.get("planned_doses"):
                problems["planned_doses"] = [_("Say how many doses are planned.")]
            if not data.get("detail", "").strip():
                problems["detail"] = [_("Say which regimen it is and who agreed to it.")]
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewPhase:
        """The checked input as an object."""
        return NewPhase(**data)


@dataclass(frozen=True)
class NewDose:
    """One day as it came in; `state` None clears it, `shown` is what the page had shown."""

    day: date
    state: DoseState | None
    shown: DoseState | None
    place: DosePlace | None = None
    observer_id: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class NewMonth:
    """A month's check as it came in."""

    month: int
    checked_on: date
    weight_kg: str
    is_better: bool | None = None
    remark: str = ""
    confirmed: list[str] = field(default_factory=list)


class DosePlaceIn(Schema):
    """Where doses were taken: {"place": DosePlace, or None where nothing was said}."""

    place = fields.Enum(DosePlace, by_value=True, load_default=None, error_messages=NEEDED)


class MonthIn(Schema):
    """A month's check; loads to NewMonth."""

    month = fields.Integer(strict=False, required=True, error_messages=NEEDED, validate=Range(0, 36))
    checked_on = DayText(required=True)
    weight_kg = fields.String(required=True, error_messages=NEEDED)
    is_better = fields.Boolean(allow_none=True)
    remark = fields.String(validate=at_most(500))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """The weight as digits."""
        try:
            data["weight_kg"] = read_digits(data["weight_kg"], *WEIGHT_LIMITS, 1)
        except ValidationError as error:
            raise ValidationError(error.messages, "weight_kg") from error

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewMonth:
        """The checked input as an object."""
        return NewMonth(**data)


@dataclass(frozen=True)
class NewSideEffect:
    """A side effect as it came in."""

    kind: str
    grade: int
    began_on: date
    action: str
    ended_on: date | None = None
    remark: str = ""


class SideEffectIn(Schema):
    """A side effect; loads to NewSideEffect."""

    kind = fields.String(required=True, error_messages=NEEDED, validate=OneOf(list(list_side_effects()), error=CHOICE))
    grade = fields.Integer(strict=False, required=True, error_messages=NEEDED, validate=Range(1, 4))
    began_on = DayText(required=True)
    ended_on = DayText()
    action = fields.String(required=True, error_messages=NEEDED, validate=OneOf(list(list_actions()), error=CHOICE))
    remark = fields.String(validate=at_most(500))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """What is not on the list is said in words, and which medicine it was."""
        if data.get("remark", "").strip():
            return
        if data["kind"] == "other":
            raise ValidationError(_("Say what it is."), "remark")
        if data["action"] in ("dose-changed", "drug-stopped"):
            raise ValidationError(_("Say which medicine."), "remark")

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewSideEffect:
        """The checked input as an object."""
        return NewSideEffect(**data)


class InterruptionIn(Schema):
    """What is decided about a gap; loads to (decision, extra doses, reason)."""

    decision = fields.Enum(InterruptionDecision, by_value=True, required=True, error_messages=NEEDED)
    extra_doses = fields.Integer(strict=False, validate=Range(1, MOST_DOSES))
    reason = PlainText(most=500, required=True, validate=Length(3))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """An extension has a number."""
        if data["decision"] is InterruptionDecision.EXTEND and not data.get("extra_doses"):
            raise ValidationError(_("Say by how many doses it is extended."), "extra_doses")

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> tuple[InterruptionDecision, int, str]:
        """The checked input."""
        extra = data.get("extra_doses", 0) if data["decision"] is InterruptionDecision.EXTEND else 0
        return data["decision"], extra, data["reason"]


@dataclass(frozen=True)
class NewOutcome:
    """The end of a treatment as it came in."""

    outcome: TbOutcome
    outcome_on: date
    remark: str = ""
    confirmed: list[str] = field(default_factory=list)


class OutcomeIn(Schema):
    """The end of a treatment; loads to NewOutcome."""

    outcome = fields.Enum(TbOutcome, by_value=True, required=True, error_messages=NEEDED)
    outcome_on = DayText(required=True)
    remark = fields.String(validate=at_most(500))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """A treatment that did not succeed is explained."""
        if not data["outcome"].is_success and not data.get("remark", "").strip():
            raise ValidationError(_("Say what happened."), "remark")

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewOutcome:
        """The checked input as an object."""
        return NewOutcome(**data)


class RefusalIn(Schema):
    """A refusal of the site's treatment, and what became of it elsewhere; loads to a dict."""

    refused_on = DayText(required=True)
    refusal_reason = PlainText(most=500, required=True, validate=Length(3))
    elsewhere = PlainText(most=120)
    elsewhere_began_on = DayText()
    elsewhere_ended_on = DayText()

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_named: Any) -> None:
        """What ended began, somewhere."""
        problems: dict[str, list[str]] = {}
        if data.get("elsewhere_ended_on") and not data.get("elsewhere_began_on"):
            problems["elsewhere_began_on"] = [_("Give the day of the first dose.")]
        if (data.get("elsewhere_began_on") or data.get("elsewhere_ended_on")) and not data.get("elsewhere"):
            problems["elsewhere"] = [_("Say where it was taken.")]
        if problems:
            raise ValidationError(problems)
