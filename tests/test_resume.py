"""Downloads that break off, lie, never end, lead elsewhere or meet each other, against a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_download import CARPET, archive

from adshift import download as module
from adshift.data import mvtec
from adshift.download import download
from adshift.errors import AdshiftError

PAYLOAD = bytes(range(251)) * 9000
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()


class Server:
    """One file that understands ``Range``; each answer is cut after ``cuts.pop(0)`` bytes while there are cuts.

    ``/endless`` never ends and says no length, ``/deaf`` ignores ranges, ``/away?URL`` redirects to URL.
    """

    def __init__(self) -> None:
        self.content = PAYLOAD
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                if self.path.startswith("/away?"):
                    self.send_response(302)
                    self.send_header("Location", self.path.partition("?")[2])
                    self.end_headers()
                elif self.path == "/endless":
                    self.send_response(200)
                    self.end_headers()
                    for _ in range(1000):
                        self.wfile.write(bytes(1 << 16))
                else:
                    self._send(int(asked[6:-1]) if asked and self.path != "/deaf" else 0, bool(asked))

            def _send(self, start: int, partial: bool) -> None:
                total = len(outer.content)
                if start >= total:
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
                self.send_header("Content-Length", str(total - start))
                self.end_headers()
                self.wfile.write(outer.content[start : start + outer.cuts.pop(0) if outer.cuts else total])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def get(server: Server, folder: Path, path: str = "/file.bin", **options: int) -> None:
    download(f"{server.url}{path}", folder / "file.bin", sha256=DIGEST, remedy="see to it", **options)


def test_a_transfer_that_breaks_off_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cuts = [500_000, 700_000]
    get(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert server.ranges == [None, "bytes=500000-", "bytes=1200000-"]
    assert names(tmp_path) == ["file.bin"]


def test_another_call_goes_on_where_the_last_one_was(server: Server, tmp_path: Path) -> None:
    server.cuts = [500_000, 0]
    with pytest.raises(
        AdshiftError, match=r"broke off after 500000 of 2259000 bytes; the next call goes on from there"
    ):
        get(server, tmp_path)
    assert names(tmp_path) == [".file.bin.part"]
    server.ranges.clear()
    get(server, tmp_path)
    assert server.ranges == ["bytes=500000-"]
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert names(tmp_path) == ["file.bin"]


def test_a_whole_part_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(PAYLOAD)
    get(server, tmp_path)
    assert names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("part", [b"another file", PAYLOAD + b"more", b"x" * len(PAYLOAD)])
def test_a_part_of_another_file_is_fetched_anew(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / ".file.bin.part").write_bytes(part)
    get(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert names(tmp_path) == ["file.bin"]


def test_a_server_without_ranges_sends_it_whole(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(PAYLOAD[:1000])
    get(server, tmp_path, "/deaf")
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD


def test_what_is_wrong_is_removed_resumed_or_not(server: Server, tmp_path: Path) -> None:
    server.content = PAYLOAD[:-1] + b"!"
    for part in (None, PAYLOAD[:1000]):
        if part is not None:
            (tmp_path / ".file.bin.part").write_bytes(part)
        with pytest.raises(AdshiftError, match=r"has sha256 .*, expected .*; the file was removed: see to it"):
            get(server, tmp_path)
        assert names(tmp_path) == []


def test_an_endless_answer_is_cut_and_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match="it is larger than 3000000 bytes"):
        get(server, tmp_path, "/endless", limit=3_000_000)
    assert names(tmp_path) == []


@pytest.mark.parametrize("url", ["http://example.org/a.pth", "ftp://example.org/a.pth", "file:///etc/passwd", "a.pth"])
def test_nothing_but_https_is_asked(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib.request.OpenerDirector.open", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(AdshiftError, match="is no https address"):
        download(url, tmp_path / "a.pth", sha256=DIGEST, remedy="")
    assert names(tmp_path) == []


@pytest.mark.parametrize("target", ["http://example.org/a.pth", "ftp://example.org/a.pth", "file:///etc/passwd"])
def test_a_redirection_to_a_plain_address_is_not_followed(server: Server, target: str, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"is no https address|could not be downloaded"):
        get(server, tmp_path, f"/away?{target}")
    assert names(tmp_path) == []
    get(server, tmp_path, f"/away?{server.url}/file.bin")
    assert names(tmp_path) == ["file.bin"]


def test_two_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: get(server, tmp_path), range(4)))
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert names(tmp_path) == ["file.bin"]
    assert len(server.ranges) == 1


def test_an_archive_whose_unpacking_was_cut_short_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.content = archive(*CARPET)
    digest = hashlib.sha256(server.content).hexdigest()
    root = tmp_path / "mvtec"

    (tmp_path / ".mvtec.unpacking.old").mkdir()  # what a killed process left
    (tmp_path / ".mvtec.tar.xz").write_bytes(server.content)
    mvtec.ensure(root, ["carpet"], url=f"{server.url}/a", sha256=digest)
    assert server.ranges == []
    assert (root / "carpet/train/good/000.png").read_bytes() == b"one"
    assert names(tmp_path) == ["mvtec"]


def test_two_processes_install_one_archive(server: Server, tmp_path: Path) -> None:
    server.content = archive(*CARPET)
    digest = hashlib.sha256(server.content).hexdigest()
    with ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(mvtec.ensure, tmp_path / "mvtec", ["carpet"], url=f"{server.url}/a", sha256=digest)
            for _ in range(3)
        ]
        for call in calls:
            call.result()
    assert len(server.ranges) == 1
    assert names(tmp_path) == ["mvtec"]


def test_the_limit_lets_the_official_files_through() -> None:
    assert module.MAX_BYTES > 5 * 10**9
    assert mvtec.MAX_UNPACKED_BYTES > 6 * 10**9
