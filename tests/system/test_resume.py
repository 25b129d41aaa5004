"""Downloads that break off, lie, never end, lead elsewhere or meet each other, against a server on this machine."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.archives import CARPET, archive
from helpers.fileserver import FileServer

from adshift.data import mvtec
from adshift.errors import AdshiftError
from adshift.system import download as module
from adshift.system.download import download

PAYLOAD = bytes(range(251)) * 9000
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()


@pytest.fixture
def server(server: FileServer) -> FileServer:
    """Gives one file, at a path that understands ranges and at one that does not."""
    server.files |= {"/file.bin": PAYLOAD, "/deaf.bin": PAYLOAD}
    return server


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def get(server: FileServer, folder: Path, path: str = "/file.bin", **options: int) -> None:
    download(f"{server.url}{path}", folder / "file.bin", sha256=DIGEST, remedy="see to it", **options)


def test_a_transfer_that_breaks_off_goes_on_where_it_was(server: FileServer, tmp_path: Path) -> None:
    server.cuts = [500_000, 700_000]
    get(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert server.ranges == [None, "bytes=500000-", "bytes=1200000-"]
    assert names(tmp_path) == ["file.bin"]


def test_another_call_goes_on_where_the_last_one_was(server: FileServer, tmp_path: Path) -> None:
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


def test_a_whole_part_needs_no_more_bytes(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(PAYLOAD)
    get(server, tmp_path)
    assert names(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("part", [b"another file", PAYLOAD + b"more", b"x" * len(PAYLOAD)])
def test_a_part_of_another_file_is_fetched_anew(server: FileServer, tmp_path: Path, part: bytes) -> None:
    (tmp_path / ".file.bin.part").write_bytes(part)
    get(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert names(tmp_path) == ["file.bin"]


def test_a_server_without_ranges_sends_it_whole(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(PAYLOAD[:1000])
    get(server, tmp_path, "/deaf.bin")
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD


def test_what_is_wrong_is_removed_resumed_or_not(server: FileServer, tmp_path: Path) -> None:
    server.files["/file.bin"] = PAYLOAD[:-1] + b"!"
    for part in (None, PAYLOAD[:1000]):
        if part is not None:
            (tmp_path / ".file.bin.part").write_bytes(part)
        with pytest.raises(AdshiftError, match=r"has sha256 .*, expected .*; the file was removed: see to it"):
            get(server, tmp_path)
        assert names(tmp_path) == []


def test_an_endless_answer_is_cut_and_removed(server: FileServer, tmp_path: Path) -> None:
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
def test_a_redirection_to_a_plain_address_is_not_followed(server: FileServer, target: str, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"is no https address|could not be downloaded"):
        get(server, tmp_path, f"/away?{target}")
    assert names(tmp_path) == []
    get(server, tmp_path, f"/away?{server.url}/file.bin")
    assert names(tmp_path) == ["file.bin"]


def test_a_file_that_is_there_and_right_is_not_asked_for(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(PAYLOAD)
    (tmp_path / ".file.bin.part").write_bytes(PAYLOAD[:1000])
    get(server, tmp_path)
    assert server.ranges == []
    assert names(tmp_path) == ["file.bin"]
    (tmp_path / "file.bin").write_bytes(PAYLOAD[:-1] + b"!")
    get(server, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert server.ranges == [None]


def test_two_at_once_fetch_it_once(server: FileServer, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: get(server, tmp_path), range(4)))
    assert (tmp_path / "file.bin").read_bytes() == PAYLOAD
    assert names(tmp_path) == ["file.bin"]
    assert len(server.ranges) == 1


def test_an_archive_whose_unpacking_was_cut_short_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    content = server.files["/a"] = archive(*CARPET)
    digest = hashlib.sha256(content).hexdigest()
    root = tmp_path / "mvtec"

    (tmp_path / ".mvtec.unpacking.old").mkdir()  # what a killed process left
    (tmp_path / ".mvtec.tar.xz").write_bytes(content)
    mvtec.ensure(root, ["carpet"], url=f"{server.url}/a", sha256=digest)
    assert server.ranges == []
    assert (root / "carpet/train/good/000.png").read_bytes() == b"one"
    assert names(tmp_path) == ["mvtec"]


def test_two_processes_install_one_archive(server: FileServer, tmp_path: Path) -> None:
    content = server.files["/a"] = archive(*CARPET)
    digest = hashlib.sha256(content).hexdigest()
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
