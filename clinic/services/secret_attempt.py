"""Secrets that people gave to prove who they are, right or wrong: written down in one place, with ids only."""

from __future__ import annotations

from clinic.audit import record_change


def record_right_secret(user_id: str, means: str, purpose: str) -> None:
    """Write down that `user_id` proved who they are by `means` (password, code, passkey) for `purpose` (a route)."""
    record_change("check-again", "user", user_id, detail={"by": means, "for": purpose},
                  actor_id=user_id, actor_kind="user")


def record_wrong_secret(user_id: str, means: str, purpose: str) -> None:
    """Write down that a secret given for the account `user_id` was wrong; the caller commits it in any case.

    Every wrong password, code or passkey of a known account comes through here: the place to count them.
    """
    record_change("wrong-secret", "user", user_id, detail={"by": means, "for": purpose},
                  actor_id=user_id, actor_kind="user")
