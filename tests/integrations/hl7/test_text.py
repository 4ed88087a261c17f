"""Escapes, separators and lines: what is written reads back, what strangers write is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.hl7.charset import UnknownCharset, decode
from integrations.hl7.composer import SegmentDraft, compose
from integrations.hl7.escape import Delimiters, escape, unescape
from integrations.hl7.reader import NotHl7, read_message

HEADER = "MSH|^~\\&|LAB|L1|CLEARWAY|NBO|20261120||ORU^R01^ORU_R01|7|P|2.5.1\r"
printable = st.text(st.characters(blacklist_categories=("Cs", "Cc")))


@given(printable)
def test_escaped_text_reads_back(text: str) -> None:
    assert unescape(escape(text)) == text
    assert not set("|^&~\r") & set(escape(text))


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_whatever_is_typed_stays_within_its_field(text: str) -> None:
    message = read_message(HEADER + compose([SegmentDraft("OBX", {1: "1", 5: (text, "next"), 6: "unit"})]))
    segment = message.find("OBX")
    assert len(message.segments) == 2 and segment is not None
    assert (segment.get(5, 2), segment.get(6)) == ("next", "unit")


def test_line_break_survives_only_in_formatted_text() -> None:
    assert escape("a\r\nb", formatted=True) == "a\\.br\\b" and unescape("a\\.br\\b") == "a\nb"
    assert escape("a\nb") == "a b"


def test_layout_of_formatted_text_leaves_its_lines_and_blanks() -> None:
    assert unescape("\\.in+4\\a\\.sp\\b\\.BR\\c\\.sp2\\d\\.ce\\e\\.sk3\\f\\.fi\\") == "a\nb\nc\n\nd\ne   f"


@pytest.mark.parametrize("text", ["C:\\temp", "\\Z12\\", "\\C2842\\", "\\X4\\", "a\\", "\\.spx\\"])
def test_unknown_or_unterminated_sequence_keeps_its_characters(text: str) -> None:
    assert unescape(text) == text


def test_hexadecimal_holds_bytes_of_the_messages_encoding() -> None:
    assert unescape("\\XC3A9\\") == "é" and unescape("\\XE9\\", Delimiters(encoding="latin-1")) == "é"
    assert unescape("\\XFF\\") == "\\XFF\\"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_line_end_ends_a_segment(end: str) -> None:
    message = read_message(HEADER.replace("\r", end) + f"PID|1{end}{end}OBX|1|NM{end}")
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBX"]


def test_separators_are_those_the_message_declares() -> None:
    message = read_message("MSH#*!?@#LAB#L1###20261120##ORU*R01#7#P#2.3\rPID#1##1*2@3!4")
    pid = message.find("PID")
    assert pid is not None and message.kind == "ORU^R01" and message.control_id == "7"
    assert (pid.get(3), pid.get(3, 2, 2), pid.get(3, repetition=2)) == ("1", "3", "4")


def test_escapes_mean_the_separators_the_message_declares() -> None:
    message = read_message("MSH#*!?@#LAB#L1###20261120##ORU*R01#7#P#2.3#####PHL#8859/1\r"
                           "OBX#1#ST#A##a?F?b?S?c?T?d?R?e?E?f \\F\\ caf?XE9?######F")
    obx = message.find("OBX")
    assert obx is not None and obx.get_text(5) == obx.get(5) == "a#b*c@d!e?f \\F\\ café"


def test_hexadecimal_is_read_in_the_encoding_of_the_header() -> None:
    text = "MSH|^~\\&|A|B|C|D|20261120||ORU^R01|7|P|2.5.1||||||8859/15\rOBX|1|ST|A||5 \\XA4\\||||||F\r"
    obx = read_message(text).find("OBX")
    assert obx is not None and obx.get(5) == "5 €"
    assert read_message(text.replace("8859/15", "SOMETHING")).segments[1].get(5) == "5 \\XA4\\"


def test_fifth_encoding_character_is_no_obstacle() -> None:
    assert read_message(HEADER.replace("^~\\&|", "^~\\&#|")).control_id == "7"


def test_positions_beyond_the_end_are_empty_and_raw_text_is_untouched() -> None:
    text = HEADER + "OBX|1|ST||| a |^^\r"
    segment = read_message(text).find("OBX")
    assert segment is not None and segment.get(40) == "" and segment.get(5) == " a " and segment.get(6, 9) == ""
    assert str(read_message(text)) == text


@pytest.mark.parametrize("text", ["", "PID|1", "MSH", "MSH|^^~&|x", "\x0bMSH|^~\\&|"])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(NotHl7):
        read_message(text)


@pytest.mark.parametrize(("name", "codec"), [
    ("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("utf8", "utf-8"), ("GB 18030-2000", "gb18030"), ("", "utf-8")])
def test_characters_follow_the_header(name: str, codec: str) -> None:
    text = f"MSH|^~\\&|A|B|C|D|20261120||ORU^R01|7|P|2.5.1||||||{name}\rPID|1||||Bänsch"
    assert decode(text.encode(codec)) == text


def test_encoding_nobody_knows_is_said() -> None:
    with pytest.raises(UnknownCharset):
        decode(b"MSH|^~\\&|A|B|C|D|20261120||ORU^R01|7|P|2.5.1||||||CNS 11643-1992\r")


def test_trailing_empty_fields_and_components_are_left_out() -> None:
    draft = SegmentDraft("PID", {1: "1", 3: ["a", None, ("b", None)], 5: ("x", (None, "y", None), None), 9: None})
    assert draft.write() == "PID|1||a~~b||x^&y"
