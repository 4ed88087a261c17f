"""Attempts are counted in the database, by account and address; a stranger's guesses cost no clinician their queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from clinic import clock
from clinic.limit import (
    CROWD,
    FORGOTTEN_AFTER,
    SOFT,
    STRICT,
    VISITORS,
    Bucket,
    Door,
    Schedule,
    TooManyAttempts,
    admit,
    count_visit,
    forgive,
    lift,
    list_buckets,
    list_waiting,
    say_time,
    sweep_counts,
    tag_account,
    widen,
)

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


def _buckets(account: str = "nurse@test.example", address: str = HERE, device: str = "") -> list[Bucket]:
    return list_buckets(Door.SIGN_IN, tag_account(account), address, device)


def _fail(buckets: list[Bucket], times: int) -> None:
    for _each in range(times):
        admit(buckets)


def test_waits_grow_and_end_at_their_longest() -> None:
    waits = [STRICT.find_wait(count).total_seconds() for count in range(1, 12)]
    assert waits == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    assert max(SOFT.find_wait(count).total_seconds() for count in range(1, 10_000)) == 60


def test_too_many_attempts_are_refused_with_the_time_and_let_in_after_it(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now):
        _fail(_buckets(), STRICT.free)
        with pytest.raises(TooManyAttempts, match="30 seconds") as caught:
            admit(_buckets())
        assert (caught.value.status, caught.value.seconds) == (429, 30)
        admit(_buckets(address=ELSEWHERE))  # the same account from elsewhere
        admit(_buckets("other@test.example"))  # another account from here
    with clock.stopped_at(now + timedelta(seconds=31)):
        admit(_buckets())
        with pytest.raises(TooManyAttempts) as caught:
            admit(_buckets())
        assert caught.value.seconds == 60


def test_attempts_while_waiting_do_not_make_the_wait_longer(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now):
        _fail(_buckets(), STRICT.free)
    with clock.stopped_at(now + timedelta(seconds=20)):
        for _each in range(5):
            with pytest.raises(TooManyAttempts) as caught:
                admit(_buckets())
        assert caught.value.seconds == 10


def test_strangers_everywhere_cost_an_account_a_minute_at_most_and_its_known_browser_nothing(app: Flask) -> None:
    now = clock.now()
    for step in range(200):
        with clock.stopped_at(now + step * timedelta(seconds=61)):
            admit(_buckets(address=f"203.0.113.{step}"))
    with clock.stopped_at(now + 199 * timedelta(seconds=61)):
        with pytest.raises(TooManyAttempts) as caught:
            admit(_buckets(address=ELSEWHERE))
        assert caught.value.seconds <= 60
        admit(_buckets(address=ELSEWHERE, device="browser"))


def test_one_address_that_tries_many_accounts_waits(app: Flask) -> None:
    with clock.stopped_at(clock.now()):
        for number in range(CROWD.free):
            admit(_buckets(f"user{number}@test.example"))
        with pytest.raises(TooManyAttempts):
            admit(_buckets("another@test.example"))
        admit(_buckets("another@test.example", ELSEWHERE))


def test_own_account_between_guesses_does_not_wipe_the_address_clean(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now):
        for number in range(CROWD.free - 1):
            admit(_buckets(f"user{number}@test.example"))
            own = _buckets("own@test.example")
            admit(own)
            forgive(own)
        admit(_buckets("last@test.example"))
        with pytest.raises(TooManyAttempts):
            admit(_buckets("own@test.example"))


def test_right_attempt_begins_the_persons_count_anew(app: Flask) -> None:
    with clock.stopped_at(clock.now()):
        for _each in range(10):
            _fail(_buckets(), STRICT.free - 1)
            admit(_buckets())
            forgive(_buckets(), STRICT.free)
        assert list_waiting() == []


def test_clock_that_was_wrong_for_a_while_blocks_nobody(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now + timedelta(days=400)):
        _fail(_buckets(), STRICT.free)
    with clock.stopped_at(now):
        admit(_buckets())


def test_attempts_of_an_hour_ago_are_forgotten(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now):
        _fail(_buckets(), STRICT.free - 1)
    with clock.stopped_at(now + FORGOTTEN_AFTER + timedelta(seconds=1)):
        _fail(_buckets(), STRICT.free - 1)
        assert list_waiting() == []


def test_racing_attempts_get_no_more_than_the_limit(app: Flask) -> None:
    """As several processes would: each thread has a connection and an application context of its own."""
    moment = clock.now()

    def guess(_number: int) -> bool:
        with app.app_context():
            try:
                admit(_buckets())
            except TooManyAttempts:
                return False
            return True

    with clock.stopped_at(moment), ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(40))) == STRICT.free


def test_wait_is_listed_and_lifted(app: Flask) -> None:
    with clock.stopped_at(clock.now()):
        _fail(_buckets(), STRICT.free)
        (row,) = list_waiting()
        assert (row.kind, row.address, row.account) == ("pair", HERE, tag_account("NURSE@test.example "))
        assert "nurse" not in str(tuple(row))
        assert lift(row.id) and not lift(row.id)
        admit(_buckets())


def test_sweep_forgets_what_is_over_and_nothing_that_waits(app: Flask) -> None:
    now = clock.now()
    with clock.stopped_at(now):
        _fail(_buckets(), STRICT.free)
    with clock.stopped_at(now + timedelta(seconds=10)):
        assert sweep_counts() == 0
    with clock.stopped_at(now + timedelta(hours=2)):
        assert sweep_counts() == 3


def test_visitors_of_public_pages_are_many_but_not_endless(app: Flask) -> None:
    with clock.stopped_at(clock.now().replace(second=30)):
        for _each in range(VISITORS):
            count_visit(HERE)
        with pytest.raises(TooManyAttempts) as caught:
            count_visit(HERE)
        assert caught.value.seconds == 30
        count_visit(ELSEWHERE)


def test_a_subscriber_of_ipv6_is_one_address() -> None:
    assert widen("2001:db8:1:2:3::4") == widen("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert widen("::ffff:192.0.2.7") == HERE
    assert widen("2001:db8:1:3::4") != widen("2001:db8:1:2::4")


def test_waiting_time_is_said_in_words_never_too_short(app: Flask) -> None:
    with app.test_request_context():
        assert [say_time(1), say_time(120), say_time(121), say_time(900)] == [
            "1 second", "120 seconds", "3 minutes", "15 minutes"]


def test_schedule_never_overflows() -> None:
    assert Schedule(1, 1, 60).find_wait(10**9) == timedelta(seconds=60)
