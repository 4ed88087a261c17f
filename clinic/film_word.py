"""What people read about films: why one was refused, how it compares with the case, what is odd about it."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from clinic.dicom.fault import Fault
from clinic.models import FilmState
from clinic.services.film_comparison import ALARMS, NOTES, Match, Remark

FAULT_WORDS: dict[Fault, LazyString] = {
    Fault.NOT_DICOM: _l("This is no DICOM file. Send the film itself, not a picture or a print of it."),
    Fault.NO_IDENTITY: _l("The file does not say which image it is. Export it from the X-ray console again."),
    Fault.NOT_A_RADIOGRAPH: _l("This is a DICOM file, but no radiograph. Send the chest film."),
    Fault.NO_PIXELS: _l("The file holds no image. Export it from the X-ray console again."),
    Fault.SEVERAL_IMAGES: _l("The file holds several images. Export each film as a file of its own."),
    Fault.TOO_LARGE: _l("The film unpacks to more than any chest film. It was not opened; tell the administrator."),
    Fault.TOO_SLOW: _l("The film could not be unpacked in time. Export it uncompressed and send it again."),
    Fault.UNKNOWN_SYNTAX: _l("The film is compressed in a way we cannot read. Export it uncompressed."),
    Fault.NEEDS_DCMTK: _l("12-bit JPEG needs the program dcmdjpeg, which is not installed here. Export the film "
                          "uncompressed, or ask the administrator to install dcmtk."),
    Fault.TRUNCATED: _l("The file ends too early. Send it again; if it stays so, export it again."),
    Fault.DAMAGED: _l("The film is damaged and cannot be unpacked. Export it from the X-ray console again."),
}

MATCH_WORDS: dict[str, tuple[LazyString, str]] = {
    Match.MATCH: (_l("Same"), "good"), Match.SIMILAR: (_l("Same, written otherwise"), "good"),
    Match.DIFFERS: (_l("Differs"), "bad"), Match.MISSING: (_l("Not given"), "warn"),
}

REMARK_WORDS: dict[str, LazyString] = {
    Remark.OTHER_PERSON: _l("The film may be another person's: name, birth date or sex differ from the case."),
    Remark.BETTER_NAMED: _l("The name on the film is not quite this applicant's, and fits somebody else here better (a "
                            "twin, a parent): make sure whose it is."),
    Remark.NOBODY: _l("The film does not say whose it is."),
    Remark.SAME_PICTURE: _l("The same picture is already on another person's case."),
    Remark.FUTURE: _l("The film is dated in the future."),
    Remark.BEFORE_BIRTH: _l("The film is dated before the applicant was born."),
    Remark.OLDER: _l("Taken before this exam began: kept as a prior film, to compare with."),
    Remark.NO_DATE: _l("The film does not say when it was taken."),
    Remark.OTHER_DAY: _l("The film and its study have different dates."),
    Remark.OTHER_NUMBER: _l("The patient number on the film is not this applicant's."),
    Remark.NO_VIEW: _l("The film does not say its view."),
    Remark.OTHER_VIEW: _l("The view is neither PA, AP nor lateral."),
    Remark.NOT_CHEST: _l("The film says that it shows another part of the body."),
    Remark.SHALLOW: _l("Fewer than 10 bits of grey: too coarse for primary reading."),
    Remark.LOSSY: _l("Compressed with loss: fine detail may be missing."),
    Remark.FOR_PROCESSING: _l("Raw image, not yet processed for presentation."),
    Remark.CAPTURE: _l("A secondary capture, not the original of the X-ray device."),
    Remark.BURNED_IN: _l("Names or numbers are part of the picture itself."),
    Remark.NO_SPACING: _l("Distances cannot be measured on this film."),
    Remark.REPAIRED: _l("The file came without its head, which was added."),
    Remark.CLEARED: _l("What stood before the film's head was removed."),
}

STATE_WORDS: dict[str, tuple[LazyString, str]] = {
    FilmState.ACCEPTED: (_l("Accepted"), "good"), FilmState.PRIOR: (_l("Prior film"), "neutral"),
    FilmState.QUARANTINED: (_l("In quarantine"), "bad"), FilmState.REJECTED: (_l("Rejected"), "off"),
}
VIEW_WORDS: dict[str | None, LazyString] = {
    "pa": _l("PA"), "ap": _l("AP"), "lateral": _l("Lateral"), "other": _l("Other view"), None: _l("View not given"),
}
READ_VIEW_WORDS: dict[str, LazyString] = {  # the views that one reading is of
    "pa": _l("PA"), "ap": _l("AP"), "pa-lateral": _l("PA and lateral"), "ap-lateral": _l("AP and lateral"),
}


def tone_of(remark: str) -> str:
    """How grave a remark is, as a tone of the screens."""
    if remark in ALARMS:
        return "bad"
    return "neutral" if remark in NOTES else "warn"
