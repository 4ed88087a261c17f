"""Every column that points at an applicant, read from the models: what a merge moves, and what it leaves and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Index, Table, UniqueConstraint, select

from clinic.db import Base, db
from clinic.models import Applicant

# Columns that stay where they are, each with its reason. Whatever else points at an applicant moves.
EXEMPT = {
    ("applicant", "merged_into_id"): "says that a record was merged; the merge itself writes it",
    ("applicant_key", "applicant_id"): "made from the record's own names and papers; written anew where they move",
    ("applicant_word", "applicant_id"): "the words of the record's own name",
    ("applicant_merge", "survivor_id"): "the history of merges is about records, not about the person",
    ("applicant_merge", "loser_id"): "the history of merges is about records, not about the person",
    ("applicant_merge_row", "previous_id"): "the history of merges is about records, not about the person",
    ("told_apart", "one_id"): "what somebody said about two records stays with those records",
    ("told_apart", "other_id"): "what somebody said about two records stays with those records",
}
# A second row that says the same would be in the way where no unique index forbids it.
SAME_WHEN_EQUAL = {"identity_document": ("number_key", "issuing_country"), "contact_point": ("kind", "value")}


@dataclass(frozen=True)
class Link:
    """One column of a mapped table that points at an applicant."""

    model: Any
    table: str
    column: str
    attribute: str


@dataclass
class Holding:
    """The rows of one link that belong to a record: those that can move to another, and those that must stay."""

    link: Link
    moving: list[str] = field(default_factory=list)
    staying: list[str] = field(default_factory=list)


@cache
def list_links() -> tuple[Link, ...]:
    """Every column that a merge moves, by table and name."""
    return tuple(sorted((link for link in _list_all() if (link.table, link.column) not in EXEMPT),
                        key=lambda link: (link.table, link.column)))


def _list_all() -> Iterator[Link]:
    for mapper in Base.registry.mappers:
        for column in mapper.local_table.columns:
            if any(key.column.table is Applicant.__table__ for key in column.foreign_keys):
                yield Link(mapper.class_, column.table.name, column.name, mapper.get_property_by_column(column).key)


def list_holdings(loser_id: str, survivor_id: str) -> list[Holding]:
    """What belongs to the losing record, by link; rows stay where the surviving record has the same already."""
    found = []
    for link in list_links():
        ids = _list_ids(link, loser_id)
        if ids:
            staying = _list_clashing(link, loser_id, survivor_id) & set(ids)
            found.append(Holding(link, [one for one in ids if one not in staying], sorted(staying)))
    return found


def has_row_of_both(one_id: str, other_id: str) -> bool:
    """Whether one row names both records, as a guardian and the child: then they are two people."""
    by_table: dict[Any, list[Any]] = {}
    for link in list_links():
        by_table.setdefault(link.model, []).append(getattr(link.model, link.attribute))
    for model, columns in by_table.items():
        for first in columns:
            for second in columns:
                both = select(model.id).where(first == one_id, second == other_id).limit(1)
                if first is not second and db.session.execute(both).first():
                    return True
    return False


def _list_ids(link: Link, owner_id: str) -> list[str]:
    owner = getattr(link.model, link.attribute)
    return list(db.session.execute(select(link.model.id).where(owner == owner_id).order_by(link.model.id)).scalars())


def _list_clashing(link: Link, loser_id: str, survivor_id: str) -> set[str]:
    """Rows of the losing record that cannot stand beside one of the surviving record's."""
    clashing: set[str] = set()
    for others, condition in _list_unique(link):
        mine, theirs = (_read_others(link, owner, others, condition) for owner in (loser_id, survivor_id))
        taken = {values for _id, values in theirs}
        clashing |= {row_id for row_id, values in mine if values in taken}
    return clashing


def _list_unique(link: Link) -> Iterator[tuple[list[Any], Any]]:
    """The other columns, and the condition, of everything that must be unique together with the link's column."""
    table: Table = link.model.__table__
    rules: list[UniqueConstraint | Index] = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    rules += [index for index in table.indexes if index.unique]
    for rule in rules:
        if link.column in rule.columns:
            condition = rule.dialect_options[db.engine.dialect.name]["where"] if isinstance(rule, Index) else None
            yield [one for one in rule.columns if one.name != link.column], condition
    if link.table in SAME_WHEN_EQUAL:
        yield [table.c[name] for name in SAME_WHEN_EQUAL[link.table]], None


def _read_others(link: Link, owner_id: str, others: list[Any], condition: Any) -> list[tuple[str, tuple[Any, ...]]]:
    table = link.model.__table__
    query = select(table.c.id, *others).where(table.c[link.column] == owner_id)
    if condition is not None:
        query = query.where(condition)
    return [(row[0], tuple(row[1:])) for row in db.session.execute(query)]
