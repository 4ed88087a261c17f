"""Pieces of a page that are the same for the next reader too, kept as text under everything that goes into them.

    {% call remembered("foot", version, demo) %}…{{ fresh("csrf_token") }}…{% endcall %}

What stands in the block depends on the language and on the values named, and on nothing else: no token, no counter that
is not named, nothing that somebody typed. What is of the one request stands there as `fresh` with the name of a
template's function without arguments, which is called for each page and whose answer is never kept.
tests/clinic/web/test_remembered.py compares every page with one made anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from secrets import token_hex
from typing import Any, NamedTuple

from flask import Flask
from markupsafe import Markup, escape

from clinic.memo import Memo
from clinic.web.language import find_speech

PIECES = 1000  # some thousand characters each
REMEMBERED = "remembered_pieces"  # key of the application's extensions
_MARK = token_hex(16)  # drawn anew: nobody can write it into a page
_is_within: ContextVar[bool] = ContextVar("within_a_piece", default=False)
_FRESH = re.compile(f"<!--{_MARK}:(\\w+)-->")


class _Piece(NamedTuple):
    """A text with the places of its fresh values in the words of `%`; without any it is what the template made."""

    text: str
    fresh: tuple[str, ...]


def fresh(name: str) -> Markup:
    """Where a template's function of that name is put in, for each page anew."""
    return Markup(f"<!--{_MARK}:{name}-->")  # noqa: S704  a mark of ours


def init_remembered(app: Flask) -> None:
    """Give templates both functions; nothing is kept while somebody works on them."""
    if not app.debug:
        app.extensions[REMEMBERED] = Memo(PIECES)
    functions: dict[str, Any] = app.jinja_env.globals

    def remembered(name: str, *inputs: Hashable, unless: Any = None, caller: Callable[[], Any]) -> Any:
        """The text of the block; made anew when there is an `unless`, which its key does not hold."""
        if _is_within.get():  # of another piece, which keeps it with the places of what is fresh
            return caller()
        memo: Memo | None = app.extensions.get(REMEMBERED)
        if unless or memo is None:
            piece = _make(caller)
        else:
            piece = memo.get((name, find_speech().name, inputs), lambda: _make(caller))
        if piece.fresh:
            return Markup(piece.text % {one: escape(functions[one]()) for one in piece.fresh})  # noqa: S704
        return piece.text

    functions.update(remembered=remembered, fresh=fresh)


def _make(caller: Callable[[], Any]) -> _Piece:
    token = _is_within.set(True)
    try:
        text = caller()
    finally:
        _is_within.reset(token)
    names = tuple(dict.fromkeys(_FRESH.findall(text)))
    if not names:
        return _Piece(text, ())
    return _Piece(_FRESH.sub(r"%(\1)s", str(text).replace("%", "%%")), names)
