"""The worker forgets what is of no use any more, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from clinic import clock
from clinic.db import db
from clinic.limit import STRICT, Door, admit, list_buckets
from clinic.models import SignIn, SignInEnd
from clinic.services.sign_in import begin_sign_in
from clinic.services.unsaved_page import keep_page
from integrations.dispatcher import Dispatcher
from integrations.housekeeping import tidy_up
from integrations.worker import Worker
from tests.factory import make_user


def test_what_is_over_goes_and_what_stands_stays(app: Flask) -> None:
    nurse, start = make_user("nurse"), clock.now()
    begin_sign_in(nurse, "192.0.2.1", "")
    keep_page(nurse.id, "/cases", [])
    db.session.commit()
    for _each in range(STRICT.free):
        admit(list_buckets(Door.SIGN_IN, "tag", "192.0.2.1"))
    assert tidy_up() == {"sign_ins": 0, "unsaved_pages": 0, "attempt_counts": 0}
    with clock.stopped_at(start + timedelta(hours=25)):
        assert tidy_up() == {"sign_ins": 1, "unsaved_pages": 1, "attempt_counts": 3}


def test_worker_that_leads_tidies_up(app: Flask) -> None:
    sign_in_id = begin_sign_in(make_user("nurse"), "192.0.2.1", "").id
    db.session.commit()
    with clock.stopped_at(clock.now() + timedelta(hours=12)):
        Worker(app, Dispatcher(worker="first")).tidy()
        Worker(app, Dispatcher(worker="second")).tidy()  # does not lead: the first has the lease
    assert db.session.get_one(SignIn, sign_in_id).end_reason is SignInEnd.EXPIRED
