"""What a laboratory sends over the line: kept as it came, then acknowledged; refused only for what is knowable."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flask import Flask
from sqlalchemy import select

from clinic.db import db, write_unit
from clinic.models import InboundMessage, InboundState, InboundWay, Laboratory
from integrations.hl7.acknowledgement import AnswerForm, build_acknowledgement
from integrations.hl7.frame import FrameReader, wrap
from integrations.hl7.reader import read_message
from integrations.inbound import line as line_module
from integrations.inbound.listener import build_context, listening
from tests.factory import make_laboratory
from tests.integrations.certificate import CertificateFiles, make_authority_and_leaves
from tests.integrations.factory import close_unit

ORU = (
    "MSH|^~\\&|CENTRALLAB|LAB01|CLEARWAY|NBO|20260302090000+0300||ORU^R01^ORU_R01|L1|P|2.5.1\r"
    "PID|1||NBO-C-26-000001^^^CLEARWAY^MR||ประเสริฐ^Grace||19910105|F\r"
    "OBR|1|ORD-1^CLEARWAY|LAB-1^LAB01|HEPB^Hepatitis B^99LAB\r"
    "OBX|1|CWE|HBSAG^Surface antigen^99LAB||NEG^Negative^99LAB||NEG|N|||F\r"
)


@pytest.fixture
def laboratory_id(app: Flask) -> str:
    """A laboratory without a certificate, so that it is taken on this machine without TLS."""
    made = make_laboratory().id
    close_unit()
    return made


def converse(port: int, content: bytes, count: int = 1, context: ssl.SSLContext | None = None) -> list[bytes]:
    """Say everything at once and read `count` answers, or what came until the listener hung up."""
    found, reader = [], FrameReader()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        line = context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain
        line.sendall(content)
        while len(found) < count and (piece := line.recv(65536)):
            found += reader.feed(piece)
        if context:
            line.close()
    return found


def ask(app: Flask, text: str | bytes, count: int = 1) -> list[bytes]:
    with listening(app) as port:
        return converse(port, wrap(text.encode() if isinstance(text, str) else text), count)


def list_rows() -> list[InboundMessage]:
    db.session.rollback()
    return list(db.session.execute(select(InboundMessage).order_by(InboundMessage.id)).scalars())


def test_results_are_kept_as_they_came_and_then_acknowledged(app: Flask, laboratory_id: str) -> None:
    (answer,) = ask(app, ORU)
    assert b"MSA|AA|L1" in answer and answer.startswith(b"MSH|^~\\&|CLEARWAY|NBO|CENTRALLAB|LAB01|")
    (row,) = list_rows()
    assert (row.raw, row.laboratory_id, row.way, row.state, row.kind, row.answer) == (
        ORU.encode(), laboratory_id, InboundWay.MLLP, InboundState.NEW, "ORU^R01", answer)
    assert row.sha256 == hashlib.sha256(ORU.encode()).hexdigest() and row.peer.startswith("127.0.0.1:")


def test_same_message_again_gets_the_same_answer_and_is_kept_once(app: Flask, laboratory_id: str) -> None:
    first = ask(app, ORU)
    with listening(app) as port:
        again = converse(port, wrap(ORU.encode()) * 3, 3)
    assert again == first * 3
    assert [row.times for row in list_rows()] == [4]


def test_number_that_begins_anew_every_day_is_another_message(app: Flask, laboratory_id: str) -> None:
    with listening(app) as port:
        assert len(converse(port, wrap(ORU.encode()) + wrap(ORU.replace("NEG", "POS").encode()), 2)) == 2
    assert len(list_rows()) == 2


@pytest.mark.parametrize(("before", "after", "code"), [
    ("|CLEARWAY|", "|SOMEBODY|", "207"), ("|NBO|2026", "|KSM|2026", "207"), ("|LAB01|CLEAR", "|LAB02|CLEAR", "207"),
    ("ORU^R01^ORU_R01", "ORU^R30^ORU_R30", "201"), ("ORU^R01^ORU_R01", "ADT^A40^ADT_A39", "200"),
    ("ORU^R01^ORU_R01", "", "200"), ("|P|2.5.1", "|T|2.5.1", "202"), ("|P|2.5.1", "|P|3.0", "203"),
    ("|L1|", "||", "101"), ("|P|2.5.1\r", "|P|2.5.1||||||CNS 11643-1992\r", "102"),
])  # fmt: skip
def test_what_is_knowable_at_once_is_refused_with_its_code(
    app: Flask, laboratory_id: str, before: str, after: str, code: str
) -> None:
    assert before in ORU
    (answer,) = ask(app, ORU.replace(before, after, 1))
    assert b"MSA|AR" in answer and f"|{code}^".encode() in answer
    assert list_rows() == []


@pytest.mark.parametrize("text", [
    ORU.replace("ORU^R01^ORU_R01", "ORU^R01"), ORU.replace("|2.5.1", "|2.5.1^USA"), ORU.replace("|2.5.1", "|2.3"),
    ORU.replace("^~\\&|CENTRAL", "^~\\&#|CENTRAL"), ORU.split("PID")[0], ORU + "ZXX|own\rdg1|x\r",
    ORU.replace("HBSAG^", "NOBODY KNOWS^"), ORU.replace("\r", "\n"), ORU.replace("\r", "\r\n"),
    ORU.replace("\r", "\r\r"), "\ufeff" + ORU, ORU.replace("19910105", "05/01/91"), ORU + "OBX|1|NM|A||abc||||||Q\r",
    ORU.replace("|", "#"), ORU.rstrip("\r"), ORU.replace("Grace", "C:\\temp"),
])  # fmt: skip
def test_content_is_our_work_and_never_a_refusal(app: Flask, laboratory_id: str, text: str) -> None:
    (answer,) = ask(app, text)
    assert b"AA" in answer and b"L1" in answer
    assert list_rows()[0].raw == text.encode()


@pytest.mark.parametrize(("charset", "codec"), [("8859/1", "latin-1"), ("", "cp874"), ("GB 18030-2000", "gb18030"),
                                                ("BIG-5", "big5"), ("UNICODE UTF-8", "latin-1")])  # fmt: skip
def test_characters_of_every_kind_are_kept_and_acknowledged(
    app: Flask, laboratory_id: str, charset: str, codec: str
) -> None:
    """Big5 has characters with 0x5C and 0x7C inside; the last one lies about its bytes, which a person will see."""
    name = {"big5": "功許", "gb18030": "丂王", "cp874": "ประเสริฐ"}.get(codec, "Müller")
    text = ORU.replace("ประเสริฐ", name).replace("|P|2.5.1\r", f"|P|2.5.1||||||{charset}\r")
    (answer,) = ask(app, text.encode(codec))
    assert b"MSA|AA|L1" in answer
    assert list_rows()[0].raw == text.encode(codec)


def test_enhanced_mode_is_answered_as_asked(app: Flask, laboratory_id: str) -> None:
    (answer,) = ask(app, ORU.replace("|P|2.5.1\r", "|P|2.5.1|||AL|NE\r"))
    assert b"MSA|CA|L1" in answer
    with listening(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(wrap(ORU.replace("|L1|P|2.5.1\r", "|L2|P|2.5.1|||NE|NE\r").encode()))
        line.sendall(wrap(ORU.replace("|L1|", "|L3|").encode()))
        assert b"MSA|AA|L3" in line.recv(65536), "to the message before nothing is said"
    assert [row.control_id for row in list_rows()] == ["L1", "L2", "L3"]


def test_two_messages_in_one_packet_and_noise_between_are_each_answered(app: Flask, laboratory_id: str) -> None:
    frames = b"\n\r\0".join(wrap(ORU.replace("|L1|", f"|N{number}|").encode()) for number in range(5))
    with listening(app) as port:
        answers = converse(port, b"\r\n" + frames + b"\n", 5)
        assert [f"MSA|AA|N{number}".encode() in answers[number] for number in range(5)] == [True] * 5
        begun_anew = b"\x0bMSH|half a mess" + wrap(ORU.replace("|L1|", "|again|").encode())
        assert b"|again" in converse(port, begun_anew)[0]


def test_large_report_is_taken_quickly_and_one_beyond_the_limit_is_hung_up_on(
    app: Flask, laboratory_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = (ORU + "OBX|2|ED|RPT-PDF||LAB01^application^pdf^Base64^" + "QUJD" * 500_000 + "||||||F\r").encode()
    with listening(app) as port:
        begun = time.monotonic()
        assert b"MSA|AA|L1" in converse(port, wrap(large))[0]
        assert time.monotonic() - begun < 8, "800 kB took a well-known server that long"
        monkeypatch.setattr(line_module, "FrameReader", lambda: FrameReader(100_000))
        with suppress(OSError):  # it may hang up while we speak
            assert converse(port, wrap(large)) == []
        assert b"MSA|AA|L1" in converse(port, wrap(large[:50_000]))[0]
    assert list_rows()[0].raw == large


def test_message_that_drips_or_never_ends_is_given_up(
    app: Flask, laboratory_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is for the whole message: a byte now and then does not keep a connection."""
    monkeypatch.setattr(line_module, "MESSAGE_SECONDS", 0.3)
    with listening(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        begun, is_open = time.monotonic(), True
        line.sendall(wrap(ORU.encode())[:50])
        line.settimeout(0.05)
        while is_open and time.monotonic() - begun < 10:
            try:
                line.sendall(b"M")
                is_open = line.recv(10) != b""
            except TimeoutError:
                continue
            except OSError:
                is_open = False
        assert not is_open


def test_flood_of_connections_leaves_the_others_served(
    app: Flask, laboratory_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "CONNECTIONS", 5)
    with listening(app) as port:
        held = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(5)]
        held[0].sendall(wrap(ORU.encode()))
        assert b"MSA|AA|L1" in held[0].recv(65536)
        assert converse(port, b"") == []
        for line in held:
            line.close()


@pytest.fixture
def certificates(tmp_path: Path) -> CertificateFiles:
    """An authority, our certificate and two clients'."""
    return make_authority_and_leaves(tmp_path)


@contextmanager
def secured(app: Flask, files: CertificateFiles) -> Iterator[int]:
    with listening(app, context=build_context(str(files.server), str(files.authority))) as port:
        yield port


def show(files: CertificateFiles, certificate: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.authority))
    if certificate:
        context.load_cert_chain(certificate)
    return context


def read_fingerprint(certificate: Path) -> str:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


def set_laboratory(laboratory_id: str, **values: object) -> None:
    with write_unit() as session:
        laboratory = session.get_one(Laboratory, laboratory_id)
        for name, value in values.items():
            setattr(laboratory, name, value)


def test_certificate_proves_the_laboratory(app: Flask, laboratory_id: str, certificates: CertificateFiles) -> None:
    with secured(app, certificates) as port:
        (answer,) = converse(port, wrap(ORU.encode()), context=show(certificates, certificates.client))
        assert b"MSA|AR|L1" in answer and b"certificate" in answer, "none is registered yet"
    set_laboratory(laboratory_id, fingerprint=read_fingerprint(certificates.client))
    with secured(app, certificates) as port:
        (answer,) = converse(port, wrap(ORU.encode()), context=show(certificates, certificates.client))
        assert b"MSA|AA|L1" in answer
        (answer,) = converse(port, wrap(ORU.encode()), context=show(certificates, certificates.other))
        assert b"MSA|AR|L1" in answer, "vouched for, and somebody else's"
        with suppress(OSError):
            assert converse(port, wrap(ORU.encode()), context=show(certificates, None)) == []
    assert [row.way for row in list_rows()] == [InboundWay.MLLP_TLS]


def test_without_encryption_a_certificate_s_owner_is_not_believed(app: Flask, laboratory_id: str) -> None:
    set_laboratory(laboratory_id, fingerprint="ab" * 32)
    assert b"MSA|AR|L1" in ask(app, ORU)[0]
    set_laboratory(laboratory_id, plain_allowed=True)
    assert b"MSA|AA|L1" in ask(app, ORU)[0]


def test_laboratory_out_of_use_is_a_stranger_and_a_new_one_is_known_at_once(app: Flask, laboratory_id: str) -> None:
    set_laboratory(laboratory_id, active=False)
    with listening(app) as port:
        assert b"MSA|AR|L1" in converse(port, wrap(ORU.encode()))[0]
        set_laboratory(laboratory_id, active=True)
        assert b"MSA|AA|L1" in converse(port, wrap(ORU.encode()))[0]


@pytest.mark.parametrize("ending", ["", "&\\T\\"])
def test_answers_of_one_sender_differ_in_their_times_and_numbers_alone(
    app: Flask, laboratory_id: str, ending: str
) -> None:
    """Those to usual headers are filled into a form; a number that must be read first makes a header unusual."""
    frames = [wrap(ORU.replace("|L1|", f"|N{number}{ending}|").encode()) for number in range(3)]
    with listening(app) as port:
        answers = [converse(port, frame)[0].decode().split("\r") for frame in frames]
    assert [answer[1] for answer in answers] == [f"MSA|AA|N{number}" for number in range(3)]
    heads = [answer[0].split("|") for answer in answers]
    assert len({head[9] for head in heads}) == 3
    assert len({tuple(text for place, text in enumerate(head) if place not in (6, 9)) for head in heads}) == 1


@pytest.mark.parametrize(("code", "error"), [("AA", None), ("CR", ("207", "Error"))])
def test_form_of_answers_says_what_is_said_without_it(code: str, error: tuple[str, str] | None) -> None:
    first, second = (read_message(ORU.replace("|L1|", number)) for number in ("|L1|", "|L2.7-a:b/c_d|"))
    form, now = AnswerForm(first, code, error, "why"), datetime(2026, 11, 29, tzinfo=UTC)
    for moment in (now, now, now + timedelta(seconds=1), now):
        written = form.fill("own", moment, second.control_id)
        assert written == build_acknowledgement(second, code, "own", moment, error, "why")


@pytest.mark.parametrize("sender", ["\\XEE8080\\LAB", "\ue001LAB", "LAB\x1b$B"])
def test_header_that_must_be_read_first_is_answered_all_the_same(app: Flask, laboratory_id: str, sender: str) -> None:
    """Some have characters that mark the places in a form of answers, by an escape or as they are."""
    set_laboratory(laboratory_id, application=read_message(ORU.replace("CENTRALLAB", sender)).header.get(3))
    with listening(app) as port:
        answers = [converse(port, wrap(ORU.replace("CENTRALLAB", sender).replace("|L1|", f"|M{number}|").encode()))[0]
                   for number in range(2)]
    assert [f"MSA|AA|M{number}\r".encode() in answer for number, answer in enumerate(answers)] == [True, True]
