"""What was made once and is asked for again, in the memory of one process; the least recently used is forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from threading import Lock
from typing import Any

_NOTHING = object()


class Memo:
    """Keeps at most `size` values; whatever a value depends on must stand in its key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of `key`, made by `make` when it is not kept; two threads may both make it."""
        with self._lock:
            kept = self._kept.get(key, _NOTHING)
            if kept is not _NOTHING:
                self._kept.move_to_end(key)
                return kept
        value = make()
        with self._lock:
            self._kept[key] = value
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return value

    def get_all(self, keys: Sequence[Hashable], make: Callable[[int], Any]) -> list[Any]:
        """The values of `keys` in their order; `make` gets the place of each that is not kept."""
        with self._lock:
            values = [self._kept.get(key, _NOTHING) for key in keys]
            for key, value in zip(keys, values, strict=True):
                if value is not _NOTHING:
                    self._kept.move_to_end(key)
        return [self.get(keys[place], partial(make, place)) if value is _NOTHING else value
                for place, value in enumerate(values)]
