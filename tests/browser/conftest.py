"""Headless Chromium for the tests of screens, and pages that record what the browser complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.accessibility import NOTE_LEAVING
from tests.browser.gallery import create_gallery
from tests.browser.server import serve

expect.set_options(timeout=20_000)  # what is expected comes at once, but not on a busy machine

LAUNCH_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a test picture, and is allowed without asking
    "--use-fake-ui-for-media-stream",
]


@pytest.fixture(scope="session")
def base_url() -> None:
    """No common address: every test names its own (the plugin's fixture of this name is of a deprecated kind)."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium, as root and without calling home."""
    # The shell is the same engine without windows: it needs half of the time for the same pages.
    found = (shutil.which(name) for name in ("chromium-headless-shell", "chromium"))
    executable = os.environ.get("CHROMIUM") or next(filter(None, found), None)
    if not executable:
        pytest.skip("install chromium-headless-shell or chromium, or name it in CHROMIUM")
    return {**browser_type_launch_args, "executable_path": executable, "args": LAUNCH_ARGUMENTS}


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """The plugin's context, whose pages know that they are about to be left (see `await_page`)."""
    context.add_init_script(NOTE_LEAVING)
    return context


ANSWERED = ("Failed to load resource", "Response Status Error Code 4")


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser's console complained about on `page` (blocked by policy, failed scripts); none at the end."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A 4xx answer on purpose also prints a line, htmx another; the status is the test's own business.
        if message.type in ("error", "warning") and not any(words in message.text for words in ANSWERED):
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """Address of the pages that show every macro."""
    with serve(create_gallery()) as address:
        yield address
