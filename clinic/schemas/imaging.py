"""What may come in as a reading of a chest film."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf

from clinic.schemas.field import DayText
from clinic.xray_finding import NORMAL, XrayResult, list_all_findings

VIEWS = ("pa", "ap", "pa-lateral", "ap-lateral")
DEFERRALS = ("pregnancy",)


@dataclass(frozen=True)
class NewReading:
    """A reading, or a film put off."""

    taken_on: date | None = None
    view: str | None = None
    findings: tuple[str, ...] = ()
    deferred: str | None = None
    remark: str = ""
    result: str | None = None  # where the authority asks one
    numbered: tuple[str, ...] = ()  # the authority's own finding numbers; they add to `findings`
    film_id: str | None = None
    confirmed: list[str] = field(default_factory=list)


class XrayReadingIn(Schema):
    """A reading by the findings of Form DS-3030 section 3; loads to NewReading."""

    taken_on = DayText()
    view = fields.String(validate=OneOf(VIEWS))
    findings = fields.List(fields.String(), load_default=list)
    deferred = fields.String(validate=OneOf(DEFERRALS))
    remark = fields.String(load_default="", validate=Length(max=4000))
    result = fields.String(validate=OneOf([result.value for result in XrayResult]))
    numbered = fields.List(fields.String(validate=Length(max=8)), load_default=list)
    film_id = fields.String(validate=Length(max=36))
    confirmed = fields.List(fields.String(validate=Length(max=60)))

    @validates_schema
    def check_whole(self, data: dict[str, Any], **_named: Any) -> None:
        """Normal stands alone, abnormal needs a finding, a deferral has none (us.md 1.4, "Validation")."""
        problems = _check_deferral(data) if data.get("deferred") else _check_film(data)
        if problems:
            raise ValidationError(problems)

    @post_load
    def make(self, data: dict[str, Any], **_named: Any) -> NewReading:
        """The checked input as an object; findings in the form's order, each once."""
        order = list_all_findings()
        data["findings"] = tuple(code for code in order if code in data["findings"])
        data["numbered"] = tuple(dict.fromkeys(data["numbered"]))
        return NewReading(**data)


def _check_deferral(data: dict[str, Any]) -> dict[str, list[str]]:
    if data["findings"] or data["numbered"] or data.get("taken_on"):
        return {"deferred": [_("A film that was put off has no date and no findings.")]}
    return {}


def _check_film(data: dict[str, Any]) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    if not data.get("taken_on"):
        problems["taken_on"] = [_("Give the day the film was taken.")]
    if not data.get("view"):
        problems["view"] = [_("Choose the view.")]
    codes = data["findings"]
    known = list_all_findings()
    if any(code not in known for code in codes):
        problems["findings"] = [_("Choose findings of the list.")]
    elif not codes and not data["numbered"]:
        problems["findings"] = [_("Tick “Normal findings” or at least one finding.")]
    elif NORMAL in codes and len(codes) > 1:
        problems["findings"] = [_("“Normal findings” excludes every other finding.")]
    elif any(known[code].must_be_specified for code in codes) and not data["remark"].strip():
        problems["remark"] = [_("Describe the other finding in the remarks.")]
    return problems
