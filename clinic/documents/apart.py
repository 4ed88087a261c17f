"""Runs what starts an event loop of its own (pyHanko does), also where the calling thread has one already."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_apart(work: Callable[[], T]) -> T:
    """The result of `work`, done in a thread of its own; raises what it raises. It must not need the application."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()
