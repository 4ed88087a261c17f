"""Tests of the lines to authorities: each channel tries its own, with a short patience, and sends no person's data."""

from __future__ import annotations

from clinic.errors import Misconfigured
from clinic.line_test import LineReport, LineResult
from clinic.sentence import N_
from integrations.registry import list_names, load
from integrations.transport.http import Patience
from integrations.transport.mllp import parse_peer

PATIENCE = Patience(connect=5.0, answer=10.0)  # somebody sits before the screen


def list_channels() -> list[str]:
    """The ways of sending that exist."""
    return list_names("authorities")


def judge_address(channel: str, address: str) -> str:
    """What is wrong with an address for a channel, as one sentence in English; empty when it can be used."""
    return str(load("authorities", channel).judge_address(address))


def judge_laboratory_address(address: str) -> str:
    """What is wrong with where a laboratory listens, as one sentence in English; empty when it can be used."""
    try:
        parse_peer(f"{address.rstrip('/')}/A/B")
    except ValueError:
        return N_("Write an address like mllps://host:2575 (mllp:// only inside a private network).")
    return ""


def test_line(channel: str, address: str) -> LineReport:
    """Try the line; the answer is a report whatever happens."""
    try:
        report: LineReport = load("authorities", channel).test_line(address, PATIENCE)
    except Misconfigured as fault:
        return LineReport(LineResult.UNUSABLE, fault.message)
    return report
