"""The committed style sheets, scripts and fonts are what the build wrote, and nothing we may not ship."""

from __future__ import annotations

import hashlib
import json
import re

import brotli
import pytest
from flask.testing import FlaskClient

from clinic.config import ROOT
from tests.browser.gallery import create_gallery

VENDOR = ROOT / "clinic" / "static" / "vendor"
OWN = ROOT / "clinic" / "static" / "clinic.css"
PHYSICAL = re.compile(
    r"(?<![-\w])(?:margin|padding|border|inset)?-?(?:left|right)(?:-[a-z]+)?\s*:|text-align:\s*(?:left|right)"
)


@pytest.fixture
def client() -> FlaskClient:
    return create_gallery().test_client()


def test_vendored_files_match_the_manifest() -> None:
    expected = dict(line.split("  ")[::-1] for line in (VENDOR / "MANIFEST.sha256").read_text().splitlines())
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "MANIFEST.sha256"
    }
    assert found == expected


@pytest.mark.parametrize("folder", ["govuk", "htmx", "fonts"])
def test_every_vendored_folder_carries_a_licence(folder: str) -> None:
    assert any("LICENSE" in path.name for path in (VENDOR / folder).iterdir())


def test_style_sheets_bring_no_foreign_brand_and_no_outside_address() -> None:
    for name in ("app.css", "app.rtl.css"):
        sheet = (VENDOR / "govuk" / name).read_text()
        for forbidden in ("GDS Transport", "crown", "govuk-header", "govuk-footer", "sourceMapping", "@import"):
            assert forbidden not in sheet, forbidden
        assert set(re.findall(r"url\((?!\"\.\./fonts/)[^)]{0,20}", sheet)) <= {'url("data:image/svg+xml,%3'}


def test_fonts_stay_small() -> None:
    # Chinese is 1.1 MB of it, fetched only where nothing like it is installed.
    assert sum(path.stat().st_size for path in (VENDOR / "fonts").glob("*.woff2")) < 1_800_000


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "tools" / "assets" / "package-lock.json").read_text())
    assert "resolved" not in json.dumps(lock)


def test_own_style_sheet_uses_logical_properties_only() -> None:
    assert PHYSICAL.findall(OWN.read_text()) == []
    assert PHYSICAL.findall("a { margin-left: 1px }")


def test_templates_carry_no_style_attribute_and_no_inline_handler() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        if "documents" in path.parts:
            continue  # printed things have their own rules
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\sstyle=|\son(?!e=)[a-z]+=", text), path
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script or "nonce=" in script, path


def test_hashed_address_may_be_kept_for_ever(client: FlaskClient) -> None:
    page = client.get("/list").text
    address = re.search(r'href="(/static/clinic\.css\?v=\w{12})"', page)
    assert address
    answer = client.get(address[1], headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"


def test_first_visit_stays_small_enough_for_a_slow_line(client: FlaskClient) -> None:
    page = client.get("/case", headers={"Accept-Encoding": "gzip"})
    total = len(page.data)
    assert total < 10_000
    for address in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/case").text)):
        total += len(client.get(address, headers={"Accept-Encoding": "gzip"}).data)
    assert total < 60_000


@pytest.mark.parametrize("wish", ["gzip;q=0", "gzip;q=0, br;q=0", "identity", "*;q=0"])
def test_nothing_is_packed_in_a_way_that_is_refused(client: FlaskClient, wish: str) -> None:
    answer = client.get("/case", headers={"Accept-Encoding": wish})
    assert "Content-Encoding" not in answer.headers and "<html" in answer.text
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_static_text_is_packed_once_and_asked_for_again_in_vain(client: FlaskClient) -> None:
    content = OWN.read_bytes()
    packed = client.get("/static/clinic.css?v=1", headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert packed.headers["Content-Encoding"] == "br"
    assert brotli.decompress(packed.data) == content
    assert len(packed.data) < len(content) / 5
    assert "Accept-Encoding" in packed.headers["Vary"]
    again = client.get("/static/clinic.css?v=1",
                       headers={"Accept-Encoding": "br", "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    plain = client.get("/static/clinic.css?v=1", headers={"Accept-Encoding": "identity"})
    assert plain.data == content
    assert plain.headers["ETag"] != packed.headers["ETag"]
