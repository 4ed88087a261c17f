"""MLLP frames, however the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.hl7.frame import FrameReader, FrameTooLarge, wrap

messages = st.lists(st.binary(max_size=60).filter(lambda one: b"\x0b" not in one and b"\x1c" not in one), max_size=5)


@given(messages, st.lists(st.integers(1, 7), min_size=1), st.sampled_from([b"", b"\r\n", b"\n", b"\x00"]))
def test_messages_survive_any_cut_and_stray_bytes_between(sent: list[bytes], cuts: list[int], stray: bytes) -> None:
    line, reader, found = stray.join([b"", *map(wrap, sent), b""]), FrameReader(), []
    turn = 0
    while line:
        size = cuts[turn % len(cuts)]
        found += reader.feed(line[:size])
        line, turn = line[size:], turn + 1
    assert found == sent and not reader.is_inside


def test_frame_that_begins_anew_drops_the_broken_piece() -> None:
    assert FrameReader().feed(b"\x0bhalf a mess\x0bwhole\x1c\x0d") == [b"whole"]


@pytest.mark.parametrize("line", [b"\x0b" + b"a" * 20, b"\x0b" + b"a" * 20 + b"\x1c\x0d"])
def test_message_over_the_limit_is_refused(line: bytes) -> None:
    with pytest.raises(FrameTooLarge):
        FrameReader(limit=10).feed(line)


def test_noise_outside_frames_is_not_kept() -> None:
    reader = FrameReader(limit=10)
    for _ in range(100):
        assert reader.feed(b"noise") == []
    assert reader.feed(wrap(b"MSH")) == [b"MSH"]
