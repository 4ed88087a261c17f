"""Commands of an installation that is no demo: a first site and its staff, refused in one sentence when wrong."""

from __future__ import annotations

import pytest
from flask import Flask

from clinic.db import read_unit, set_mode
from clinic.services.staff import find_user

SITE = ("site", "add", "mnl", "--name", "Manila", "--city", "Manila", "--country", "phl", "--time-zone", "Asia/Manila")
USER = ("user", "add", "dr@clinic.example", "--name", "Dr A", "--role", "physician", "--site", "mnl")
GOOD = ("--password", "a long enough one")


def _run(app: Flask, *words: str) -> tuple[int, str]:
    set_mode("read")
    done = app.test_cli_runner().invoke(args=list(words))
    return done.exit_code, done.output


def test_first_site_and_physician_can_sign_in(app: Flask) -> None:
    assert _run(app, *SITE) == (0, "Site MNL added.\n")
    assert _run(app, *USER, "--authorise", "us", *GOOD)[0] == 0
    set_mode("write")
    page = app.test_client().post("/sign-in", data={"email": "dr@clinic.example", "password": GOOD[1]})
    assert page.status_code == 302 and page.location == "/"
    set_mode("read")
    with read_unit():
        user = find_user("dr@clinic.example")
        assert user is not None and [a.programme for a in user.authorisations] == ["us"]


def test_disabled_account_cannot_sign_in(app: Flask) -> None:
    _run(app, *SITE)
    _run(app, *USER, *GOOD)
    assert _run(app, "user", "disable", "dr@clinic.example")[0] == 0
    set_mode("write")
    page = app.test_client().post("/sign-in", data={"email": "dr@clinic.example", "password": GOOD[1]})
    assert page.status_code != 302


def test_resets_are_commands_for_accounts_that_exist(app: Flask) -> None:
    _run(app, *SITE)
    _run(app, *USER, *GOOD)
    code, output = _run(app, "user", "reset-password", "dr@clinic.example")
    assert code == 0 and output.startswith("Code: ") and "/sign-in/new-password" in output
    assert _run(app, "user", "reset-mfa", "DR@clinic.example")[0] == 0
    for command in ("reset-password", "reset-mfa"):
        assert _run(app, "user", command, "nobody@clinic.example")[0] == 1
    _run(app, "user", "disable", "dr@clinic.example")
    code, output = _run(app, "user", "reset-password", "dr@clinic.example")
    assert code == 1 and "disabled" in output


@pytest.mark.parametrize(("words", "sentence"), [
    ((*USER, "--password", "short"), "at least 12"),
    ((*USER[:-1], "zzz", *GOOD), "no site ZZZ"),
    ((*USER, "--role", "king", *GOOD), "Choose roles among"),
    ((*USER, "--authorise", "xx", *GOOD), "Choose programmes among"),
    (SITE, "Choose another code"),
])
def test_wrong_word_gets_one_sentence(app: Flask, words: tuple[str, ...], sentence: str) -> None:
    _run(app, *SITE)
    code, output = _run(app, *words)
    assert code == 1 and sentence in output and "Traceback" not in output


def test_framework_brings_no_commands_past_the_audit(app: Flask) -> None:
    names = app.cli.list_commands(app.test_cli_runner())  # type: ignore[arg-type]
    assert {"users", "roles"}.isdisjoint(names)
    assert {"backup", "restore", "export-store", "import-store"} <= set(names)
