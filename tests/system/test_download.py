"""Downloads against a server on this machine: whole and checked, or nothing."""

from __future__ import annotations

import hashlib
import io
import lzma
import random
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.archives import CARPET, ZIPPER, Member, archive
from helpers.fileserver import FileServer
from torchvision.models import resnet18

from adshift.data import mvtec
from adshift.errors import AdshiftError
from adshift.features.weights import fetch_imagenet
from adshift.system.download import download, sha256_prefix_of

PAYLOAD = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(PAYLOAD).hexdigest()


@pytest.fixture
def server(server: FileServer) -> FileServer:
    """Whole at ``/file.bin`` and broken off at ``/broken.bin``."""
    server.files |= {"/file.bin": PAYLOAD, "/broken.bin": PAYLOAD}
    return server


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


@pytest.mark.parametrize("digits", [64, 8])
def test_a_whole_file_arrives_with_a_progress_bar(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], digits: int
) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    download(f"{server.url}/file.bin", path, sha256=DIGEST[:digits], remedy="none")
    assert path.read_bytes() == PAYLOAD
    assert tree(tmp_path) == ["new", "new/folder", "new/folder/file.bin"]
    assert "download file.bin" in capsys.readouterr().err


def test_a_wrong_checksum_leaves_nothing(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError) as caught:
        download(f"{server.url}/file.bin", tmp_path / "file.bin", sha256="0" * 64, remedy="take another")
    for part in (f"{server.url}/file.bin", DIGEST, "expected 000", "take another"):
        assert part in str(caught.value)
    assert tree(tmp_path) == []


def test_a_wrong_file_leaves_the_one_that_was_there(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"old")
    with pytest.raises(AdshiftError):
        download(f"{server.url}/file.bin", tmp_path / "file.bin", sha256="0" * 64, remedy="")
    assert tree(tmp_path) == ["file.bin"]
    assert (tmp_path / "file.bin").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "reason"), [("broken.bin", "broke off after 2304000 of 2305000 bytes|IncompleteRead"), ("gone", "404|Not")]
)
def test_a_failed_transfer_names_url_reason_and_remedy(
    server: FileServer, tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(AdshiftError, match=reason) as caught:
        download(f"{server.url}/{name}", tmp_path / name, sha256=DIGEST, remedy="fetch it elsewhere")
    assert str(caught.value).startswith(f"{server.url}/{name} could not be downloaded (")
    assert str(caught.value).endswith("fetch it elsewhere")
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == ([".broken.bin.part"] if name == "broken.bin" else [])  # to be gone on with


def test_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(AdshiftError, match=r"could not be downloaded \(.*refused.*\); plug the cable in"):
        download(f"http://127.0.0.1:{port}/x", tmp_path / "x", sha256=DIGEST, remedy="plug the cable in")
    assert tree(tmp_path) == []


def test_the_hash_in_a_file_name() -> None:
    assert sha256_prefix_of("resnet50-0676ba61.pth") == "0676ba61"
    for name in ("resnet50.pth", "resnet50-xyz.pth"):
        with pytest.raises(AdshiftError, match="carries no hash"):
            sha256_prefix_of(name)


Ensure = Callable[..., None]


@pytest.fixture
def ensure(server: FileServer, tmp_path: Path) -> Ensure:
    """``mvtec.ensure`` into tmp_path/data/mvtec, from an archive of these members."""

    def call(*members: Member, categories: tuple[str, ...] = ("carpet",), sha256: str | None = None) -> None:
        content = server.files["/mvtec.tar.xz"] = archive(*members)
        digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
        mvtec.ensure(tmp_path / "data" / "mvtec", categories, url=f"{server.url}/mvtec.tar.xz", sha256=digest)

    return call


def test_the_archive_is_installed_whole_and_its_licence_printed(
    ensure: Ensure, server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(*CARPET, *ZIPPER, categories=("carpet", "zipper"))
    root = tmp_path / "data" / "mvtec"
    assert (root / "carpet/train/good/000.png").read_bytes() == b"one"
    assert (root / "zipper/test/good/000.png").read_bytes() == b"two"
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["mvtec"]
    assert "CC BY-NC-SA 4.0" in capsys.readouterr().out
    ensure(*CARPET)
    assert server.asked == ["/mvtec.tar.xz"]  # the second call fetched nothing


def test_an_empty_folder_is_filled_and_a_used_one_is_left_alone(
    ensure: Ensure, server: FileServer, tmp_path: Path
) -> None:
    root = tmp_path / "data" / "mvtec"
    root.mkdir(parents=True)
    ensure(*CARPET)
    assert (root / "carpet").is_dir()
    (root / "carpet/train/good/000.png").write_bytes(b"mine")
    ensure(*CARPET, *ZIPPER, categories=("zipper",))
    assert (root / "carpet/train/good/000.png").read_bytes() == b"mine"
    assert not (root / "zipper").exists()
    assert len(server.asked) == 1


def test_cells_that_start_together_download_once(server: FileServer, tmp_path: Path) -> None:
    content = server.files["/mvtec.tar.xz"] = archive(*CARPET)
    root, digest = tmp_path / "data" / "mvtec", hashlib.sha256(content).hexdigest()
    together = threading.Barrier(4)

    def cell(_: int) -> None:
        together.wait()
        mvtec.ensure(root, ["carpet"], url=f"{server.url}/mvtec.tar.xz", sha256=digest)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(cell, range(4)))
    assert server.asked == ["/mvtec.tar.xz"]
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mvtec"]


@pytest.mark.parametrize(
    "member",
    [
        ("../evil", b"out", ""),
        ("carpet/../../../evil", b"out", ""),
        ("carpet/link", None, "../../../evil"),
        ("carpet/absolute", None, "/etc"),
    ],
)
def test_members_that_lead_out_are_refused_and_nothing_is_left(ensure: Ensure, tmp_path: Path, member: Member) -> None:
    with pytest.raises(AdshiftError, match="cannot be unpacked"):
        ensure(*CARPET, member)
    assert tree(tmp_path) == ["data"]
    assert not list(tmp_path.parent.glob("evil*"))


def test_an_absolute_path_stays_inside(ensure: Ensure, tmp_path: Path) -> None:
    target = tmp_path / "evil"
    ensure(*CARPET, (str(target), b"out", ""))
    assert not target.exists()
    inside = tmp_path / "data" / "mvtec" / str(target).lstrip("/")
    assert inside.read_bytes() == b"out"


def test_a_file_through_a_link_that_leads_out_is_refused(ensure: Ensure, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(AdshiftError, match="cannot be unpacked"):
        ensure(*CARPET, ("door", None, str(outside)), ("door/evil", b"out", ""))
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "data" / "mvtec").exists()


def test_a_missing_category_and_a_wrong_checksum_leave_nothing(ensure: Ensure, tmp_path: Path) -> None:
    with pytest.raises(AdshiftError, match=r"holds no folder zipper; fetch .* data=synthetic, which needs no download"):
        ensure(*CARPET, categories=("carpet", "zipper"))
    assert tree(tmp_path) == ["data"]
    with pytest.raises(AdshiftError, match=r"has sha256 .*, expected fff.*data\.root=FOLDER"):
        ensure(*CARPET, sha256="f" * 64)
    assert tree(tmp_path) == ["data"]


NOISE = random.Random(0).randbytes(200_000)
WHOLE = archive(*CARPET, ("carpet/noise.png", NOISE, ""), ("carpet/more.png", NOISE[::-1], ""))
BROKEN = {
    "no archive": b"no archive",
    "no tar": lzma.compress(b"no tar"),
    "cut": WHOLE[:150_000],
    "spoilt": WHOLE[:100_000] + bytes(1000) + WHOLE[101_000:],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_refused(server: FileServer, tmp_path: Path, content: bytes) -> None:
    server.files["/a.tar.xz"] = content
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(AdshiftError, match=r"^archive \.mvtec\.tar\.xz cannot be unpacked \(.*\); fetch it again$"):
        mvtec.ensure(tmp_path / "mvtec", ["carpet"], url=f"{server.url}/a.tar.xz", sha256=digest)
    assert tree(tmp_path) == []


def test_an_unknown_category_is_refused_before_anything_is_fetched(
    ensure: Ensure, server: FileServer, tmp_path: Path
) -> None:
    with pytest.raises(AdshiftError, match=r"category=sofa is not in MVTec AD \(bottle, .*\); .* data=folder"):
        ensure(*CARPET, categories=("carpet", "sofa"))
    assert (server.asked, tree(tmp_path)) == ([], [])


def test_without_a_network_the_error_says_what_to_fetch_and_where_to_put_it(server: FileServer, tmp_path: Path) -> None:
    root = tmp_path / "data" / "mvtec"
    with pytest.raises(AdshiftError) as caught:
        mvtec.ensure(root, ["carpet"], url=f"{server.url}/gone.tar.xz", sha256=DIGEST)
    for part in (
        f"{server.url}/gone.tar.xz", f"{root}/carpet/train/good/000.png", "ROOT/CATEGORY/train/good, test/DEFECT",
        "ground_truth/DEFECT", "data.root=FOLDER", "data=synthetic",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_official_archive_is_the_one_of_the_design() -> None:
    assert mvtec.ARCHIVE_SHA256 == "cf4313b13603bec67abb49ca959488f7eedce2a9f7795ec54446c649ac98cd3d"
    assert mvtec.ARCHIVE_URL.startswith("https://")
    assert len(mvtec.CATEGORIES) == len(set(mvtec.CATEGORIES)) == 15


@pytest.fixture
def imagenet(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torchvision's address of ResNet-18 turned to the server; returns where the file will be cached."""
    buffer = io.BytesIO()
    torch.save(resnet18(weights=None).state_dict(), buffer)
    content = buffer.getvalue()
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    server.files[f"/{name}"] = content
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    entry = {"IMAGENET1K_V1": SimpleNamespace(url=f"{server.url}/{name}")}
    monkeypatch.setattr("torchvision.models.get_model_weights", lambda _: entry)
    return tmp_path / "home" / "hub" / "checkpoints" / name


def test_imagenet_weights_are_fetched_once_and_checked(imagenet: Path, server: FileServer) -> None:
    state = fetch_imagenet("resnet18")
    assert set(state) == set(resnet18(weights=None).state_dict())
    assert tree(imagenet.parent) == [imagenet.name]
    fetch_imagenet("resnet18")
    assert len(server.asked) == 1


def test_spoilt_imagenet_weights_are_refused(imagenet: Path, server: FileServer) -> None:
    server.files[f"/{imagenet.name}"] += b"!"
    with pytest.raises(
        AdshiftError, match=r"has sha256 .* put it at .*, or give backbone\.weights=PATH, or take backbone=small"
    ):
        fetch_imagenet("resnet18")
    assert tree(imagenet.parent) == []
