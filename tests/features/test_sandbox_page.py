"""The sandbox authority's inbox in Chromium: an HL7 message and a document in it, at every width."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from integrations.sandbox.behaviour import Patience as SandboxPatience
from integrations.sandbox.server import serving
from integrations.sandbox.store import Receipt, SandboxStore
from tests.features.look import look
from tests.features.test_delivery_monitor import ORU

pytestmark = pytest.mark.browser


def make_receipt(key: str, summary: str, acknowledged_at: str | None) -> Receipt:
    return Receipt(key, "2026-11-20T09:00:00+00:00", "b", "ab" * 32, "", "missing", 4096, summary, "UK-ABC123",
                   acknowledged_at, 2)  # fmt: skip


def test_inbox_shows_messages_and_documents_and_fits_every_screen(page: Page, tmp_path: Path) -> None:
    store = SandboxStore(tmp_path / "sandbox.sqlite3")
    store.add("uk", make_receipt("NBO0001", "Migration health assessment · WANJIRU, Grace", None), ORU.encode())
    store.add("uk", make_receipt("01a20210-c636-7ac7-b000-7de4f2746192", "Medical examination", "2026-11-20T09:01:00"),
              b'{"resourceType": "Bundle"}')  # fmt: skip
    with serving(tmp_path / "sandbox.sqlite3", patience=SandboxPatience(1, 0.02)) as address:
        page.goto(f"{address}/uk/")
        expect(page.get_by_role("link", name="Printed report (PDF)")).to_have_count(1)
        look(page, "sandbox-inbox")
        page.get_by_label("Refuse every exam").check()
        page.get_by_role("button", name="Set").click()
        expect(page.get_by_label("Refuse every exam")).to_be_checked()
        page.goto("about:blank")
