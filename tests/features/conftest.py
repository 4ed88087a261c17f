"""A running clinic in its own process thread, headless Chromium, and pages on which each role works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from clinic.config import Settings
from clinic.db import write_unit
from tests.browser.conftest import base_url, browser_type_launch_args, complaints, context
from tests.browser.server import serve
from tests.factory import make_authority, make_site, make_user
from wsgi import create_app

__all__ = ["base_url", "browser_type_launch_args", "complaints", "context"]

ROLES = (
    "reception", "nurse", "phlebotomist", "labtech", "labsupervisor", "radiographer", "radiologist", "physician",
    "tbteam", "admin",
)


@pytest.fixture
def clinic(settings: Settings) -> Iterator[Flask]:
    """The application with one site, an authority for each destination, and one person for each role."""
    app = create_app(replace(settings, demo=True))  # the second factor has a journey of its own
    with app.app_context(), write_unit():
        site = make_site()
        for programme in ("us", "ca", "uk"):
            make_authority(programme)
        for role in ROLES:
            make_user(role, site, email=f"{role}@test.example", name=f"Test {role.capitalize()}")
    yield app


@pytest.fixture
def address(clinic: Flask) -> Iterator[str]:
    """Where it listens."""
    with serve(clinic) as where:
        yield where
