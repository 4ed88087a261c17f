"""The drill's own PostgreSQL server, stopped and started as a power cut would."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg


class Server:
    """The server behind a URL on this machine; ask for its folder while it is up."""

    _folders: dict[str, tuple[Path, str]] = {}

    def __init__(self, url: str) -> None:
        self.url = url.replace("+psycopg", "")
        if self.url not in self._folders and self.is_up():
            with psycopg.connect(self.url) as connection:
                row = connection.execute("select current_setting('data_directory'), current_setting('port')").fetchone()
            assert row is not None
            self._folders[self.url] = (Path(row[0]), row[1])

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.Error:
            return False
        return True

    def stop(self) -> None:
        """End it at once, as a crash: what is not in its log is gone."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again with the settings it had."""
        self._control("-w", "start")

    def _control(self, *what: str) -> None:
        folder, _port = self._folders[self.url]
        program = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))[-1]
        options = (folder / "postmaster.opts").read_text().split(" ", 1)[1].replace('"', "").strip()
        command = [str(program), "-D", str(folder), "-l", str(folder.parent / "log"), *what]
        if what[-1] == "start":
            command += ["-o", options.split(" ", 2)[2]] if options.startswith('-D') else ["-o", options]
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
