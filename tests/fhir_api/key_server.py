"""An authority's web server that publishes its keys, on loopback, with every way of answering wrongly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyServer:
    """What it answers (`status`, `body`, `location`), and how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.status, self.location, self.asked = 200, "", 0
        self.body = b""
        self.publish(*keys)
        self.url = ""

    def publish(self, *keys: dict[str, Any]) -> None:
        """Answer with these keys from now on."""
        self.body = json.dumps({"keys": list(keys)}).encode()


@contextmanager
def serve_keys(*keys: dict[str, Any]) -> Iterator[KeyServer]:
    """A server on a free port; `url` is the address of its key set."""
    told = KeyServer(*keys)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            if told.location:
                self.send_header("Location", told.location)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_args: object) -> None:
            """Nothing: a test's output stays readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/keys/jwks.json"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
