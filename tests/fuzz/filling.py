"""A form filled in as somebody might, and then spoilt as nobody should."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple
from urllib.parse import urlencode

from tests.factory import PASSWORD
from tests.fuzz.hint import draw_film, draw_picture, find_hint, make_file
from tests.fuzz.hostile import DAYS, IDS, MARK, NUMBERS, draw_text, mutate_bytes, mutate_text
from tests.fuzz.page import Control, Form

CAREFUL = 0.75  # of forms, before any is spoilt on purpose
WORDS = ("Seen at the desk", "Otieno", "Otieno", "Nairobi", "A1234567", "KEN", "12")
# What fits, by a word in the field's name.
FITTING = {"reason": "On the wrong sheet", "remark": "Seen at the desk", "citizenship": "KEN", "residence": "KEN",
           "country": "KEN", "language": "en", "name": "Otieno", "number": "A1234567", "lot": "L1", "code": "123456",
           "time": "09:30", "endpoint": "https://authority.test.example/fhir", "value": "12", "zone": "Africa/Nairobi"}
# Names that views read and no page of this walk may have shown: sent as well, to see what they do.
UNASKED = (
    "version", "shown", "case_version", "reason", "confirmed", "action", "id", "site_id", "user_id", "roles", "next",
    "then", "draft", "page", "address", "fields", "password", "code", "passkey", "q", "look", "amend", "date",
    "kind", "state", "programme", "family_id", "case_id", "specimen_id", "film_id", "read", "use", "is_active",
    "after", "before", "_external", "_scheme", "_anchor", "_method", "endpoint", "line", "test", "role", "group",
)
TYPES = (
    "application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "",
    "application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=" + "y" * 300, "\xff/\xff",
)
BROKEN = (
    b"", b"%", b"%zz=%", b"a=%ff%fe&b=%c0%80", b"\x00\xff\xfe=\x00", b"&&&&===", b"{", b"[]", b"a" * 70_000,
    b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", b"--x--\r\n", b"--x\r\n\r\n\r\n--x--",
    b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"\xff\x00\"\r\n\r\n\xff\r\n--x--\r\n",
)
FILE_NAMES = (
    "film.dcm", "", "../../etc/passwd", "a\0b.jpg", f"<{MARK} on{MARK}=1>.jpg", "x" * 3000, "\u202egpj.exe", ".",
    "con", "a;b=c.jpg", "\u00e9.jpg",
)


class Filled(NamedTuple):
    """What is sent: pairs as text, files as (field, name, bytes), and what is wrong with it on purpose."""

    pairs: list[tuple[str, str]]
    files: list[tuple[str, str, bytes]]
    forged: bool  # it lacks the page's proof
    raw: tuple[str, bytes] | None = None  # another media type and body altogether


def fill(chance: Random, form: Form, known: Mapping[str, str], route: str = "",
         again: frozenset[str] | None = None) -> Filled:
    """What a person might enter who knows `known`; hidden fields as the page has them.

    `again`: the form was refused, and these are the ids of what is wrong. Whatever else stands there is kept, and every
    caution is ticked.
    """
    pairs: list[tuple[str, str]] = []
    files: list[tuple[str, str, bytes]] = []
    person = _Person(chance, known, route, again, is_careful=again is not None or chance.random() < CAREFUL)
    for control in form.controls:
        if control.kind == "file":
            made = make_file(route, known) if person.is_careful else None
            files.append((control.name, *(made or ("film.dcm", draw_file(chance)))))
        else:
            pairs += [(control.name, value) for value in person.draw_values(control)]
    if form.buttons:
        name, value = chance.choice(form.buttons)
        pairs += [(name, value)] if name else []
    return Filled(pairs, files, forged=False)


class _Person:
    """Who fills a form in; a careful one knows what it wants, another types what comes to mind."""

    def __init__(self, chance: Random, known: Mapping[str, str], route: str, again: frozenset[str] | None,
                 is_careful: bool) -> None:
        self.chance, self.known, self.route, self.again, self.is_careful = chance, known, route, again, is_careful
        self.day = chance.randint(1, 20)

    def draw_values(self, control: Control) -> list[str]:
        """Nothing for a field that is left out or a box that is not ticked."""
        chance, value = self.chance, control.value
        is_wrong = self._is_wrong(control)
        is_proof = control.name == "csrf_token"
        hint = find_hint(self.route, control.name, self.known) if self.is_careful and not is_proof else None
        if hint:
            chosen = chance.choice(hint)
            if control.kind not in ("checkbox", "radio", "select"):
                return [chosen or ""]
            if chosen is None:
                return [""] if control.kind == "select" else []
            if chosen in control.options:
                return [chosen]
            if control.kind == "checkbox" and len(hint) == 1:
                return []
        match control.kind:
            case "hidden":
                return [value]
            case "checkbox":
                return control.options[:1] and [control.options[0]] if self._ticks(control, is_wrong) else []
            case "radio" | "select":
                if value and not is_wrong and chance.random() < (0.4 if self.again is None else 1.0):
                    return [value]
                options = [option for option in control.options if option] or list(control.options)
                return [chance.choice(options)] if options and (is_wrong or chance.random() < 0.95) else []
            case "password":
                return [PASSWORD]
        if value and not is_wrong and chance.random() < (0.8 if self.again is None else 0.95):
            return [value]
        if not is_wrong and chance.random() < 0.1:
            return []
        return [_draw_plain(chance, control, self.day, self.known.get("email", ""))]

    def _is_wrong(self, control: Control) -> bool:
        names = (f"{control.ident}-", f"{control.name}-")
        return any(name.startswith(f"{wrong}-") for wrong in self.again or () for name in names)

    def _ticks(self, control: Control, is_wrong: bool) -> bool:
        name = control.name
        if is_wrong or (self.again is not None and "confirm" in name):
            return is_wrong is False or self.chance.random() < 0.7
        if self.again is not None:
            return bool(control.value) or self.chance.random() < 0.2
        if control.value:
            return True
        return self.chance.random() < (0.8 if "confirm" in name or name in ("declared", "open_case", "results",
                                                                            "orders", "specimens") else 0.35)


def _draw_plain(chance: Random, control: Control, day: int, email: str) -> str:
    name = control.name
    year = "1991" if "birth" in name else "2031" if "expire" in name or "until" in name else "2026"
    if name.endswith("-day"):
        return str(day)
    if name.endswith("-month"):
        return "11" if year == "2026" else "5"
    if name.endswith("-year"):
        return year
    if control.kind == "email" or "email" in name:
        return email or "somebody@test.example"
    if control.kind == "tel" or "phone" in name:
        return "+254700000123"
    if control.kind == "date" or name.endswith("_on") or "date" in name:
        return f"{year}-11-{day:02}"
    if control.kind == "number" or control.mode in ("numeric", "decimal"):
        least, most = _to_number(control.least, 0), _to_number(control.most, 200)
        return str(chance.randint(int(least), max(int(most), int(least))))
    fitting = next((text for word, text in FITTING.items() if word in name), None)
    return fitting if fitting and chance.random() < 0.9 else chance.choice(WORDS)


def _to_number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


def spoil(chance: Random, filled: Filled, ids: list[str]) -> Filled:
    """One thing wrong with it; `ids` are of the own and of the other site."""
    pairs, files = list(filled.pairs), list(filled.files)
    hidden = [at for at, (name, _value) in enumerate(pairs) if name in UNASKED or name.endswith("_id")]
    some = [at for at, (name, _value) in enumerate(pairs) if name != "csrf_token"]
    at = chance.choice(hidden) if hidden and chance.random() < 0.35 else chance.choice(some) if some else -1
    match chance.randrange(14):
        case 0 | 1 | 2 | 3 if at >= 0:
            name, value = pairs[at]
            pairs[at] = (name, chance.choice((draw_text(chance), mutate_text(chance, value), chance.choice(NUMBERS),
                                              chance.choice(DAYS), chance.choice(IDS))))
        case 4 if at >= 0:
            pairs[at] = (pairs[at][0], chance.choice(ids))
        case 5 if at >= 0:
            del pairs[at]
        case 6 if at >= 0:
            pairs.insert(chance.randrange(len(pairs) + 1), (pairs[at][0], draw_text(chance)))
        case 7 if at >= 0:
            pairs[at] = (mutate_text(chance, pairs[at][0]), pairs[at][1])
        case 8:
            pairs.append((chance.choice(UNASKED), chance.choice((draw_text(chance), chance.choice(ids)))))
        case 9:
            name = pairs[at][0] if at >= 0 else "x"
            pairs += [(name, str(number)) for number in range(chance.choice((3, 1100)))]
        case 10:
            pairs = [(name, value) for name, value in pairs if name != "csrf_token"]
            wrong = ("", "x", mutate_text(chance, "IjEyMyI.aaaa.bbbb"), None)[chance.randrange(4)]
            pairs += [("csrf_token", wrong)] if wrong is not None else []
            return filled._replace(pairs=pairs, forged=True)
        case 11 if files:
            place = chance.randrange(len(files))
            field, name, content = files[place]
            files[place] = (field, chance.choice(FILE_NAMES), chance.choice(
                (mutate_bytes(chance, content, 3), content[: chance.randrange(len(content) + 1)], b"", b"<html>")))
        case 11:
            files.append((pairs[at][0] if at >= 0 else "file", chance.choice(FILE_NAMES), b"GIF89a<script>"))
        case 12 if chance.random() < 0.4:
            body = chance.choice(BROKEN)
            return filled._replace(raw=(chance.choice(TYPES), body), forged=True)
        case _ if at >= 0:
            name, value = pairs[at]
            pairs[at] = (name, chance.choice(("\0", "\ud800", "9" * 25, "-9223372036854775809", "²", " ", value * 300)))
    return filled._replace(pairs=pairs, files=files)


def draw_file(chance: Random) -> bytes:
    """A good film or picture, or what only looks like one."""
    return chance.choice((draw_film(), draw_picture(), b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"%PDF-1.7\n",
                          b"\0" * 132 + b"DICM"))


def encode(filled: Filled) -> tuple[str, bytes]:
    """Media type and body."""
    if filled.raw is not None:
        return filled.raw
    if not filled.files:
        pairs = [(_to_bytes(name), _to_bytes(value)) for name, value in filled.pairs]
        return "application/x-www-form-urlencoded", urlencode(pairs).encode()
    parts = [b'Content-Disposition: form-data; name="' + _quote(name) + b'"\r\n\r\n' + _to_bytes(value)
             for name, value in filled.pairs]
    parts += [b'Content-Disposition: form-data; name="' + _quote(field) + b'"; filename="' + _quote(name) +
              b'"\r\nContent-Type: application/octet-stream\r\n\r\n' + content for field, name, content in filled.files]
    body = b"".join(b"--fz7boundary\r\n" + part + b"\r\n" for part in parts) + b"--fz7boundary--\r\n"
    return "multipart/form-data; boundary=fz7boundary", body


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _quote(text: str) -> bytes:
    return _to_bytes(text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "%0D").replace("\n", "%0A"))
