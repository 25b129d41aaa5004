"""The doctor: each kind of damage is found, named and remedied, alone or with all the others; sound data are quiet."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.images import draw
from PIL import Image

from adshift.data.acquire import acquire, verify_files
from adshift.data.check.__main__ import main
from adshift.data.check.doctor import examine
from adshift.data.check.problem import Problem
from adshift.data.check.quick import file_problems
from adshift.data.images import read_image
from adshift.data.samples import index_category
from adshift.errors import AdshiftError

SIDE = 64


def save_mask(path: Path, value: int = 255) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[20:30, 20:30] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A category ``plate`` without a fault."""
    root = tmp_path_factory.mktemp("sound")
    base = root / "plate"
    for i in range(5):
        draw(base / "train" / "good" / f"{i:03}.png", i)
    for i in range(3):
        draw(base / "test" / "good" / f"{i:03}.png", 100 + i)
    for k, kind in enumerate(("blot", "dent")):
        for i in range(2):
            draw(base / "test" / kind / f"{i:03}.png", 200 + 10 * k + i, defect=True)
            save_mask(base / "ground_truth" / kind / f"{i:03}_mask.png")
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    shutil.copytree(sound, tmp_path / "root")
    return tmp_path / "root"


def test_sound_data_have_no_problem(sound: Path) -> None:
    assert examine(sound) == []


@pytest.mark.parametrize(("width", "told"), [(127, False), (128, True), (256, True)])
def test_long_images_are_told(width: int, told: bool, root: Path) -> None:
    """From 2:1 on, in one line a category, by the doctor and before a fit; no error."""
    for i, path in enumerate(sorted((root / "plate" / "train" / "good").iterdir())):
        pixels = np.random.default_rng(i).integers(90, 160, (64, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    found = [problem for problem in examine(root) if "squares" in problem.what]
    samples = index_category(root, "plate").samples
    assert [p for p in file_problems(root, samples) if "squares" in p.what] == found
    if told:
        (problem,) = found
        assert (problem.severity, problem.file) == ("warning", "plate")
        assert f"has 5 of 2:1 or longer ({width} x 64)" in problem.what
        assert f"{width / 64:.1f} times as coarse" in problem.what
    else:
        assert found == []


Damage = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """Damage to the category's folder, and every problem that must be found: severity, file, words, in this order."""

    damage: Damage
    expected: tuple[tuple[str, str, str], ...]
    before_a_fit: bool | None = None
    """Whether the checks before a fit refuse it too; None: where the first problem is an error."""


def _remove(name: str) -> Damage:
    def damage(base: Path) -> None:
        path = base / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def _keep_part(name: str, share: float) -> Damage:
    def damage(base: Path) -> None:
        (base / name).write_bytes((base / name).read_bytes()[: int(share * (base / name).stat().st_size)])

    return damage


def _save(name: str, make: Callable[[np.ndarray], Image.Image], **options: object) -> Damage:
    """Replace an image by another form of itself; ``name`` may have another suffix than the file there."""

    def damage(base: Path) -> None:
        (old,) = (base / name).parent.glob((base / name).stem + ".*")
        image = make(read_image(old))
        old.unlink()
        image.save(base / name, **options)  # type: ignore[arg-type]

    return damage


def _copy(source: str, target: str) -> Damage:
    return lambda base: (base / target).parent.mkdir(exist_ok=True) or shutil.copy(base / source, base / target)  # type: ignore[func-returns-value, return-value]


def _rename(source: str, target: str) -> Damage:
    return lambda base: (base / source).rename(base / target) and None


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _link(name: str, target: str) -> Damage:
    def damage(base: Path) -> None:
        (base / name).unlink(missing_ok=True)
        (base / name).symlink_to(target)

    return damage


def _bomb(base: Path) -> None:
    """30000 x 30000 pixels in a file of a few hundred bytes: the header alone must be believed."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 30000, 30000, 1, 0, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    (base / "train/good/000.png").write_bytes(data)


def _outside(base: Path) -> None:
    outside = base.parent.parent / "outside.png"
    draw(outside, 900)
    _link("test/good/000.png", str(outside))(base)


def _grey(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0].copy())


def _transparent(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([pixels, np.full(pixels.shape[:2], 9, np.uint8)]))


def _marked(value: int, shape: tuple[int, int] = (SIDE, SIDE)) -> Damage:
    return lambda base: Image.fromarray(np.full(shape, value, np.uint8)).save(base / "ground_truth/blot/000_mask.png")


def _as(mode: str) -> Callable[[np.ndarray], Image.Image]:
    return lambda pixels: Image.fromarray(pixels).convert(mode)


ORPHANS = [
    ("warning", f"ground_truth/{kind}/{i}_mask.png", "belongs to no image")
    for kind in ("blot", "dent")
    for i in ("000", "001")
]
MASK = "ground_truth/blot/000_mask.png"
CASES: dict[str, Case] = {
    "no train folder": Case(_remove("train"), (("error", "train/good", "holds no image; put the defect-free"),), True),
    "no test folder": Case(_remove("test"), (
        ("warning", "test", "holds no image"),
        *ORPHANS,
    )),
    "no test normals": Case(_remove("test/good"), (("warning", "test/good", "holds no image"),)),
    "one train image": Case(lambda base: [p.unlink() for p in sorted((base / "train/good").iterdir())[1:]] and None, (
        ("warning", "train/good", "holds 1 image, of which split=study leaves 0"),
        ("warning", "train/good", "holds 1 image, of which split=standard leaves 0"),
    )),
    "no defects": Case(lambda base: [shutil.rmtree(base / n) for n in ("test/blot", "test/dent", "ground_truth")] and None,
                       (("warning", "test", "holds no defective image"),)),
    "too few defects": Case(lambda base: [shutil.rmtree(base / n) for n in ("test/dent", "ground_truth/dent")] and None,
                            (("warning", "test", "2 defective images, of which split=study leaves 0"),)),
    "empty file": Case(_keep_part("train/good/001.png", 0), (("error", "train/good/001.png", "is empty"),)),
    "truncated": Case(_keep_part("test/blot/001.png", 0.5), (("error", "test/blot/001.png", "cannot be read"),)),
    "no image": Case(lambda base: (base / "test/good/001.png").write_text("text") and None,
                     (("error", "test/good/001.png", "it is none of PNG, JPEG, BMP, TIFF"),)),
    "truncated mask": Case(_keep_part(MASK, 0.5), (("error", MASK, "cannot be read"),)),
    "no mask": Case(_remove(MASK), (("warning", "test/blot/000.png", "has no mask; put one into ground_truth/blot"),)),
    "orphaned mask": Case(_remove("test/blot/000.png"), (
        ("warning", MASK, "belongs to no image of test/blot"), ("warning", "test", "3 defective images, of which"),
    )),
    "mask of a good image": Case(lambda base: shutil.copytree(base / "ground_truth/blot", base / "ground_truth/good")
                                 and None,
                                 (("warning", "ground_truth/good", "holds masks of images that count as good"),)),
    "masks of a good image": Case(lambda base: shutil.copytree(base / "ground_truth/blot", base / "ground_truth/good/000")
                                  and None,
                                  (("warning", "ground_truth/good/000", "holds masks of images that count as good"),)),
    "mask of another size": Case(_marked(255, (30, SIDE)), (("error", MASK, "is 64 x 30, its image 64 x 64; both"),)),
    "empty mask": Case(_marked(0), (("warning", MASK, "marks nothing"),)),
    "full mask": Case(_marked(255), (("warning", MASK, "marks the whole image"),)),
    "mask of 0 and 1": Case(lambda base: save_mask(base / MASK, 1),
                            (("error", MASK, "no value over 127 (its largest is 1), so that it marks nothing; write"),)),
    "mask not binary": Case(
        _save(MASK, lambda _: Image.linear_gradient("L").resize((SIDE, SIDE))),
        (("warning", MASK, "pixels between black and white"),)),
    "mask in its alpha": Case(_save(MASK, lambda _: Image.new("LA", (SIDE, SIDE), (255, 9))),
                              (("error", MASK, "has transparent parts"),)),
    "mixed sizes": Case(lambda base: draw(base / "train/good/000.png", 0, size=80),
                        (("warning", "", "mixes sizes: 64 x 64 (11), 80 x 80 (1); plate/train/good/000.png"),)),
    "mixed modes": Case(_save("test/good/000.png", _grey), (("warning", "", "mixes modes: colour (11), grey (1)"),)),
    "alpha": Case(_save("test/good/000.png", _transparent), (("warning", "test/good/000.png", "transparency is dropped"),)),
    "CMYK": Case(_save("test/good/000.jpg", _as("CMYK")), (("error", "test/good/000.jpg", "is CMYK"),)),
    "32-bit integers": Case(_save("test/good/000.tif", lambda p: Image.fromarray(p[:, :, 0].astype(np.int32))),
                            (("error", "test/good/000.tif", "32-bit integers"),)),
    "floats": Case(_save("test/good/000.tiff", lambda p: Image.fromarray(p[:, :, 0] / np.float32(255))),
                   (("error", "test/good/000.tiff", "floating-point"),)),
    "12 bits in 16": Case(_save("test/good/000.png", lambda p: Image.fromarray(p[:, :, 0].astype(np.uint16) * 16)), (
        ("warning", "", "mixes modes"), ("warning", "test/good/000.png", "is almost black (its largest value is"),
    )),
    "several frames": Case(
        _save("test/good/000.tif", Image.fromarray, save_all=True, append_images=[Image.new("RGB", (9, 9))]),
        (("warning", "test/good/000.tif", "holds 2 pictures, of which the first is read"),)),
    "turned without its mask": Case(_save("test/blot/000.png", Image.fromarray, exif=_exif(3)),
                                    (("warning", MASK, "has the EXIF orientation 1, its image 3"),)),
    "bomb": Case(_bomb, (("error", "train/good/000.png", "is too large (more pixels than 89478485"),)),
    "constant": Case(_save("test/good/000.png", lambda p: Image.fromarray(np.full_like(p, 90))),
                     (("warning", "test/good/000.png", "is one colour throughout (90)"),)),
    "link out": Case(_outside, (("error", "test/good/000.png", "is a link that leaves the data root"),)),
    "link nowhere": Case(_link("train/good/007.png", "gone.png"), (("error", "train/good/007.png", "leads nowhere"),)),
    "link loop": Case(_link("train/good/008.png", "008.png"), (("error", "train/good/008.png", "leads nowhere"),)),
    "link inside": Case(_link("readme.txt", "train/good/000.png"), ()),
    "no file": Case(lambda base: os.mkfifo(base / "train/good/009.png"), (("error", "train/good/009.png", "is no file"),)),
    "two masks": Case(lambda base: save_mask(base / "ground_truth/blot/000.png"), (
        ("error", MASK, "is a second mask of 000.png"), ("warning", "ground_truth/blot/000.png", "belongs to no image"),
    )),
    "shared stem": Case(_copy("test/good/000.png", "test/blot/000.bmp"), (
        ("error", "test/blot/000.png", "shares its mask with 000.bmp"),
        ("error", "test/blot/000.bmp", "is the same picture as plate/test/good/000.png, which has another label"),
    )),
    "trained and tested": Case(_copy("train/good/000.png", "test/good/009.png"), (
        ("error", "test/good/009.png", "is the same picture as plate/train/good/000.png: one is trained on"),
    )),
    "good and bad": Case(_copy("test/good/000.png", "test/dent/009.png"), (
        ("error", "test/dent/009.png", "which has another label"), ("warning", "test/dent/009.png", "has no mask"),
    )),
    "twice in train": Case(_copy("train/good/000.png", "train/good/009.png"),
                           (("warning", "train/good/009.png", "it counts twice, and a split may train on one"),)),
    "another format": Case(
        lambda base: Image.open(base / "train/good/000.png").save(base / "test/good/009.bmp"),
        (("error", "test/good/009.bmp", "is the same picture as plate/train/good/000.png"),), False),
    "test under another name": Case(_rename("test", "Test"), (
        ("error", "Test", "is not read; rename it to test"), ("warning", "test", "holds no image"),
        *ORPHANS,
    ), False),
    "good under another name": Case(_rename("test/good", "test/Good"), (
        ("error", "test/Good", "is taken for a kind of defect; rename it to good"),
        ("warning", "test/good", "holds no image"),
        *(("warning", f"test/Good/00{i}.png", "has no mask") for i in range(3)),
    ), False),
    "pictures nobody reads": Case(_copy("test/good/000.png", "test/good/009.gif"),
                                  (("warning", "test/good", "holds 009.gif, which nothing reads"),)),
    "a picture above the folders": Case(_copy("train/good/000.png", "train/009.png"),
                                        (("warning", "train", "holds 009.png, which nothing reads; move them"),)),
    "a control character": Case(_rename("train/good/000.png", "train/good/\x1b[2J.png"),
                                (("error", "train/good/\x1b[2J.png", "a control character"),)),
    "bytes that are no text": Case(_rename("train/good/000.png", "train/good/\udcff.png"),
                                   (("error", "train/good/\udcff.png", "a byte that is no UTF-8"),)),
}  # fmt: skip
CASES["case twins"] = Case(
    _copy("test/good/000.png", "test/good/000.PNG"),
    (("error", "test/good/000.png", "has the name of 000.PNG but for its case"),
     ("warning", "test/good/000.png", "is the same picture")),
)  # fmt: skip
CASES["defects in train"] = Case(
    _copy("test/blot/000.png", "train/blot/000.png"), (("warning", "train/blot", "is not read; training reads"),)
)


def brief(problem: Problem) -> tuple[str, str]:
    return problem.severity, problem.file.removeprefix("plate").removeprefix("/")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_damage_is_found_named_and_nothing_else(case: Case, root: Path) -> None:
    case.damage(root / "plate")
    found = examine(root)
    assert sorted(map(brief, found)) == sorted(e[:2] for e in case.expected)
    for severity, file, words in case.expected:
        assert any(brief(p) == (severity, file) and words in f"{p.what}; {p.remedy}" for p in found), words
    refused = bool(case.expected) and case.expected[0][0] == "error"
    refused = refused if case.before_a_fit is None else case.before_a_fit
    if refused:
        with pytest.raises(AdshiftError) as caught:
            _before_a_fit(root)
        assert "\n" not in str(caught.value)
    else:
        _before_a_fit(root)


def _before_a_fit(root: Path) -> list[str]:
    (index,) = acquire("folder", root, ["plate"])
    return verify_files(root, (*index.train_good, *index.test_good, *index.test_anomalous))


def test_all_problems_are_listed_at_once_and_the_status_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(root)]) == 0
    assert capsys.readouterr().out == ""
    for name in ("no mask", "constant"):
        CASES[name].damage(root / "plate")
    assert main([str(root), "--category", "plate"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    for name in ("truncated", "mixed sizes", "trained and tested"):
        CASES[name].damage(root / "plate")
    assert main([str(root)]) == 2
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error"] * 2 + ["warning"] * 3
    assert all("plate" in line and "; " in line for line in lines)
    assert shown.err.strip() == f"{root}: 2 errors, 3 warnings"
    assert main([str(root), "--json"]) == 2
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(row) for row in rows] == [{"severity", "file", "what", "remedy"}] * 5


def test_a_name_cannot_command_the_terminal(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CASES["a control character"].damage(root / "plate")
    (root / "plate/train/good/001.png").rename(root / "plate/train/good/\udcff.png")
    assert main([str(root)]) == 2
    assert "\x1b" not in capsys.readouterr().out
    with pytest.raises(AdshiftError) as caught:
        acquire("folder", root, ["plate"])
    assert str(caught.value).isprintable()


def test_a_folder_that_cannot_be_listed_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir

    def refuse(folder: Path) -> object:
        if folder.name == "blot" and folder.parent.name == "test":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert main([str(root)]) == 2
    (found,) = examine(root)
    assert f"cannot be looked through (Permission denied: {root}/plate/test/blot)" in found.what


@pytest.mark.parametrize(
    ("path", "says"),
    [("gone", "is no folder"), ("root/plate/nothing", "holds no image; put the defect-free")],
)
def test_a_root_that_is_none(root: Path, path: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "plate" / "nothing").mkdir()
    assert main([str(root.parent / path)]) == 2
    assert says in capsys.readouterr().out


def test_categories_that_cannot_be(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "Plate").mkdir()
    (root / "macro").mkdir()
    (root / "link").symlink_to(root.parent)
    assert main([str(root)]) == 2
    out = capsys.readouterr().out
    assert "error: plate has the name of Plate but for its case" in out
    assert "error: macro cannot be a category; category=macro is a name that results use" in out
    assert "warning: link is a link to a folder outside the data root" in out
    assert main([str(root), "--category", "../plate", "sofa"]) == 2
    out = capsys.readouterr().out
    assert "category='../plate' must be the name of one folder" in out
    assert "error: sofa is no folder of the data root" in out


def test_the_same_picture_in_two_categories(root: Path) -> None:
    """One model over both would be trained on what it is tested on."""
    shutil.copytree(root / "plate", root / "strip")
    shutil.rmtree(root / "strip" / "test")
    (root / "strip" / "test" / "good").mkdir(parents=True)
    shutil.copy(root / "plate/train/good/000.png", root / "strip/test/good/000.png")
    indices = acquire("folder", root, ["plate", "strip"])
    with pytest.raises(
        AdshiftError, match=r"strip/test/good/000\.png is the same picture as plate/train/good/000\.png"
    ):
        verify_files(root, [s for i in indices for s in (*i.train_good, *i.test_good, *i.test_anomalous)])
    assert any("strip/test/good/000.png" in p.file and p.severity == "error" for p in examine(root))


@pytest.mark.real
def test_the_checks_before_a_fit_find_nothing_wrong_with_real_images(shared: Path) -> None:
    index = index_category(shared / "data" / "mvtec", "screw")
    samples = (*index.train_good, *index.test_good, *index.test_anomalous)
    assert len(samples) == 480
    acquire("folder", shared / "data" / "mvtec", ["screw"])
    assert verify_files(shared / "data" / "mvtec", samples) == []
