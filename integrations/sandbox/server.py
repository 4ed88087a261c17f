"""Serves the sandbox authorities in a process or a thread of their own."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import FrameType

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from clinic.config import load_settings
from integrations.sandbox.app import AUTHORITIES, create_sandbox
from integrations.sandbox.behaviour import Patience
from integrations.sandbox.laboratory import Clinic, examining
from integrations.sandbox.mllp import listening
from integrations.sandbox.signature import Verifier, fetch_from
from integrations.sandbox.store import SandboxStore

log = logging.getLogger("sandbox")


class QuietHandler(WSGIRequestHandler):
    """Logs a line for each request, without the client's address, and says only who answers."""

    server_version = "ClearwaySandbox"
    sys_version = ""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line: what was asked and what was answered."""
        log.info("%s %s -> %s", self.command, self.path, code)


def build_server(
    path: Path, port: int, patience: Patience | None = None, verifier: Verifier | None = None,
    clinic_port: int = 2575,
) -> BaseWSGIServer:  # fmt: skip
    """A server over the SQLite file `path` on 127.0.0.1; port 0 takes a free one (`server.port` tells which)."""
    app = create_sandbox(path, patience, verifier, clinic_port)
    return make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)


@contextmanager
def serving(
    path: Path, port: int = 0, patience: Patience | None = None, verifier: Verifier | None = None,
    clinic_port: int = 2575,
) -> Iterator[str]:  # fmt: skip
    """Serve in a thread for as long as the block runs; gives the address, such as `http://127.0.0.1:8090`."""
    patience = patience or Patience()
    server = build_server(path, port, patience, verifier, clinic_port)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        patience.end_waits()
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve on the port of the settings until somebody ends the process."""
    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    patience = Patience()
    verifier = Verifier(fetch_from(settings.base_url))
    path = settings.var_dir / "sandbox.sqlite3"
    server = build_server(path, settings.sandbox_port, patience, verifier, settings.mllp_port)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        patience.end_waits()
        Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("sandbox authorities at http://127.0.0.1:%d/", server.port)
    log.info("sandbox authorities at mllp://127.0.0.1:%d/", settings.sandbox_mllp_port)
    log.info("sandbox laboratory at mllp://127.0.0.1:%d/", settings.sandbox_lab_mllp_port)
    with (listening(SandboxStore(path), frozenset(AUTHORITIES), settings.sandbox_mllp_port, patience),
          examining(Clinic(settings.mllp_port), settings.sandbox_lab_mllp_port)):
        server.serve_forever(poll_interval=0.2)
    server.server_close()


if __name__ == "__main__":
    main()
