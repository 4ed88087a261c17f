"""The command: every line with its verdict and what to do, JSON for machines, exit 1 when anything is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Flask

from clinic import clock
from clinic.config import Settings
from clinic.db import db, set_mode
from clinic.doctor.examination import add_checks, examine
from clinic.doctor.finding import Finding, good, wrong
from clinic.models import Heartbeat
from tests.factory import make_user

OTHER_PACKAGES = {"canonical-base", "destinations", "mllp"}


def run(app: Flask, *options: str) -> tuple[int, str]:
    db.session.commit()
    set_mode("read")
    done = app.test_cli_runner().invoke(args=["doctor", *options])
    return done.exit_code, done.output


def test_anything_wrong_ends_with_one_and_says_what_to_do(app: Flask) -> None:
    code, output = run(app)
    assert code == 1
    assert "WRONG    worker: The worker has never run: nothing is sent.\n         → Start it" in output
    assert output.rstrip().splitlines()[-1].endswith(" wrong")


def test_json_says_the_same_and_names_the_worst(app: Flask) -> None:
    code, output = run(app, "--json")
    told = json.loads(output)
    assert (code, told["verdict"]) == (1, "wrong")
    assert {"verdict", "subject", "words", "todo"} == set(told["findings"][0])
    assert {one["subject"] for one in told["findings"]} >= OTHER_PACKAGES, "fhir and integrations give theirs too"


def test_sound_installation_ends_with_zero(app: Flask) -> None:
    app.extensions["clearway_checks"] = [lambda _settings: [good("everything", "It is well.")]]
    assert run(app) == (0, "good     everything: It is well.\n1 good, 0 warning, 0 wrong\n")


def test_check_that_fails_is_a_finding_without_what_it_was_about(app: Flask) -> None:
    def check_moon(_settings: Settings) -> Iterator[Finding]:
        yield good("moon", "It is there.")
        raise ValueError("Grace Wanjiru")

    add_checks(app, [check_moon, lambda _settings: [wrong("after", "It came.", "Look.")]])
    db.session.commit()
    found = examine(app)
    assert found[-1].subject == "after"
    assert found[-2].words == "This could not be checked (ValueError)."
    assert not any("Grace" in str(one) for one in found)


def test_output_holds_no_secret_and_no_person(app: Flask, settings: Settings) -> None:
    user = make_user("admin", name="Ruth Cherono")
    db.session.add(Heartbeat(name="worker", beat_at=clock.now()))
    output = run(app)[1] + run(app, "--json")[1]
    for secret in (settings.secret_key, user.name, user.email, str(settings.var_dir)):
        assert secret not in output
