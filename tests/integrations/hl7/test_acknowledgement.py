"""Acknowledgements: only one of our own message counts, and what it says decides what happens next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clinic.models import DeliveryState
from integrations.authorities.hl7_oru import classify
from integrations.hl7.acknowledgement import Unreadable, build_acknowledgement, read_acknowledgement
from integrations.hl7.lint import check
from integrations.hl7.reader import read_message

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SENT = "MSH|^~\\&|CLEARWAY|NBO|UKTB|UKVI|20261120||ORU^R01^ORU_R01|NBO1|P|2.5.1|||AL|AL\r"


def answer(msa: str, *errors: str) -> bytes:
    return "\r".join(["MSH|^~\\&|UKTB|UKVI|CLEARWAY|NBO|20261120||ACK^R01^ACK|9|P|2.5.1", msa, *errors]).encode()


@pytest.mark.parametrize(("msa", "errors", "state", "own_word"), [
    ("MSA|AA|NBO1", (), DeliveryState.ACCEPTED, True),
    ("MSA|CA|NBO1", (), DeliveryState.ACCEPTED, False),
    ("MSA|ca |NBO1", (), DeliveryState.ACCEPTED, False),
    ("MSA|AE|NBO1", (), DeliveryState.QUEUED, False),
    ("MSA|CE|NBO1", ("ERR|||207^internal^HL70357|E",), DeliveryState.QUEUED, False),
    ("MSA|AE|NBO1", ("ERR||PID^1^3|206^locked^HL70357|E",), DeliveryState.QUEUED, False),
    ("MSA|AE|NBO1", ("ERR||PID^1^3|101^missing^HL70357|E||||No passport",), DeliveryState.REJECTED, False),
    ("MSA|CE|NBO1", ("ERR|||200^type^HL70357|E",), DeliveryState.REJECTED, False),
    ("MSA|AR|NBO1|not for us", (), DeliveryState.REJECTED, False),
    ("MSA|CR|NBO1", ("ERR|||207^internal^HL70357|E",), DeliveryState.REJECTED, False),
])  # fmt: skip
def test_code_decides_what_becomes_of_the_delivery(
    msa: str, errors: tuple[str, ...], state: DeliveryState, own_word: bool
) -> None:
    outcome = classify(read_acknowledgement(answer(msa, *errors)))
    assert (outcome.state, outcome.acknowledged) == (state, own_word)


def test_words_of_a_refusal_reach_the_clinic() -> None:
    refused = answer("MSA|AE|NBO1|See errors", "ERR||PID^1^3|101^Required field missing^HL70357|E||||No passport")
    assert classify(read_acknowledgement(refused)).words == "See errors; No passport"


@pytest.mark.parametrize(("orc", "state", "words"), [
    ("ORC|OK|NBO-L-1", DeliveryState.ACCEPTED, ""), ("ORC|CR|NBO-L-1", DeliveryState.ACCEPTED, ""),
    ("ORC|UC|NBO-L-1||||||||||||||^Analysed already^L", DeliveryState.REJECTED, "Unable to cancel; Analysed already"),
    ("ORC|UA|NBO-L-1\rNTE|1||Not done here", DeliveryState.REJECTED, "Unable to accept the order; Not done here"),
])  # fmt: skip
def test_message_taken_with_an_order_that_is_not_is_a_refusal(orc: str, state: DeliveryState, words: str) -> None:
    reply = answer("MSA|AA|NBO1", orc).replace(b"ACK^R01^ACK", b"ORL^O22^ORL_O22")
    outcome = classify(read_acknowledgement(reply))
    assert (outcome.state, outcome.words) == (state, words)


@pytest.mark.parametrize("reply", [
    b"", b"garbage", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"MSH|^~\\&|A|B|C|D|1||ACK|9|P|2.5.1\r",
    answer("MSA|OK|NBO1"), answer("MSA||NBO1"), b"\xff\xfe\x00", "MSH|^~\\&|".encode("utf-16"),
])  # fmt: skip
def test_reply_that_cannot_be_believed_is_no_acknowledgement(reply: bytes) -> None:
    with pytest.raises(Unreadable):
        read_acknowledgement(reply)


def test_last_segment_end_may_be_missing_and_own_number_is_not_relied_on() -> None:
    found = read_acknowledgement(b"MSH|^~\\&|A|B|C|D|20261120.5||ACK^ACK_R01|ACK|P|2.5.1\rMSA|AA|NBO1")
    assert (found.control_id, found.own_id, found.is_positive) == ("NBO1", "ACK", True)


@pytest.mark.parametrize("error", [None, ("207", "Application internal error")])
def test_our_answer_passes_the_lint_and_reads_back(error: tuple[str, str] | None) -> None:
    text = build_acknowledgement(read_message(SENT), "CE" if error else "CA", "A1", NOW, error, "Try again later")
    check(text)
    found, header = read_acknowledgement(text.encode()), read_message(text).header
    assert (found.code, found.control_id) == ("CE" if error else "CA", "NBO1")
    assert [header.get(position) for position in (3, 4, 5, 6)] == ["UKTB", "UKVI", "CLEARWAY", "NBO"]
    assert found.is_transient is bool(error) and header.get(9, 2) == "R01"
