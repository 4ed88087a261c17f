"""Keys sort by their time, and never before an earlier one, whatever somebody does to the clock."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from clinic import clock, key


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key, "_last", 0)


def test_keys_are_uuid_version_7_and_rise_within_a_millisecond(forgetful: None) -> None:
    made = [key.new_id() for _ in range(2000)]
    assert made == sorted(made) and len(set(made)) == len(made)
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in made)


def test_keys_made_together_rise_one_after_the_other_and_after_every_earlier_one(forgetful: None) -> None:
    made = [*key.new_ids(3), key.new_id(), *key.new_ids(500), key.new_id()]
    assert made == sorted(made) and len(set(made)) == 505
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in made)
    with clock.stopped_at(datetime(2020, 1, 1, tzinfo=UTC)):
        past = key.new_ids(3)
    assert past == sorted(past) and past[-1] < made[0]


def test_keys_go_on_rising_after_the_clock_was_set_back(forgetful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: moment)
    before = key.new_id()
    monkeypatch.setattr(clock, "now", lambda: moment - timedelta(hours=1))
    after = [key.new_id() for _ in range(100)]
    assert [before, *after] == sorted([before, *after])


def test_held_clock_gives_keys_of_its_own_time() -> None:
    now = key.new_id()
    with clock.stopped_at(datetime(2020, 1, 1, tzinfo=UTC)):
        assert key.new_id() < now


def test_key_after_another_sorts_after_it_even_from_the_future() -> None:
    with clock.stopped_at(datetime(2031, 1, 1, tzinfo=UTC)):
        future = key.new_id()
    later = key.new_id_after(future)
    assert later > future and uuid.UUID(later).version == 7
    assert key.new_id_after(None) < future
