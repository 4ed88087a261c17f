"""A few kills of the listener; the drill with a hundred is `python -m bench.fault --only killed_listener`."""

from __future__ import annotations

from bench.fault import killed_listener


def test_what_was_acknowledged_survives_a_few_kills() -> None:
    checks = killed_listener.run("sqlite", kills=3)
    assert [check.seen for check in checks if not check.fine] == []
    assert int(checks[0].seen.split(" ", 1)[0]) > 10, "somebody was answered between the kills"
