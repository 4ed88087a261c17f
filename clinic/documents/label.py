"""Labels of specimens, one for each container: a PDF sheet for any printer, ZPL for label printers.

Two identifiers of the person in print, the specimen's number in bars and letters; never what is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import render_template
from markupsafe import Markup

from clinic.documents.code128 import count_modules, draw_code128
from clinic.documents.glyph import ensure_printable
from clinic.documents.printer import print_html
from clinic.identifier import to_key
from clinic.models import Specimen
from clinic.partial_date import format_clinically, parse_partial_date
from clinic.tube import list_tubes

DOTS = 8  # of a label printer per millimetre, at 203 dpi
WIDTH, HEIGHT = 50, 25  # millimetres of a label on the roll
_LONGEST_NAME = 32


@dataclass(frozen=True)
class Label:
    """What stands on one container."""

    number: str
    name: str
    birth_date: str
    what: str
    part: str  # "2 of 4"; empty for the only one
    collected: str

    @property
    def code(self) -> str:
        """What the bars say."""
        return to_key(self.number)


def build_labels(specimens: Sequence[Specimen]) -> list[Label]:
    """The labels of `specimens` in their order."""
    made = []
    for row in specimens:
        tube = list_tubes().get(row.tube or "")
        count = tube.count if tube else 1
        person = row.case.applicant
        moment = row.collected_at.astimezone(ZoneInfo(row.case.site.time_zone)) if row.collected_at else None
        day = row.collected_on.strftime("%d-%b-%Y")
        for number in range(1, count + 1):
            made.append(Label(
                number=row.number, name=f"{person.family_name.upper()}, {person.given_names}"[:_LONGEST_NAME],
                birth_date=format_clinically(parse_partial_date(person.birth_date)),
                what=tube.label.partition(",")[0].partition(":")[0] if tube else row.kind.value.replace("-", " "),
                part=f"{number} of {count}" if count > 1 else "",
                collected=f"{day} {moment:%H:%M}" if moment else day,
            ))
    return made


def print_labels(labels: Sequence[Label]) -> bytes:
    """A PDF of A4 sheets, three by eight labels of 63.5 by 33.9 mm. Raises InvalidInput for an unprintable name."""
    ensure_printable({"label": [part for one in labels for part in (one.name, one.what)]})
    return print_html(render_template("documents/labels.html", labels=[(one, _draw(one)) for one in labels]))


def write_zpl(labels: Sequence[Label]) -> str:
    """The same for a label printer of 203 dpi: one ^XA … ^XZ for each label of 50 by 25 mm, text in UTF-8."""
    return "".join(_write_label(one) for one in labels)


def _draw(label: Label) -> Markup:
    return Markup(draw_code128(label.code))  # noqa: S704  made of digits by us


def _write_label(label: Label) -> str:
    module = max(1, min(2, WIDTH * DOTS // count_modules(label.code)))
    lines = [
        "^XA^CI28", f"^PW{WIDTH * DOTS}^LL{HEIGHT * DOTS}^LH0,0",
        _text(16, 10, 24, label.name), _text(16, 38, 20, f"{label.birth_date}  {label.part}"),
        f"^FO24,64^BY{module}^BCN,72,N,N,N,A^FD{label.code}^FS",
        _text(16, 144, 24, label.number), _text(16, 172, 18, f"{label.what}  {label.collected}"), "^XZ",
    ]
    return "\n".join(lines) + "\n"


def _text(x: int, y: int, height: int, text: str) -> str:
    """A field; signs that command a printer are written as their codes."""
    safe = "".join(f"_{ord(sign):02x}" if sign in "^~_\\" else sign for sign in text)
    return f"^FO{x},{y}^A0N,{height},{height}^FH^FD{safe}^FS"
