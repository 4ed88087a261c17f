"""A form and its items, as screens and the validator want them; read from FHIR Questionnaire (R4) JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

CANONICAL = "https://clearway.example/fhir/"
FACT_SYSTEM = CANONICAL + "CodeSystem/fact"


class ItemKind(StrEnum):
    """Questionnaire.item.type (R4, item-type value set): those our renderer knows."""

    GROUP = "group"
    DISPLAY = "display"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"


@dataclass(frozen=True)
class Condition:
    """One enableWhen: the answer of `question` compared with `answer`; operators exists, =, !=, >, <, >=, <=."""

    question: str
    operator: str
    answer: bool | str


@dataclass(frozen=True)
class Item:
    """One question or group. Numbers of limits are texts, compared as decimals."""

    link_id: str
    text: str
    kind: ItemKind
    required: bool = False
    facts: tuple[str, ...] = ()  # codes of the system `fact`: where the answer goes
    conditions: tuple[Condition, ...] = ()
    needs_all: bool = False  # enableBehavior: all, else any
    options: tuple[tuple[str, str], ...] = ()  # (code, display)
    unit: str | None = None  # UCUM
    minimum: str | None = None  # hard limits: refused outside
    maximum: str | None = None
    decimals: int | None = None
    soft_minimum: str | None = None  # soft limits: a person confirms outside
    soft_maximum: str | None = None
    permission: str | None = None  # who may answer it; inherited from its group
    applies_to: str | None = None  # a word of clinic/questionnaire/subject.py; everybody without it
    computed: str | None = None  # of a display item: what it computes from which answers (computed.py)
    hint: str | None = None
    longest: int | None = None
    items: tuple[Item, ...] = ()

    def walk(self) -> Iterator[Item]:
        """This item and everything beneath it, in the order of the form."""
        yield self
        for item in self.items:
            yield from item.walk()

    @property
    def is_question(self) -> bool:
        """Whether it takes an answer."""
        return self.kind not in (ItemKind.GROUP, ItemKind.DISPLAY)


@dataclass(frozen=True)
class Questionnaire:
    """One form, one version of it."""

    name: str
    url: str
    version: str
    title: str
    items: tuple[Item, ...]
    source: dict[str, object] = field(compare=False, repr=False, default_factory=dict)  # the JSON as read

    def walk(self) -> Iterator[Item]:
        """All items in the order of the form."""
        for item in self.items:
            yield from item.walk()

    def list_questions(self) -> dict[str, Item]:
        """Everything that takes an answer, by linkId."""
        return {item.link_id: item for item in self.walk() if item.is_question}
