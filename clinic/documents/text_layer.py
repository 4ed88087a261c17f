"""What a reader's program takes out of a PDF is what was written, also where letters stack or change places.

A font sets a Devanagari vowel before its consonant, a Thai one beneath the line, and one dot under several Vietnamese
letters; taken back glyph by glyph, names come out wrong. So a line with more than plain letters carries its own text
(ISO 32000-1, 14.9.4, ActualText). Right-to-left lines do not: readers disagree about the direction of such text, so
Arabic has a font whose glyphs stand for whole letters (Amiri).
"""

from __future__ import annotations

import unicodedata
from typing import Any

_RIGHT_TO_LEFT = ("R", "AL", "AN")  # Unicode's bidirectional classes


def needs_letters(text: str) -> bool:
    """Whether a line of `text` carries its letters beside its glyphs."""
    return not text.isascii() and not any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in text)


def install_text_layer() -> None:
    """Make WeasyPrint write the letters of such lines beside their glyphs; safe to call again.

    The library offers no way in, so its one drawing function is wrapped; the locked version is what the tests ran with.
    """
    from weasyprint.draw import text as drawing

    draw = drawing.draw_first_line
    if getattr(draw, "keeps_letters", False):
        return

    def draw_with_letters(stream: Any, textbox: Any, *rest: Any) -> Any:
        if not needs_letters(textbox.text):
            return draw(stream, textbox, *rest)
        letters = textbox.text.encode("utf-16-be").hex().upper()
        stream.begin_marked_content("Span", f"<</ActualText <FEFF{letters}>>>")
        try:
            return draw(stream, textbox, *rest)
        finally:
            stream.end_marked_content()

    draw_with_letters.keeps_letters = True  # type: ignore[attr-defined]
    drawing.draw_first_line = draw_with_letters
