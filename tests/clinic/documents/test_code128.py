"""Code 128: the symbols against worked examples, the label against a decoder that is not ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from clinic.documents.code128 import count_modules, draw_code128, encode
from clinic.documents.label import Label, print_labels, write_zpl
from clinic.documents.referral import print_referral
from clinic.errors import NotNow
from clinic.identifier import to_key
from clinic.services import lab_order
from tests.factory import make_case, make_user


def test_symbols_of_worked_examples() -> None:
    # "PJJ123C" of the standard's common example in set B: 104 48 42 42 17 18 19 35, check 55.
    assert encode("PJJ123C") == [104, 48, 42, 42, 17, 18, 19, 35, 55, 106]
    assert encode("00123456") == [105, 0, 12, 34, 56, (105 + 0 + 2 * 12 + 3 * 34 + 4 * 56) % 103, 106]
    assert encode("NBOS000123C")[5:9] == [99, 0, 1, 23], "six digits inside go in pairs"


@pytest.mark.parametrize("text", ["", "ä", "a\n"])
def test_what_cannot_stand_in_bars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        encode(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=24))
def test_any_text_reads_back_symbol_by_symbol(text: str) -> None:
    symbols = encode(text)
    read, in_c = "", symbols[0] == 105
    for symbol in symbols[1:-2]:
        if (in_c and symbol == 100) or (not in_c and symbol == 99):
            in_c = not in_c
        else:
            read += f"{symbol:02}" if in_c else chr(symbol + 32)
    assert read == text
    weights = [symbols[0], *(place * symbol for place, symbol in enumerate(symbols[1:-2], 1))]
    assert sum(weights) % 103 == symbols[-2]
    assert count_modules(text) == 20 + 11 * (len(symbols) - 1) + 13


def test_bars_are_hidden_from_readers_and_as_wide_as_counted() -> None:
    svg = draw_code128("NBOS000123C")
    assert 'aria-hidden="true"' in svg
    assert f'viewBox="0 0 {count_modules("NBOS000123C")} 40"' in svg


@pytest.fixture
def label() -> Label:
    return Label("NBO-S-000123-C", "OTIENO, Łukasz", "05-Jan-1991", "IGRA set", "2 of 4", "02-Mar-2026 07:30")


@pytest.mark.peers
def test_decoder_reads_every_printed_label(app: Flask, label: Label, tmp_path: Path) -> None:
    labels = [label, Label("LONGSITE-S-999999-Z", "B, C", "05-Jan-1991", "Serum", "", "02-Mar-2026")]
    with app.test_request_context():
        (tmp_path / "labels.pdf").write_bytes(print_labels(labels))
    # 203 dots an inch: the coarsest printer in use.
    subprocess.run(["pdftoppm", "-r", "203", "-png", "labels.pdf", "page"], cwd=tmp_path, check=True)
    picture = next(tmp_path.glob("page*.png"))
    said = subprocess.run(["zbarimg", "-q", picture.name], cwd=tmp_path, check=True, capture_output=True,
                          text=True)
    assert sorted(said.stdout.split()) == ["CODE-128:LONGSITES999999Z", "CODE-128:NBOS000123C"]
    text = subprocess.run(["pdftotext", "-layout", "labels.pdf", "-"], cwd=tmp_path, check=True,
                          capture_output=True, text=True).stdout
    assert "OTIENO, Łukasz" in text and "05-Jan-1991 · 2 of 4" in text and "NBO-S-000123-C" in text


def test_label_printer_gets_one_form_for_each_label_and_no_command_of_a_name(label: Label) -> None:
    text = write_zpl([label, Label("NBO-S-000124-A", "^XZ~JA", "05-Jan-1991", "Serum", "", "02-Mar-2026")])
    assert text.count("^XA") == text.count("^XZ") == 2
    assert "^BCN,72,N,N,N,A^FDNBOS000123C^FS" in text and "Łukasz" in text
    assert "^FD_5eXZ_7eJA^FS" in text


@pytest.mark.peers
def test_referral_letter_carries_photo_place_bars_and_every_order_in_work(app: Flask, tmp_path: Path) -> None:
    user = make_user("labtech")
    case = make_case("us", user=make_user("reception"))
    orders = [lab_order.order_test(case, test, user, "asked by the physician") for test in ("haemoglobin", "hba1c")]
    gone = lab_order.order_test(case, "alt", user, "doubled")
    lab_order.cancel_order(gone, "doubled", user)
    with app.test_request_context():
        pdf = print_referral(orders[0].referral, lab_order.list_orders(case), user)
    (tmp_path / "letter.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-r", "203", "-png", "letter.pdf", "page"], cwd=tmp_path, check=True)
    picture = next(tmp_path.glob("page*.png"))
    said = subprocess.run(["zbarimg", "-q", picture.name], cwd=tmp_path, check=True, capture_output=True,
                          text=True).stdout.split()
    numbers = [orders[0].referral.number, *(order.number for order in orders)]
    assert sorted(said) == sorted(f"CODE-128:{to_key(number)}" for number in numbers)
    text = subprocess.run(["pdftotext", "-layout", "letter.pdf", "-"], cwd=tmp_path, check=True,
                          capture_output=True, text=True).stdout
    assert case.applicant.family_name in text and "Haemoglobin" in text and "to be taken" in text
    assert gone.number not in text


def test_letter_of_nothing_is_refused(app: Flask) -> None:
    user = make_user("labtech")
    order = lab_order.order_test(make_case("us", user=make_user("reception")), "alt", user, "x")
    lab_order.cancel_order(order, "doubled", user)
    with app.test_request_context(), pytest.raises(NotNow, match="order a test first"):
        print_referral(order.referral, [order], user)
