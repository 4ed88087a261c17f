"""A stranger's PDF before it is kept: opened in a child with limits, refused when it can do anything but be read."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import gettext as _

from clinic.config import Settings
from clinic.errors import InvalidInput
from clinic.file_store import find_slots_folder
from clinic.limited_child import REFUSED, run_limited

LARGEST = 20 * 1024 * 1024  # bytes
SECONDS = 25.0  # by the wall


class Fault(StrEnum):
    """Why a PDF is not kept."""

    TOO_LARGE = "too-large"
    NO_PDF = "no-pdf"
    LOCKED = "locked"
    ACTIVE = "active"


def look_at_pdf(content: bytes, settings: Settings) -> int:
    """How many pages it has. Raises InvalidInput with a sentence at `file`, Unavailable when too many came at once."""
    if len(content) > LARGEST:
        raise _refuse(Fault.TOO_LARGE)
    if not content.startswith(b"%PDF-"):
        raise _refuse(Fault.NO_PDF)
    ended = run_limited("clinic.documents.pdf_child", [], find_slots_folder(settings), SECONDS, content)
    if ended.status == 0:
        return int(ended.output)
    known = ended.status == REFUSED and ended.output.decode() in set(Fault)
    raise _refuse(Fault(ended.output.decode()) if known else Fault.NO_PDF)


def _refuse(fault: Fault) -> InvalidInput:
    sentence = {
        Fault.TOO_LARGE: _("The report may have at most 20 MB."),
        Fault.NO_PDF: _("This is no PDF that can be opened. Print the report into a PDF again."),
        Fault.LOCKED: _("This PDF is locked with a password. Ask the laboratory for one without."),
        Fault.ACTIVE: _("This PDF holds programs or other files, so it is not kept. Print it into a plain PDF."),
    }[fault]
    return InvalidInput(sentence, fields={"file": [sentence]})
