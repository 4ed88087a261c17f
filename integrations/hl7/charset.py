"""Characters of a message: MSH-18 (HL7 table 0211) to a Python codec, decided on bytes before anything is split."""

from __future__ import annotations

import codecs

UTF_8 = "UNICODE UTF-8"  # what we write in MSH-18
# Names of table 0211, and the misspellings that are met; an encoding that can hold a delimiter byte inside a
# character of its own is decoded as a whole before it is split.
CODECS = {
    "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "UTF-8": "utf-8", "UTF8": "utf-8",
    "GB 18030-2000": "gb18030", "BIG-5": "big5", "KS X 1001": "euc_kr", "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
} | {f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)}  # fmt: skip


class UnknownCharset(Exception):
    """MSH-18 names an encoding that we cannot read."""


def find_codec(message: bytes, default: str = "utf-8") -> str:
    """The codec that MSH-18 names, `default` when it names none; raises UnknownCharset."""
    return find_named_codec(message.split(b"\r", 1)[0].split(b"\n", 1)[0].decode("latin-1"), default)


def find_named_codec(header: str, default: str = "utf-8") -> str:
    """The same of the first segment's text."""
    fields = header.split(header[3:4] or "|")
    name = fields[17].split("~", 1)[0].strip().upper() if len(fields) > 17 else ""
    if not name:
        return default
    if name not in CODECS:
        raise UnknownCharset(name[:40])
    return CODECS[name] if name != "ASCII" else default


def decode(message: bytes, default: str = "utf-8") -> str:
    """The message's text; raises UnknownCharset, or UnicodeDecodeError when the bytes are not what MSH-18 says."""
    body = message.removeprefix(codecs.BOM_UTF8)
    return body.decode(find_codec(body, default))
