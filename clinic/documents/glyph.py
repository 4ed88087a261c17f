"""Guards what is printed: a character that no committed font has is refused by name, never dropped.

Without this, a PDF shows nothing, or an empty box, where the character should stand (screens.md section 4).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from flask_babel import gettext as _

from clinic.documents.font import list_faces
from clinic.errors import InvalidInput

# Steer the text and print nothing themselves: line ends, joiners, direction marks, variation selectors.
_SILENT = frozenset("\t\n\r\u00ad\u034f\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
                    "\u2066\u2067\u2068\u2069\ufeff") | {chr(code) for code in range(0xFE00, 0xFE10)}


class UnprintableCharacter(InvalidInput):
    """A text of the document has a character that no committed font can print."""

    def __init__(self, character: str, where: str) -> None:
        super().__init__(
            _("%(character)s in %(where)s cannot be printed. Correct it, or ask your administrator for a font that "
              "has it. Nothing was signed.", character=describe(character), where=where)
        )
        self.character = character


def describe(character: str) -> str:
    """`U+0416 CYRILLIC CAPITAL LETTER ZHE`; the character itself is left out, since a screen may lack it too."""
    return f"U+{ord(character):04X} {unicodedata.name(character, _('unnamed character'))}"


def list_missing(text: str) -> list[str]:
    """The characters of `text` that no committed font has, each once, in order."""
    faces = list_faces()
    return [
        sign for sign in dict.fromkeys(text)
        if sign not in _SILENT and not any(ord(sign) in face.characters for face in faces)
    ]


def ensure_printable(texts: Mapping[str, Iterable[str | None]]) -> None:
    """Raise UnprintableCharacter naming the first character that cannot be printed and where it stands.

    `texts` maps a place in words ("the applicant's name") to what is printed there.
    """
    for where, parts in texts.items():
        for part in parts:
            missing = list_missing(part or "")
            if missing:
                raise UnprintableCharacter(missing[0], where)
