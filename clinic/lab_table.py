"""A laboratory's results as a table: CSV with a column map of its own, read whole or refused by line.

Every row is one result. Nothing is guessed: which heading holds what, the laboratory's column map says.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from clinic.lab_report import MOST_VALUES, PersonReport, ReportedPanel, ReportedPerson, ReportedValue

LARGEST = 512 * 1024  # bytes; the preview's page carries it back
MOST_ROWS = MOST_VALUES
# What a column may hold, and whether a table must have it.
FIELDS: dict[str, tuple[LazyString, bool]] = {
    "code": (lazy_gettext("Code of the test"), True), "value": (lazy_gettext("Result"), True),
    "taken": (lazy_gettext("Day the specimen was taken"), False),
    "order": (lazy_gettext("Our order number"), False), "specimen": (lazy_gettext("Our specimen number"), False),
    "case": (lazy_gettext("Our case number"), False), "number": (lazy_gettext("The laboratory's number"), False),
    "family_name": (lazy_gettext("Family name"), False), "given_names": (lazy_gettext("Given names"), False),
    "birth_date": (lazy_gettext("Birth date"), False), "sex": (lazy_gettext("Sex"), False),
    "unit": (lazy_gettext("Unit"), False), "mark": (lazy_gettext("Mark (H, L, A, HH, LL, AA, N)"), False),
    "method": (lazy_gettext("Method"), False), "reported": (lazy_gettext("Day of the report"), False),
    "status": (lazy_gettext("State (F, C, P, X)"), False), "note": (lazy_gettext("Note"), False),
}
WHOSE = ("order", "specimen", "case", "family_name")
OURS = ("order", "specimen")  # numbers by which we know the day ourselves
STATES = ("F", "C", "P", "X", "W", "D")
DAYS = ("taken", "reported", "birth_date")
DAY_FORM = "day_form"  # of a column map, beside its headings: how the laboratory writes a day
# The order of year, month and day, with an example. A day that begins with its year is read as such in each of them.
DAY_FORMS: dict[str, str] = {"ymd": "2026-03-24", "dmy": "24/03/2026", "mdy": "03/24/2026"}
# With the time of the day, which many programs write beside it and nobody here needs.
_DAY = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII)
_SEPARATOR = re.compile(r"sep=.?", re.IGNORECASE)


@dataclass(frozen=True)
class TableFault:
    """What is wrong with one line (the heading is line 1), or with the file as a whole (line 0)."""

    line: int
    words: str


@dataclass(frozen=True)
class Table:
    """What a file holds; with faults nothing of it is taken."""

    headings: tuple[str, ...]
    reports: tuple[PersonReport, ...]
    faults: tuple[TableFault, ...]


def read_table(content: bytes, columns: Mapping[str, str], charset: str) -> Table:
    """Read a table by a column map (field -> heading, and how days are written); every fault is told with its line."""
    if len(content) > LARGEST:
        return Table((), (), (TableFault(0, _("The file may have at most 512 KB. Divide it.")),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode(charset)
        except UnicodeDecodeError:
            return Table((), (), (TableFault(0, _("The file's characters cannot be read: save it as CSV UTF-8.")),))
    if "\0" in text:
        return Table((), (), (TableFault(0, _("This is no CSV file: save the table as CSV UTF-8.")),))
    first = next((line for line in text.splitlines() if line.strip() and not _SEPARATOR.fullmatch(line.strip())), "")
    delimiter = max((";", "\t", ","), key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return Table((), (), (TableFault(0, _("A quotation mark is not closed: save the table as CSV anew.")),))
    rows = [[cell.strip() for cell in row] for row in rows]
    above = next((at for at, row in enumerate(rows) if any(row) and not _SEPARATOR.fullmatch(delimiter.join(row))),
                 len(rows))  # empty lines, and the one by which Excel is told how cells are parted
    if above == len(rows):
        return Table((), (), (TableFault(0, _("The file is empty.")),))
    return _read_rows(rows[above:], above + 1, {field: columns[field] for field in FIELDS if columns.get(field)},
                      columns.get(DAY_FORM, "ymd"))


def _read_rows(rows: list[list[str]], top: int, columns: Mapping[str, str], day_form: str) -> Table:
    headings = tuple(rows[0])  # on line `top`
    faults = [TableFault(top, _("The column map does not say which column holds: %(what)s.", what=label))
              for field, (label, needed) in FIELDS.items() if needed and not columns.get(field)]
    faults += [TableFault(top, _("The heading “%(heading)s” of the column map is not in the file.", heading=heading))
               for heading in columns.values() if heading not in headings]
    faults += [TableFault(top, _("The heading “%(heading)s” stands twice.", heading=heading))
               for heading in dict.fromkeys(columns.values()) if headings.count(heading) > 1]
    if not any(columns.get(field) for field in WHOSE):
        faults.append(TableFault(top, _("The column map names no column by which a result finds its case.")))
    if len(rows) > MOST_ROWS + 1:
        faults.append(TableFault(0, _("The file may have at most %(most)s rows. Divide it.", most=MOST_ROWS)))
    if faults:
        return Table(headings, (), tuple(faults))
    places = {field: headings.index(heading) for field, heading in columns.items()}
    reports: list[PersonReport] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, row in enumerate(rows[1:], top + 1):
        if not any(row):
            continue
        if len(row) > len(headings) and not any(row[len(headings):]):
            row = row[:len(headings)]  # nothing stands to the right of the table
        if len(row) != len(headings):
            faults.append(TableFault(line, _("It has %(found)s cells, the heading has %(wanted)s.", found=len(row),
                                             wanted=len(headings))))
            continue
        cells = {field: row[place] for field, place in places.items()}
        days = {field: _read_day(cells[field], day_form) for field in DAYS if cells.get(field)}
        faults += [TableFault(line, _("“%(what)s” is no day like %(example)s.", what=FIELDS[field][0],
                                      example=DAY_FORMS[day_form])) for field, day in days.items() if day is None]
        cells |= {field: day for field, day in days.items() if day}
        faults += [TableFault(line, words) for words in _list_faults(cells)]
        key = tuple(cells.get(name, "") for name in ("order", "specimen", "case", "number", "code", "family_name",
                                                     "given_names", "taken"))
        if key in seen:
            faults.append(TableFault(line, _("It is the same result as line %(line)s.", line=seen[key])))
        seen[key] = line
        reports.append(_build(cells))
    if not reports and not faults:
        faults.append(TableFault(0, _("The file has a heading and no results.")))
    return Table(headings, () if faults else tuple(reports), tuple(faults))


def _list_faults(cells: Mapping[str, str]) -> list[str]:
    found = [_("“%(what)s” is empty.", what=FIELDS[field][0]) for field in ("code", "value")
             if not cells.get(field) and not (field == "value" and cells.get("status", "").upper() in ("X", "W", "D"))]
    if not any(cells.get(field) for field in WHOSE):
        found.append(_("Nothing says whose result it is."))
    if not any(cells.get(field) for field in ("taken", *OURS)):
        found.append(_("“%(what)s” is empty, and no number of ours that tells it.", what=FIELDS["taken"][0]))
    if cells.get("status") and cells["status"].upper() not in STATES:
        found.append(_("The state is none of %(states)s.", states=", ".join(STATES)))
    if any(len(text) > 2000 for text in cells.values()):
        found.append(_("A cell is too long."))
    return found


def _read_day(text: str, form: str) -> str | None:
    """A day as it is written in that form, as ISO 8601 writes it; None when it is none, or its year has two digits."""
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    first, _mark, second, third = found.groups()
    if len(first) == 4:
        year, month, day = first, second, third
    elif form == "ymd" or len(third) != 4:
        return None
    else:
        year, (day, month) = third, (first, second) if form == "dmy" else (second, first)
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _build(cells: Mapping[str, str]) -> PersonReport:
    def get(field: str) -> str:
        return cells.get(field, "")

    numbers = ((get("case"), "CLEARWAY", "MR"),) if get("case") else ()
    value = ReportedValue(
        code=get("code"), text=get("code"), kind="ST", value=get("value"), unit=get("unit"),
        flags=(get("mark").upper(),) if get("mark") else (), method=get("method"),
        status=get("status").upper() or "F", observed_at=get("taken"), note=get("note"))
    panel = ReportedPanel(placer=get("order"), filler=get("number"), specimen=get("specimen"), code=get("code"),
                          observed_at=get("taken"), reported_at=get("reported"), values=(value,))
    return PersonReport(ReportedPerson(numbers, get("family_name"), get("given_names"), get("birth_date"),
                                       get("sex")[:1].upper()), (panel,))
