"""The writers' lock: who waits comes before who takes it again and again."""

from __future__ import annotations

import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clinic.errors import Unavailable
from clinic.file_lock import EagerLock, take_file_lock


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "clearway.sqlite3.lock")


def count_open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_one_has_it_at_a_time_and_the_other_is_told_and_keeps_nothing_open(path: str) -> None:
    lock = take_file_lock(path, 0)
    before = count_open_files()
    with pytest.raises(Unavailable):
        take_file_lock(path, 0.01)
    assert count_open_files() == before
    os.close(lock)
    os.close(take_file_lock(path, 0))


def test_eager_one_stands_back_for_a_holder_and_for_one_who_waits(path: str) -> None:
    eager = EagerLock(path)
    assert eager.try_take()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(take_file_lock, path, 60)
        _await_that_somebody_waits(path)
        eager.let_go()
        assert not eager.try_take(), "the lock is free, or had by the one who waited"
        lock = waiting.result()
    assert not eager.try_take()
    os.close(lock)
    assert eager.try_take()
    eager.close()
    os.close(take_file_lock(path, 0))


def _await_that_somebody_waits(path: str) -> None:
    """Until the turn is taken, which whoever waits for the lock has."""
    handle = os.open(path.replace(".lock", ".turn.lock"), os.O_RDWR)
    try:
        while True:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(handle, fcntl.LOCK_UN)
            time.sleep(0.01)
    except BlockingIOError:
        os.close(handle)
