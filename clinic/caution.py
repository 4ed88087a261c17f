"""What is unusual but possible: shown, confirmed by a tick, and kept with the change; it never blocks for good."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from clinic.errors import InvalidInput


@dataclass(frozen=True)
class Caution:
    """One unusual thing: `code` is what the tick posts and the audit keeps, `text` one sentence, `field` its place."""

    code: str
    text: str
    field: str = ""


class NeedsConfirmation(InvalidInput):
    """Nothing is wrong for certain, but a person must say that it is meant so; `cautions` are what to tick."""

    def __init__(self, cautions: Sequence[Caution], **ids: object) -> None:
        super().__init__(_("Check the unusual values, then tick to confirm them or correct them."), None, **ids)
        self.cautions = list(cautions)


def ensure_confirmed(cautions: Sequence[Caution], confirmed: Collection[str]) -> list[str]:
    """The codes that were confirmed, for the audit row. Raises NeedsConfirmation while one is not ticked."""
    if any(caution.code not in confirmed for caution in cautions):
        raise NeedsConfirmation(cautions)
    return [caution.code for caution in cautions]
