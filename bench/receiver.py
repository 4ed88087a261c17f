"""The least receiver: takes what comes on kept-alive connections and says that it was created."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece, or the sender waits for the rest

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(201)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Location", "/Bundle/1/_history/1")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    do_POST = do_PUT = do_GET = _answer

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
