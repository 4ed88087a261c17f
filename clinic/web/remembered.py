"""Pieces of a page that are the same for the next reader too, kept as text under everything that goes into them.

    {% call remembered("foot", version, demo) %}…{% endcall %}

What stands in the block depends on the language and on the values named, and on nothing else: no token, no counter that
is not named, nothing that somebody typed. tests/clinic/web/test_remembered.py compares every page with one made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from flask import Flask, current_app

from clinic.memo import Memo
from clinic.web.language import find_speech

PIECES = 1000  # a few hundred characters each
REMEMBERED = "remembered_pieces"  # key of the application's extensions


def remembered(name: str, *inputs: Hashable, unless: Any = None, caller: Callable[[], Any]) -> Any:
    """The text of the block; made anew when there is an `unless`, which its key does not hold."""
    memo: Memo | None = current_app.extensions.get(REMEMBERED)
    if unless or memo is None:
        return caller()
    return memo.get((name, find_speech().name, inputs), caller)


def init_remembered(app: Flask) -> None:
    """Give templates the function; nothing is kept while somebody works on them."""
    if not app.debug:
        app.extensions[REMEMBERED] = Memo(PIECES)
    app.jinja_env.globals["remembered"] = remembered
