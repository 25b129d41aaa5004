"""Archives and images from strangers start nothing and write nowhere; and the sources hold no way to run a file."""

from __future__ import annotations

import ast
import io
import lzma
import tarfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.repo import REPO
from PIL import EpsImagePlugin, Image

from adshift.data import mvtec
from adshift.data.check.headers import read_header
from adshift.data.images import read_image, read_mask
from adshift.errors import AdshiftError

# Archives


def packed(path: Path, *members: tuple[tarfile.TarInfo, bytes | None]) -> Path:
    with tarfile.open(path, "w:xz") as tar:
        for info, content in members:
            tar.addfile(info, None if content is None else io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


FOREIGN = {
    "symbolic link inside": (member("link", tarfile.SYMTYPE, "good.png"), "is neither a file nor a folder"),
    "symbolic link out": (member("link", tarfile.SYMTYPE, "../../victim"), "is neither a file nor a folder"),
    "hard link inside": (member("link", tarfile.LNKTYPE, "good.png"), "is neither a file nor a folder"),
    "hard link out": (member("link", tarfile.LNKTYPE, "../victim"), "is neither a file nor a folder"),
    "character device": (member("null", tarfile.CHRTYPE), "is neither a file nor a folder"),
    "block device": (member("disk", tarfile.BLKTYPE), "is neither a file nor a folder"),
    "pipe": (member("pipe", tarfile.FIFOTYPE), "is neither a file nor a folder"),
    "dots": (member("../evil.png"), "outside the destination"),
    "dots inside": (member("a/../../evil.png"), "outside the destination"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_member_ends_the_unpacking(tmp_path: Path, name: str) -> None:
    foreign, says = FOREIGN[name]
    path = packed(tmp_path / "a.tar.xz", (member("good.png", size=3), b"one"), (foreign, None))
    (tmp_path / "victim").write_text("mine")
    with pytest.raises(AdshiftError, match=rf"a\.tar\.xz cannot be unpacked \(.*{says}"):
        mvtec.unpack(path, tmp_path / "in" / "target")
    assert not list(tmp_path.rglob("evil*"))
    assert (tmp_path / "victim").read_text() == "mine"
    assert not list(tmp_path.rglob("link"))


def test_an_archive_that_holds_too_much_is_refused_before_it_is_written(tmp_path: Path) -> None:
    bomb = packed(tmp_path / "a.tar.xz", (member("a.png", size=50_000_000), bytes(50_000_000)))
    assert bomb.stat().st_size < 20_000
    with pytest.raises(AdshiftError, match=r"cannot be unpacked \(it holds more than 1000000 bytes"):
        mvtec.unpack(bomb, tmp_path / "target", limit=1_000_000)
    assert list((tmp_path / "target").iterdir()) == []


def test_many_small_members_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mvtec, "MAX_MEMBERS", 10)
    crowd = packed(tmp_path / "a.tar.xz", *((member(f"{i}.png"), None) for i in range(11)))
    with pytest.raises(AdshiftError, match="or 10 files"):
        mvtec.unpack(crowd, tmp_path / "target")


@pytest.mark.parametrize("size", [1 << 40, 1 << 27])
def test_a_header_that_claims_any_size_is_not_read(tmp_path: Path, size: int) -> None:
    """tarfile reads an extended header whole: this one says that it is a terabyte, or unpacks to 128 MB of nothing."""
    header = member("long", tarfile.XHDTYPE, size=size).tobuf(tarfile.GNU_FORMAT)
    with lzma.open(tmp_path / "a.tar.xz", "wb", preset=0) as out:
        out.write(header)
        for _ in range(min(size, 1 << 27) >> 20):
            out.write(bytes(1 << 20))
    with pytest.raises(AdshiftError, match=r"cannot be unpacked \(.*absurd size"):
        mvtec.unpack(tmp_path / "a.tar.xz", tmp_path / "target")


# Images


def test_a_postscript_file_called_png_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would hand it to Ghostscript."""
    started: list[object] = []

    def ghostscript(*arguments: object, **_: object) -> object:
        started.append(arguments)
        return Image.new("RGB", (10, 10)).im

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", ghostscript)
    path = tmp_path / "a.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    with pytest.raises(AdshiftError, match=r"a\.png cannot be read \(it is none of PNG, JPEG, BMP, TIFF, WEBP\)"):
        read_image(path)
    assert started == []
    with Image.open(path) as image:  # without the project's care it would have been
        image.load()
    assert len(started) == 1


# The source itself

FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def sources() -> list[Path]:
    return [
        *sorted((REPO / "adshift").rglob("*.py")),
        *sorted(REPO.glob("*.py")),
        *sorted((REPO / "benchmarks").glob("*.py")),
    ]


def offences(tree: ast.AST) -> list[str]:
    """Calls and imports by which a file could run code, in any spelling that the sources use."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"import {name}" for name in names if name.split(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
        if name in FORBIDDEN_CALLS or name in ("os.system", "os.popen", "hydra.utils.instantiate", "instantiate"):
            found.append(name)
        if name.endswith("torch.load") and given.get("weights_only") is not True:
            found.append(f"{name} without weights_only=True")
        if name in ("np.load", "numpy.load") and given.get("allow_pickle", False) is not False:
            found.append(f"{name} with allow_pickle")
        if given.get("shell") is True:
            found.append(f"{name} with a shell")
        if (
            name.endswith("yaml.load")
            or name.endswith(".extractall")
            or (name.endswith("tar.extract") and "filter" not in given)
        ):
            found.append(name)
        if name in ("Image.open", "PIL.Image.open") and "formats" not in {k.arg for k in node.keywords}:
            found.append(f"{name} without formats")
    return found


def test_the_sources_hold_no_way_to_run_a_file() -> None:
    for path in sources():
        assert offences(ast.parse(path.read_text(encoding="utf-8"))) == [], path


CAUGHT = ["import pickle", "from joblib import load", "eval(x)", "torch.load(p)", "np.load(p, allow_pickle=True)",
          "torch.load(p, weights_only=False)", "subprocess.run(c, shell=True)", "Image.open(p)", "tar.extractall(p)",
          "yaml.load(x)", "os.system(c)"]  # fmt: skip


@pytest.mark.parametrize("line", CAUGHT)
def test_the_search_finds_them(line: str) -> None:
    assert offences(ast.parse(line))


def test_one_place_alone_imports_what_a_file_names() -> None:
    """``target_of``, behind its checks; elsewhere the name is a constant."""
    found = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                found[path.name] = isinstance(node.args[0], ast.Constant)
    assert [name for name, constant in found.items() if not constant] == ["build.py"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_any_bytes_are_an_image_or_a_named_error(tmp_path: Path, suffix: str) -> None:
    """Seeded damage to sound files: bytes changed, cut out, doubled. Nothing but the project's own error comes out."""
    generator = np.random.default_rng(7)
    buffer = io.BytesIO()
    image = Image.fromarray(generator.integers(0, 256, (16, 24, 3)).astype(np.uint8))
    image.save(buffer, {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper()))
    sound = buffer.getvalue()
    path = tmp_path / f"a.{suffix}"
    said: list[str] = []
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(300):
            content = bytearray(sound)
            for place in generator.integers(0, min(len(content), 400), generator.integers(1, 6)):
                content[place] = int(generator.integers(0, 256))
            cut, length = (int(x) for x in generator.integers(0, len(content), 2))
            if generator.random() < 0.5:
                del content[cut : cut + length // 8]
            path.write_bytes(content)
            for read in (read_image, read_mask, read_header):
                try:
                    read(path)
                except AdshiftError as error:
                    said.append(str(error))
    assert len(said) > 100
    assert not any("\n" in line for line in said)
    assert time.perf_counter() - started < 30
