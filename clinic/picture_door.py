"""A portrait as it comes in: made by a child with limits of whatever was sent, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path

from flask_babel import gettext as _

from clinic.errors import InvalidInput
from clinic.limited_child import REFUSED, run_limited
from clinic.picture import LARGEST, Fault

SECONDS = 25.0  # by the wall


def receive_portrait(content: bytes, slots: Path) -> bytes:
    """The portrait made of a stranger's bytes, in a child with limits; `slots` counts the children.

    Raises InvalidInput with a sentence at `photo`, Unavailable when too many came at once.
    """
    if len(content) > LARGEST:
        raise _refuse(Fault.TOO_LARGE)
    ended = run_limited("clinic.picture_child", [], slots, SECONDS, content)
    if ended.status == 0:
        return ended.output
    if ended.status == REFUSED:
        raise _refuse(Fault(ended.output.decode()))
    raise _refuse(Fault.TOO_MANY_PIXELS if ended.was_too_slow else Fault.NO_PICTURE)


def _refuse(fault: Fault) -> InvalidInput:
    sentence = {
        Fault.TOO_LARGE: _("The picture may have at most 12 MB."),
        Fault.TOO_MANY_PIXELS: _("The picture has too many pixels. Take it with a lower resolution."),
        Fault.TOO_SMALL: _("The picture is too small: it needs at least 240 by 300 pixels."),
        Fault.NO_PICTURE: _("This is no picture that can be read. Send a JPEG, PNG or WebP file."),
        Fault.SHOWS_NOTHING: _("The picture shows nothing. Take it again."),
    }[fault]
    return InvalidInput(sentence, fields={"photo": [sentence]})
