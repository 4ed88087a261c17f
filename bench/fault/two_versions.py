"""An upgrade on a running system: the version before and this one serve one database while it is migrated under load.

The version before is the commit before the newest migration (or `CLEARWAY_DRILL_OLD`), laid beside as a git worktree.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.fault.check import Check
from bench.installation import (
    TOKEN,
    Answer,
    Installation,
    Person,
    find_free_ports,
    make_settings,
    open_database,
    wait_until,
)
from clinic.config import ROOT
from tests.clinic.web.test_reception_pages import TYPED

PASSWORD = "a password for a drill only"
EMAIL = "reception@drill.example"
ROUNDS = 6  # acts of each version in every phase


def run(database: str) -> list[Check]:
    """Serve with both versions before, during and after the migration."""
    with tempfile.TemporaryDirectory(prefix="clearway-versions-") as folder, open_database(database) as url, \
            _lay_old(Path(folder) / "old") as old_root:
        settings = make_settings(Path(folder) / "var", url)
        old, new, port = Installation(settings), Installation(settings), find_free_ports(1)[0]
        old.run("migrate", root=old_root)
        before = _find_revision(settings.var_dir, url)
        old.run("site", "add", "NBO", "--name", "Nairobi", "--city", "Nairobi", "--country", "KEN", "--time-zone",
                "Africa/Nairobi", root=old_root)
        old.run("user", "add", EMAIL, "--name", "R", "--role", "reception", "--site", "NBO", "--password", PASSWORD,
                root=old_root)
        try:
            old.start("web", root=old_root)
            new.start("web", port=port)
            for one in (None, port):
                wait_until(lambda at=one: new.visit(None, "/healthz", port=at).status == 200, "both versions answer")
            loads = [_Load(old, None, "old"), _Load(new, port, "new")]
            for load in loads:
                load.start()
            wait_until(lambda: all(load.count >= ROUNDS for load in loads), "both worked on the old tables", 240)
            marks = [load.count for load in loads]
            said = new.run("migrate")
            wait_until(lambda: all(load.count >= mark + 2 * ROUNDS for load, mark in zip(loads, marks, strict=True)),
                       "both worked on the new tables", 240)
            for load in loads:
                load.stop()
            after = _find_revision(settings.var_dir, url)
            notes = old.visit(None, "/readyz").text
            knows_newer = "newer" in (old_root / "clinic/web/health.py").read_text()
        finally:
            old.end()
            new.end()
        kept = _count_applicants(settings.var_dir, url)
    told = sum(load.kept for load in loads)
    checks = [Check("the tables went forward under load", before != after, f"{before} → {after}: {said.strip()}")]
    for load in loads:
        rude = {status: count for status, count in load.statuses.items() if status not in (200, 302, 503)}
        checks.append(Check(f"the {load.name} version: no answer but what was asked, or a polite 503",
                            not rude and load.polite, f"{dict(load.statuses)}"))
    checks.append(Check("nothing that was acknowledged is lost", kept >= told > 0, f"{told} said, {kept} kept"))
    if knows_newer:
        checks.append(Check("the version before says that the database is newer", "newer than this program" in notes,
                            re.sub(r"\s+", " ", notes)[:160]))
    return checks


@contextmanager
def _lay_old(place: Path) -> Iterator[Path]:
    versions = "clinic/migrations/versions"
    newest = _git("log", "-1", "--format=%H", "--diff-filter=A", "--", versions)
    commit = os.environ.get("CLEARWAY_DRILL_OLD") or f"{newest}^"
    _git("worktree", "add", "--detach", str(place), commit)
    try:
        yield place
    finally:
        _git("worktree", "remove", "--force", str(place))


def _git(*command: str) -> str:
    done = subprocess.run(["git", *command], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class _Load(threading.Thread):
    """A member of staff who registers people and looks at lists, with one of the two versions."""

    def __init__(self, installation: Installation, port: int | None, name: str) -> None:
        super().__init__(daemon=True)
        self.installation, self.port, self.name = installation, port, name
        self.person, self._ended = Person("clearway=none"), threading.Event()
        self.statuses: Counter[int] = Counter()
        self.count = self.kept = 0
        self.polite = True

    def run(self) -> None:
        while not self._ended.is_set():
            page = self._visit("/applicants/new")
            if "/sign-in" in page.headers.get("location", ""):
                self._sign_in()
            elif token := TOKEN.search(page.text):
                self._register(token[1])
            self._visit("/cases")
            self.count += 1

    def stop(self) -> None:
        """Let the present act end."""
        self._ended.set()
        self.join(120)

    def _sign_in(self) -> None:
        token = TOKEN.search(self._visit("/sign-in").text)
        if token:
            self._visit("/sign-in", {"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]})

    def _register(self, token: str) -> None:
        word = "".join(chr(97 + int(digit)) for digit in str(self.count)).capitalize()
        form = {**TYPED, "family_name": f"{self.name.capitalize()}{word}", "given_names": word, "document-number":
                f"{self.name[0].upper()}{self.count:07}", "csrf_token": token}
        self.kept += self._visit("/applicants/new", form).status == 302

    def _visit(self, path: str, form: dict[str, str] | None = None) -> Answer:
        answer = self.installation.visit(self.person, path, form, port=self.port)
        if not (answer.status == 422 and form):  # a likely double is asked about
            self.statuses[answer.status] += 1
        if answer.status == 503:
            self.polite = self.polite and "retry-after" in answer.headers and "nothing was saved" in answer.text
        return answer


def _find_revision(folder: Path, url: str) -> str:
    return str(_ask(folder, url, "select version_num from alembic_version"))


def _count_applicants(folder: Path, url: str) -> int:
    return int(str(_ask(folder, url, "select count(*) from applicant")))


def _ask(folder: Path, url: str, query: str) -> object:
    if url:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    else:
        with sqlite3.connect(folder / "clearway.sqlite3", timeout=30) as connection:
            row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]
