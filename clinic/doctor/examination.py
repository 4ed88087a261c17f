"""Runs every check that the packages have given, each for itself: a check that fails is a finding, not an end."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask
from sqlalchemy import text

from clinic.config import get_settings
from clinic.db import db, read_unit
from clinic.doctor.finding import Check, Finding, wrong

_PLACE = "clearway_checks"


def add_checks(app: Flask, checks: Iterable[Check]) -> None:
    """Let the doctor run `checks` too; this is how `fhir` and `integrations` give theirs."""
    app.extensions[_PLACE] = (*app.extensions.get(_PLACE, ()), *checks)


def examine(app: Flask) -> list[Finding]:
    """What every check found, in the order in which the checks were given; needs an application context."""
    settings = get_settings(app)
    checks: tuple[Check, ...] = app.extensions.get(_PLACE, ())
    fault = _find_database_fault()
    found: list[Finding] = []
    if fault:
        found.append(wrong("database", f"The database does not answer ({fault}).",
                           "Start it, or correct CLEARWAY_DATABASE_URL; what it holds was not checked."))
    for check in checks:
        if fault and getattr(check, "needs_database", False):
            continue
        try:
            found += check(settings)
        except Exception as error:  # its text may hold a value: the kind says enough
            found.append(wrong(check.__name__.removeprefix("check_").replace("_", "-"),
                               f"This could not be checked ({type(error).__name__}).",
                               "Mend what else is named here, then ask again."))
    return found


def _find_database_fault() -> str | None:
    try:
        with read_unit():
            db.session.execute(text("select 1"))
    except Exception as error:
        db.session.rollback()
        return type(error).__name__
    return None
