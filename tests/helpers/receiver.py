"""Somebody on this machine who is told things by POST, and refuses, sleeps, goes and comes back where told to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """A web server that keeps what is POSTed to it.

    Attributes:
        url: its address, the same after ``back``.
        status: what it answers; what it refuses counts as told too, but it does not have it.
        sleep: seconds before it answers.
        away: where it sends with a status of 300 to 399.
        told: the id of every POST, in order, whatever became of it.
        has: (id, kind, body) of all that it took.
        headers: of the last POST.
    """

    def __init__(self) -> None:
        self.status, self.sleep, self.away = 200, 0.0, ""
        self.told: list[str] = []
        self.has: list[tuple[str, str, Any]] = []
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.headers = {name.lower(): value for name, value in self.headers.items()}
                id_, status = self.headers["Idempotency-Key"], outer.status
                outer.told.append(id_)
                time.sleep(outer.sleep)
                if 200 <= status < 300:
                    outer.has.append((id_, self.headers["X-Adshift-Kind"], body))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", outer.away)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # whoever asked has gone: that is what is tested
                pass

        self._handler, self._class = Handler, Server
        self._begin(0)
        self.url = f"http://127.0.0.1:{self._port}/hook"

    def _begin(self, port: int) -> None:
        self._server = self._class(("127.0.0.1", port), self._handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()

    def back(self) -> None:
        """Listen again, on the same port."""
        self._begin(self._port)
