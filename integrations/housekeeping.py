"""What grows by itself and is of no use any more: ended sign-ins, typed text nobody came for, counts of attempts."""

from __future__ import annotations

from flask import current_app

from clinic.config import get_settings
from clinic.db import write_unit
from clinic.limit import sweep_counts
from clinic.services.sign_in import sweep_sign_ins
from clinic.services.unsaved_page import sweep_pages


def tidy_up() -> dict[str, int]:
    """Sweep each, in a unit of its own; returns how many rows of each."""
    with write_unit():
        sign_ins = sweep_sign_ins(get_settings(current_app).session_hours)
    with write_unit():
        pages = sweep_pages()
    return {"sign_ins": sign_ins, "unsaved_pages": pages, "attempt_counts": sweep_counts()}
