"""Unknown circumstances: every way they may turn out, and which of them still change the answer.

The rules are run with the unknowns unknown; where they ask for one, the run splits on its values. What results is a
decision tree that holds only the circumstances that were asked for. An unknown matters when somewhere in a tree its
branches differ as functions of the others; this is exact for that tree, however many unknowns there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from clinic.rules.situation import Consult

T = TypeVar("T")
Domain = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """An end of the tree: nothing more was asked."""

    value: T


@dataclass(frozen=True, slots=True)
class Branch(Generic[T]):
    """A circumstance that was asked, and the tree for each of its values."""

    word: str
    children: tuple[Tree[T], ...]


Tree = Leaf[T] | Branch[T]


def explore(run: Callable[[Mapping[str, Any]], T], domain: Domain) -> Tree[T]:
    """The tree of all answers of `run`, which gets values for some unknowns and raises Consult for another."""

    def grow(assigned: dict[str, Any]) -> Tree[T]:
        try:
            return Leaf(run(assigned))
        except Consult as unknown:
            word = unknown.word
        return Branch(word, tuple(grow({**assigned, word: value}) for value in domain[word]))

    return grow({})


def list_leaves(tree: Tree[T]) -> Iterator[T]:
    """The answers of a tree."""
    if isinstance(tree, Leaf):
        yield tree.value
    else:
        for child in tree.children:
            yield from list_leaves(child)


def restrict(tree: Tree[T], word: str, place: int) -> Tree[T]:
    """The tree once that unknown has its value number `place`."""
    if isinstance(tree, Leaf):
        return tree
    if tree.word == word:
        return tree.children[place]
    return Branch(tree.word, tuple(restrict(child, word, place) for child in tree.children))


def is_same(one: Tree[T], other: Tree[T]) -> bool:
    """Whether two trees give the same answer whatever the unknowns turn out to be."""
    if isinstance(one, Leaf):
        return all(value == one.value for value in list_leaves(other))
    return all(is_same(child, restrict(other, one.word, place)) for place, child in enumerate(one.children))


def list_relevant(tree: Tree[T], known: frozenset[str] = frozenset()) -> set[str]:
    """The unknowns of which the answer of the tree depends; those in `known` are not examined again."""
    if isinstance(tree, Leaf):
        return set()
    relevant: set[str] = set()
    if tree.word not in known:
        first, *others = tree.children
        if not all(is_same(first, other) for other in others):
            relevant.add(tree.word)
    for child in tree.children:
        relevant |= list_relevant(child, known | relevant)
    return relevant
