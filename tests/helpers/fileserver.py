"""A web server on this machine that gives files, and breaks off, lies, never ends or leads elsewhere where told to."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Files by path, whole or from where ``Range`` asks.

    ``/broken...`` announces more bytes than it sends, ``/deaf...`` ignores ranges, ``/endless`` never ends and says no
    length, ``/away?URL`` redirects to URL.

    Attributes:
        url: its address, without a slash at the end.
        files: what lies at each path.
        cuts: each answer breaks off after ``cuts.pop(0)`` bytes while there are cuts.
        asked: the path of every request, in order.
        ranges: and its ``Range``.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.asked: list[str] = []
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.asked.append(self.path)
                outer.ranges.append(asked)
                if self.path.startswith("/away?"):
                    self._answer(302, Location=self.path.partition("?")[2])
                elif self.path == "/endless":
                    self._answer(200)
                    for _ in range(1000):
                        self.wfile.write(bytes(1 << 16))
                elif self.path in outer.files:
                    deaf = self.path.startswith("/deaf")
                    self._send(outer.files[self.path], int(asked[6:-1]) if asked and not deaf else 0)
                else:
                    self.send_error(404)

            def _answer(self, code: int, **headers: str) -> None:
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            def _send(self, content: bytes, start: int) -> None:
                total = len(content) + (1000 if self.path.startswith("/broken") else 0)
                if start >= total:
                    self.send_error(416)
                    return
                length = str(total - start)
                if start:
                    self._answer(206, Content_Length=length, Content_Range=f"bytes {start}-{total - 1}/{total}")
                else:
                    self._answer(200, Content_Length=length)
                self.wfile.write(content[start : start + outer.cuts.pop(0) if outer.cuts else total])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
