"""One sentence for the user, made where no language is known yet: its English text and the values in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def N_(message: str) -> str:
    """Mark `message` for extraction without translating it."""
    return message


@dataclass(frozen=True)
class Sentence:
    """English text with `%(name)s` places; the screen translates it by `gettext(s.text, **s.values)`."""

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values if self.values else self.text
