"""What may come in when a consent is given, refused or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext
from marshmallow import RAISE, Schema, fields, post_load, validate

from clinic.models import ConsentState, InterpreterMode, Signer
from clinic.schemas.field import PlainText

_CHOOSE = lazy_gettext("Choose one of the list.")


@dataclass(frozen=True)
class NewConsent:
    """A decision about one text; `text_sha256` is of the text that was on the screen."""

    decision: ConsentState
    language: str
    text_sha256: str
    signer: Signer | None = Signer.APPLICANT  # None: follows from the guardian
    guardian_id: str | None = None  # of a minor, as recorded at the applicant
    signer_name: str | None = None
    signer_relation: str | None = None
    by_mark: bool = False
    witness_name: str | None = None
    interpreter_name: str | None = None
    interpreter_mode: InterpreterMode = InterpreterMode.PRESENT
    understands: bool = False  # the language shown, though it is not the applicant's own
    reason: str | None = None


class ConsentIn(Schema):
    """The form of the consent page; who must sign is checked by the service, which knows the person."""

    class Meta:
        unknown = RAISE

    decision = fields.Enum(ConsentState, by_value=True, required=True, validate=validate.OneOf(
        [ConsentState.GIVEN, ConsentState.REFUSED], error=_CHOOSE), error_messages={
            "required": lazy_gettext("Choose whether consent is given or refused."), "unknown": _CHOOSE})
    language = fields.String(required=True)
    text_sha256 = fields.String(required=True)
    signer = fields.Enum(Signer, by_value=True, load_default=None, error_messages={"unknown": _CHOOSE})
    guardian_id = fields.String(load_default=None)
    signer_name = PlainText(load_default=None, most=160)
    signer_relation = PlainText(load_default=None, most=80)
    by_mark = fields.Boolean(load_default=False)
    witness_name = PlainText(load_default=None, most=160)
    interpreter_name = PlainText(load_default=None, most=160)
    interpreter_mode = fields.Enum(InterpreterMode, by_value=True, load_default=InterpreterMode.PRESENT,
                                   error_messages={"unknown": _CHOOSE})
    understands = fields.Boolean(load_default=False)
    reason = PlainText(load_default=None, most=1000)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> NewConsent:
        """The decision as the service takes it."""
        return NewConsent(**data)
