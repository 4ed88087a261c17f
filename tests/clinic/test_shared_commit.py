"""Rows that wait for the same disk share a commit, and none is called durable before it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from clinic.shared_commit import NotSaved, Row, SharedCommit

PATIENCE = 20.0


class Disk:
    """Keeps what is saved, commit by commit; the first commit waits until it is let go."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.reached, self.let_go = Event(), Event()
        self.broken: set[int] = set()

    def save(self, rows: Sequence[Row]) -> None:
        """One commit; none with a broken row comes about."""
        if not self.reached.is_set():
            self.reached.set()
            assert self.let_go.wait(PATIENCE)
        numbers = [row["number"] for row in rows]
        if self.broken & set(numbers):
            raise OSError("no room")
        self.commits.append(numbers)


def write_while_first_waits(disk: Disk, numbers: Sequence[int]) -> dict[int, Future[None]]:
    """Row 0 is being committed when those of `numbers` come; what became of each."""
    shared = SharedCommit(disk.save)
    with ThreadPoolExecutor(len(numbers) + 1) as threads:
        futures = {0: threads.submit(shared.write, {"number": 0})}
        assert disk.reached.wait(PATIENCE)
        futures |= {number: threads.submit(shared.write, {"number": number}) for number in numbers}
        while len(shared._queue) < len(numbers):
            pass
        assert not any(future.done() for future in futures.values())
        disk.let_go.set()
    return futures


def test_rows_that_come_during_a_commit_share_the_next_one() -> None:
    disk = Disk()
    futures = write_while_first_waits(disk, range(1, 8))
    assert [future.exception() for future in futures.values()] == [None] * 8
    assert [sorted(numbers) for numbers in disk.commits] == [[0], list(range(1, 8))]


def test_row_that_cannot_be_saved_harms_no_other() -> None:
    disk = Disk()
    disk.broken = {3}
    futures = write_while_first_waits(disk, range(1, 6))
    assert {number for number, future in futures.items() if future.exception() is not None} == {3}
    problem = futures[3].exception()
    assert isinstance(problem, NotSaved)
    assert isinstance(problem.__cause__, OSError)
    assert sorted(number for commit in disk.commits for number in commit) == [0, 1, 2, 4, 5]


def test_rows_of_one_writer_are_saved_all_or_none() -> None:
    disk = Disk()
    disk.let_go.set()
    disk.broken = {3}
    shared = SharedCommit(disk.save)
    shared.write({"number": 1}, {"number": 2})
    with pytest.raises(NotSaved):
        shared.write({"number": 3}, {"number": 4})
    assert disk.commits == [[1, 2]]


def test_failed_commit_of_one_lets_the_next_go_on() -> None:
    disk = Disk()
    disk.broken = {0}
    futures = write_while_first_waits(disk, [1, 2])
    assert isinstance(futures[0].exception(), NotSaved)
    assert [sorted(numbers) for numbers in disk.commits] == [[1, 2]]


def test_row_whose_commit_is_interrupted_is_not_called_durable() -> None:
    def save(_rows: Sequence[Row]) -> None:
        raise KeyboardInterrupt

    shared = SharedCommit(save)
    with pytest.raises(KeyboardInterrupt):
        shared.write({"number": 0})
    assert not shared._is_busy


def test_rows_one_after_another_are_commits_of_their_own() -> None:
    disk = Disk()
    disk.let_go.set()
    shared = SharedCommit(disk.save)
    for number in range(3):
        shared.write({"number": number})
    assert disk.commits == [[0], [1], [2]]
