"""One thing that an answered form establishes, and the answers it is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir.element import Element

Answers = Mapping[str, Any]  # linkId to boolean, code, or digits as written
DETAIL = ".detail"  # ending of the question that asks for words about the one before the dot


@dataclass(frozen=True)
class FormSlot:
    """A place of the form that becomes an Observation once it is answered; `said` is None while it is not.

    `name` is its key within the form, `links` are the questions it is made from, `derived` the names of other slots
    it was computed from, `category` and `sensitivity` rows of the code table.
    """

    name: str
    category: str
    code: Element
    links: tuple[str, ...]
    said: Element | None
    derived: tuple[str, ...] = ()
    sensitivity: str | None = None
