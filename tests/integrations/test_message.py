"""Messages in words: names of fields, values unescaped, the report as a link, narratives without anything foreign."""

from __future__ import annotations

import json

import pytest

from clinic.ports import MessageField, MessageInWords
from integrations.hl7.dictionary import name_component, name_field
from integrations.message import LONGEST, find_report, read_message_in_words
from integrations.narrative import clean_narrative

ORU = (
    "MSH|^~\\&|CLEARWAY|NBO|SANDBOX|UK|20261120120000+0300||ORU^R01^ORU_R01|NBO1|T|2.5.1|||AL|AL||UNICODE UTF-8\r"
    "PID|1||NBO-C-1^^^CLEARWAY&1.2.3&ISO^MR~AA1\\T\\2^^^KEN^PPN||Wanjirũ^Grace^^^^^L~وانجيرو^^^^^^L^A\r"
    "OBX|1|CWE|8480-6^Systolic^LN||A^Yes \\F\\ no\\.br\\twice^99CW||||||F\r"
    "OBX|2|ED|RPT-PDF^Report^99CW||CLEARWAY^application^pdf^Base64^JVBERi0xLjQ=||||||F\r"
    "ZZZ|local\r"
).encode()


def read(body: bytes) -> MessageInWords:
    found = read_message_in_words(body)
    assert found is not None
    return found


def get_field(message: MessageInWords, place: str) -> MessageField:
    return next(field for part in message.parts for field in part.fields if field.place == place)


def test_fields_have_the_standards_names_and_their_own_values() -> None:
    message = read(ORU)
    assert [part.code for part in message.parts] == ["MSH", "PID", "OBX", "OBX", "ZZZ"]
    assert message.parts[1].name == "Patient identification"
    identifiers = get_field(message, "PID-3")
    assert identifiers.name == "Patient identifier list"
    assert identifiers.values == (
        (("ID number", "NBO-C-1"), ("Assigning authority", "CLEARWAY · 1.2.3 · ISO"), ("Identifier type code", "MR")),
        (("ID number", "AA1&2"), ("Assigning authority", "KEN"), ("Identifier type code", "PPN")),
    )
    assert [value[0][1] for value in get_field(message, "PID-5").values] == ["Wanjirũ", "وانجيرو"]
    assert get_field(message, "OBX-5").values == (
        (("Identifier", "A"), ("Text", "Yes | no\ntwice"), ("Name of coding system", "99CW")),
    )
    assert get_field(message, "MSH-1").values == ((("", "|"),),)
    assert get_field(message, "MSH-10").values == ((("", "NBO1"),),)


def test_separators_in_free_text_are_letters_of_it() -> None:
    note = b"OBX|3|TX|R^Remark^99CW||R&D \\T\\ 10^9 cells||||||F\rNTE|1||Ring A&E^soon~then\r"
    message = read(ORU + note)
    assert message.parts[-1].fields[1].values == ((("", "Ring A&E^soon"),), (("", "then"),))
    found = [field for part in message.parts for field in part.fields if field.place == "OBX-5"]
    assert found[-1].values == ((("", "R&D & 10^9 cells"),),)


def test_report_is_named_and_never_printed_as_text() -> None:
    message = read(ORU)
    report = [field for part in message.parts for field in part.fields if field.is_report]
    assert [field.place for field in report] == ["OBX-5"]
    assert find_report(ORU) == b"%PDF-1.4"
    assert find_report(b"MSH|^~\\&|A\rPID|1\r") is None
    assert find_report(ORU.replace(b"JVBERi0xLjQ=", b"no base64!")) is None
    long = ORU.replace(b"JVBERi0xLjQ=", b"A" * (LONGEST + 1))
    assert len(read(long).text) < LONGEST


@pytest.mark.parametrize("content", ["é", "%%%", "QQ"])
def test_report_that_is_no_base64_is_none(content: str) -> None:
    assert find_report(ORU.replace(b"JVBERi0xLjQ=", content.encode())) is None


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[1]", b'{"receipt": "X"}', b"MSH", b"\xff\xfe",
                                  b"[" * 20_000])
def test_what_is_no_message_is_none(body: bytes) -> None:
    assert read_message_in_words(body) is None


def test_unknown_segments_and_fields_keep_their_codes() -> None:
    message = read(ORU)
    assert message.parts[-1].name == "ZZZ"
    assert (name_field("ZZZ", 1), name_field("PID", 99), name_component("PID", 99, 1)) == ("", "", "")


def test_document_is_read_by_its_sections() -> None:
    composition = {"resourceType": "Composition", "title": "Medical examination", "section": [
        {"title": "Result", "text": {"div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Class <b>B1</b></p></div>'},
         "section": [{"title": "Films", "text": {"div": "no xml"}}]},
    ]}  # fmt: skip
    body = json.dumps({"resourceType": "Bundle", "entry": [{"resource": composition}]}).encode()
    message = read(body)
    assert message.title == "FHIR · Bundle · Medical examination"
    assert [(part.name, part.narrative) for part in message.parts] == [
        ("Result", "<div><p>Class <b>B1</b></p></div>"), ("Films", ""),
    ]
    assert '"resourceType": "Bundle"' in message.text


@pytest.mark.parametrize(("given", "clean"), [
    ('<div><script>alert(1)</script><p onclick="x()" class="y">A &lt;b&gt;</p></div>', "<div><p>A &lt;b&gt;</p></div>"),
    ('<div><a href="javascript:x()">link</a><img src="x"/> rest</div>', "<div>link rest</div>"),
    ('<div><table><tr><td colspan="2&quot;">1</td></tr></table><br/></div>',
     '<div><table><tr><td colspan="2&#34;">1</td></tr></table><br></div>'),
    ('<!DOCTYPE x [<!ENTITY a "b">]><div>&a;</div>', ""),
    ("<div><h1>Loud</h1></div>", "<div><h4>Loud</h4></div>"),
])  # fmt: skip
def test_narrative_keeps_text_and_loses_what_is_foreign(given: str, clean: str) -> None:
    assert clean_narrative(given) == clean
