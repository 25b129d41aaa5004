"""Bad input ends in one clear line that names the value and the remedy, with status 2 and nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from helpers.images import draw, tiny_overrides
from helpers.inprocess import Finished, invoke, one_line, run_cell
from helpers.remedies import REACHED, remedies_of, stop_early
from helpers.repo import Program
from PIL import Image

from adshift.features.backbone import FrozenBackbone

Prepare = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A mistake: overrides on top of a run that would succeed, damage to its files, and what the line must say.

    ``HERE`` stands for the test's folder, which holds a copy of the data root as ``root`` where there is damage.
    """

    name: str
    overrides: tuple[str, ...]
    says: tuple[str, ...]
    damage: Prepare | None = None


@dataclass(frozen=True)
class Evaluation(Case):
    """A mistake of evaluate.py; the damage is to ``run``, a copy of a finished run."""


def _cut(name: str, keep: float = 0.5) -> Prepare:
    def damage(here: Path) -> None:
        path = here / "root" / "plate" / name
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return damage


def _save(name: str, image: Image.Image, **options: object) -> Prepare:
    """Write an image; one of the same stem goes."""

    def damage(here: Path) -> None:
        path = here / "root" / "plate" / name
        for old in path.parent.glob(path.stem + ".*"):
            old.unlink()
        image.save(path, **options)  # type: ignore[arg-type]

    return damage


def _bytes(name: str, content: bytes) -> Prepare:
    return lambda here: (here / "root" / "plate" / name).write_bytes(content) and None


def _as_truncated_jpeg(here: Path) -> None:
    path = here / "root/plate/test/good/000.png"
    with Image.open(path) as image:
        image.save(path.with_suffix(".jpg"))
    path.unlink()
    jpeg = path.with_suffix(".jpg")
    jpeg.write_bytes(jpeg.read_bytes()[:-400])


def _without(name: str) -> Prepare:
    return lambda here: shutil.rmtree(here / "root" / "plate" / name)


def _keep(name: str, count: int) -> Prepare:
    def damage(here: Path) -> None:
        for path in sorted((here / "root" / "plate" / name).iterdir())[count:]:
            path.unlink()

    return damage


def _copy(source: str, target: str) -> Prepare:
    return lambda here: shutil.copy(here / "root/plate" / source, here / "root/plate" / target) and None


def _rename(source: str, target: str) -> Prepare:
    return lambda here: (here / "root" / source).rename(here / "root" / target) and None


def _link(name: str, target: str) -> Prepare:
    def damage(here: Path) -> None:
        path = here / "root" / "plate" / name
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return damage


def _link_out(here: Path) -> None:
    draw(here / "secret.png", 999)
    _link("test/good/000.png", str(here / "secret.png"))(here)


def _write(name: str, content: bytes) -> Prepare:
    def prepare(here: Path) -> None:
        (here / name).write_bytes(content)

    return prepare


def _weights(name: str, architecture: str, layer: str) -> Prepare:
    return lambda here: torch.save(FrozenBackbone(architecture, [layer], "random").body.state_dict(), here / name)


def _not_finite(here: Path) -> None:
    state = FrozenBackbone("resnet18", ["layer3"], "random").body.state_dict()
    state["bn1.weight"][0] = torch.nan
    torch.save(state, here / "nan.pth")


def _nested(here: Path) -> None:
    torch.save({"state_dict": {}}, here / "nested.pth")


MASK = "ground_truth/blot/000_mask.png"
GREY = Image.linear_gradient("L").resize((64, 64))
IMAGES = [
    Case("missing category", ("data.category=bolt",), ("category=bolt", "plate, strip", "name one of those")),
    Case("missing root", ("data.root=HERE/nowhere",), ("nowhere", "holds no folders", "point data.root")),
    Case("root is a file", ("data.root=HERE/file",), ("data.root=HERE/file (it holds no folders)",), _write("file", b"x")),
    Case("category is a path", ("data.category=../plate",), ("'../plate' must be the name of one folder",)),
    Case("category is a result's word", ("data.category=macro",), ("category=macro is a name that results use",)),
    Case("no category", ("data.categories=[]",), ("data.categories=[] names no category", "data.categories=[carpet]")),
    Case("category twice", ("data.categories=[plate,plate]",), ("names a category twice", "name each once")),
    Case("categories no list", ("data.categories=plate",), ("data.categories=plate must be a list",)),
    Case("category not given", ("data.category=???",), ("data.category has no value", "data.category=VALUE")),
    Case("no train images", (), ("category=plate has no image in", "put the defect-free images"), _without("train")),
    Case("one train image", (), ("has 1 train/good images, of which the split leaves 0",), _keep("train/good", 1)),
    Case("one left to calibrate", ("threshold=sigma",), ("sigma needs 2 normal", "plate has 1"), _keep("train/good", 2)),
    Case("no test images at all", ("threshold=sigma", "data.source=mvtec"), ("holds no test image", "test/DEFECT"),
         _without("test")),
    Case("images in two places", (), ("plate holds images itself and in train/good", "move the rest elsewhere"),
         _copy("train/good/000.png", "extra.png")),
    Case("unreadable image", (), ("test/blot/001.png", "replace or remove the file"), _cut("test/blot/001.png", 0.1)),
    Case("empty image", (), ("train/good/003.png is empty", "replace or remove"), _cut("train/good/003.png", 0)),
    Case("text for an image", (), ("train/good/004.png", "none of PNG, JPEG"), _bytes("train/good/004.png", b"text")),
    Case("PostScript for an image", (), ("train/good/005.png", "none of PNG"), _bytes("train/good/005.png", b"%!PS\n")),
    Case("truncated mask", (), ("dent/001_mask.png", "replace or remove"), _cut("ground_truth/dent/001_mask.png")),
    Case("truncated jpeg, workers", ("data.num_workers=2",), ("good/000.jpg", "replace or remove"), _as_truncated_jpeg),
    Case("CMYK", (), ("test/good/001.jpg is CMYK", "convert it to RGB"), _save("test/good/001.jpg", GREY.convert("CMYK"))),
    Case("32-bit integers", (), ("test/good/001.tif holds 32-bit", "scale"), _save("test/good/001.tif", GREY.convert("I"))),
    Case("floats", (), ("test/good/001.tiff holds floating", "scale it"), _save("test/good/001.tiff", GREY.convert("F"))),
    Case("bomb", (), ("001.png is too large (12000 x 8000", "tiles"),
         _save("test/good/001.png", Image.new("1", (12000, 8000)))),
    Case("giant bomb", (), ("002.png is too large (more", "tiles"),
         _save("test/good/002.png", Image.new("1", (20000, 20000)))),
    Case("mask of another size", (), ("000_mask.png is 64 x 30, its image 64 x 64", "one size"),
         _save(MASK, Image.new("L", (64, 30)))),
    Case("mask of 0 and 1", (), ("000_mask.png has no value over 127", "as 255"), _save(MASK, Image.new("L", (64, 64), 1))),
    Case("mask in its alpha", (), ("000_mask.png has transparent parts", "black and white"),
         _save(MASK, Image.new("LA", (64, 64), (255, 9)))),
    Case("link out", (), ("test/good/000.png is a link that leaves the data root", "copy"), _link_out),
    Case("link nowhere", (), ("train/good/030.png is a link that leads nowhere",), _link("train/good/030.png", "gone.png")),
    Case("pipe for an image", (), ("train/good/031.png has an image's name and is no file",),
         lambda here: os.mkfifo(here / "root/plate/train/good/031.png")),
    Case("names that differ by case", (), ("has the name of 001.PNG but for its case", "rename"),
         _copy("test/good/000.png", "test/good/001.PNG")),
    Case("control character", (), ("train/good/\\x1b[2J.png has a name with a control", "rename it"),
         _rename("plate/train/good/000.png", "plate/train/good/\x1b[2J.png")),
    Case("name no UTF-8", (), ("train/good/\\udcff.png has a name with a control character or a byte", "rename it"),
         _rename("plate/train/good/000.png", "plate/train/good/\udcff.png")),
    Case("two masks", (), ("000_mask.png is a second mask of 000.png", "keep"), _copy(MASK, "ground_truth/blot/000.png")),
    Case("one mask for two", (), ("000.png shares its mask with 000.bmp",),
         _copy("test/good/000.png", "test/blot/000.bmp")),
    Case("trained and tested", (), ("test/good/009.png is the same picture as plate/train/good/000.png", "remove one"),
         _copy("train/good/000.png", "test/good/009.png")),
    Case("good and bad", (), ("is the same picture as plate/test/dent/009.png, which has another label",),
         _copy("test/good/000.png", "test/dent/009.png")),
]  # fmt: skip
VALUES = [
    Case("coreset_ratio=0", ("coreset_ratio=0",), ("coreset_ratio=0", "must be in (0, 1]", "0.05")),
    Case("coreset_ratio=-1", ("coreset_ratio=-1",), ("coreset_ratio=-1", "must be in (0, 1]")),
    Case("coreset_ratio=1.5", ("coreset_ratio=1.5",), ("coreset_ratio=1.5", "must be in (0, 1]")),
    Case("coreset_ratio=abc", ("coreset_ratio=abc",), ("coreset_ratio=abc", "must be a number")),
    Case("coreset_ratio=nan", ("coreset_ratio=nan",), ("coreset_ratio=nan", "must be a number within +-1e+15")),
    Case("image_size=8", ("image_size=8",), ("image_size=8 must be >= 32", "224")),
    Case("image_size=10^6", ("image_size=1000000",), ("image_size=1000000 must be <= 4096", "224")),
    Case("image_size=foo", ("image_size=foo",), ("image_size=foo must be a whole number",)),
    Case("batch_size=0", ("data.batch_size=0",), ("data.batch_size=0 must be >= 1", "32")),
    Case("num_workers=-1", ("data.num_workers=-1",), ("data.num_workers=-1 must be >= 0", "main process")),
    Case("bootstrap=-5", ("metrics.bootstrap=-5",), ("metrics.bootstrap=-5 must be >= 0", "1000")),
    Case("bootstrap=10^9", ("metrics.bootstrap=1000000000",), ("metrics.bootstrap=1000000000 must be <= 1000000",)),
    Case("latency=maybe", ("metrics.latency=maybe",), ("metrics.latency=maybe must be true or false",)),
    Case("save_maps=2", ("save_maps=2",), ("save_maps=2 must be true or false",)),
    Case("seed=-1", ("seed=-1",), ("seed=-1 must be in [0, 2^32)",)),
    Case("seed=2^70", (f"seed={2**70}",), (f"seed={2**70} must be",)),
    Case("negative severity", ("domain.severity=-1",), ("domain.severity=-1", "from 0 to 100", "shift is 1")),
    Case("endless severity", ("domain.severity=inf",), ("domain.severity=inf", "within +-1e+15")),
    Case("severity=1e308", ("domain.severity=1e308",), ("domain.severity=1e+308 must be a number within +-1e+15",)),
    Case("severity=1000", ("domain.severity=1000",), ("domain.severity=1000", "from 0 to 100", "shift is 1")),
    Case("k=1e308", ("threshold=sigma", "threshold.k=1e308"), ("threshold.k=1e+308 must be a number within",)),
    Case("alpha=5e-324", ("threshold=evt", "threshold.alpha=5e-324"), ("threshold.alpha=5e-324 must be >= 1e-12",)),
    Case("links=10^9", ("method.search=hnsw", "method.hnsw_links=1000000000"),
         ("method.hnsw_links=1000000000 must be <= 1024", "32")),
    Case("train_fraction=1", ("split.train_fraction=1",), ("split.train_fraction=1.0 must be in (0, 1)", "0.8")),
    Case("anomaly_fraction=2", ("split.anomaly_fraction=2",), ("split.anomaly_fraction=2.0 must be in [0, 1)", "0.3")),
    Case("alpha=0", ("threshold=quantile", "threshold.alpha=0"), ("threshold.alpha=0", "(0, 1)")),
    Case("alpha=2", ("threshold=conformal", "threshold.alpha=2"), ("threshold.alpha=2", "(0, 1)")),
    Case("tail below alpha", ("threshold=evt", "threshold.tail=0.01"), ("must be below threshold.tail=0.01", "raise the")),
    Case("k=0", ("threshold=sigma", "threshold.k=0"), ("threshold.k=0.0 must be a finite number above 0",)),
    Case("no view", ("adaptation=test_time", "test_time.views=[]"),
         ("test_time.views=[] must be one or more of: identity, rot90", "write test_time.views=[identity,hflip]")),
    Case("unknown view", ("adaptation=test_time", "test_time.views=[identity,rot45]"), ("rot45'] must be one or more of",)),
    Case("a view twice", ("adaptation=test_time", "test_time.views=[hflip,hflip]"), ("'hflip'] must", "each once")),
    Case("views no list", ("adaptation=test_time", "test_time.views=hflip"), ("test_time.views=hflip must be one",)),
    Case("views no texts", ("adaptation=test_time", "test_time.views=[[hflip]]"), ("test_time.views=[['hflip']] must be",)),
    Case("unknown aggregate", ("adaptation=test_time", "test_time.aggregate=sum"),
         ("test_time.aggregate=sum must be one of: mean, min, median, max",)),
    Case("unknown statistics", ("adaptation=test_time", "test_time.statistics=variance"),
         ("test_time.statistics=variance must be one of: none, mean, moments",)),
    Case("scope=foo", ("threshold.scope=foo",), ("threshold.scope=foo", "category, global")),
    Case("pixel=foo", ("threshold.pixel=foo",), ("threshold.pixel=foo must be one of: image, area, pixels",)),
    Case("region=0", ("threshold.region=0",), ("threshold.region=0 must be >= 1", "1 outlines every pixel")),
    Case("region over the map", ("threshold.region=1000000",), ("threshold.region=1000000 must be <= ",)),
    Case("area without a rate", ("threshold=sigma", "threshold.pixel=area"),
         ("threshold.pixel=area bounds a rate", "threshold=sigma has no threshold.alpha", "threshold.pixel=image")),
    Case("resolution=foo", ("metrics.resolution=foo",), ("metrics.resolution=foo", "input, original")),
    Case("neighbours=0", ("method.neighbours=0",), ("method.neighbours=0", "each must be >= 1")),
    Case("even neighbourhood", ("method.layers=[layer1]", "method.neighbourhood=4"), ("neighbourhood=4", "odd")),
    Case("smoothing=-1", ("method.smoothing=-1",), ("method.smoothing=-1.0 must be in [0, 100)", "0 switches it off")),
    Case("unknown search", ("method.search=magic",), ("method.search=magic", "auto, faiss, torch")),
    Case("layers no list", ("method.layers=layer2",), ("method.layers=layer2 must be a list", "[layer2,layer3]")),
    Case("unknown layer", ("method.layers=[layer2,layer7]",), ("layer7", "layer1, layer2, layer3, layer4")),
    Case("crossfit=1", ("crossfit=1",), ("crossfit=1 must be >= 2", "5 is customary")),
    Case("crossfit of too many", ("split=official", "threshold=quantile", "crossfit=21"),
         ("crossfit=21 needs 21 train images", "use crossfit=20 or less")),
    Case("crossfit without anomalies", ("split=official", "crossfit=5", "threshold=f1"),
         ("crossfit=5 has normal images alone", "threshold=f1", "use threshold=quantile")),
    Case("crossfit beside a calibration role", ("crossfit=2", "threshold=sigma"), ("crossfit=2 is for a split without",)),
    Case("f1 without anomalies", ("split=standard", "threshold=f1"),
         ("threshold=f1 needs anomalous", "threshold=quantile", "study")),
    Case("devices=2", ("trainer.devices=2",), ("trainer.devices=2 must be auto or 1",)),
    Case("unknown accelerator", ("trainer.accelerator=abacus",), ("trainer.accelerator=abacus", "use auto or cpu")),
    Case("root no text", ("data.root=null",), ("data.root=None must be a text",)),
    Case("unknown source", ("data.source=foo",), ("data.source=foo is unknown", "mvtec, folder, synthetic")),
    Case("foreign class", ("threshold._target_=os.system",), ("os.system is none of adshift's own", "conf/threshold/")),
    Case("folder that cannot be", ("hydra.run.dir=HERE/file/run",), ("HERE/file/run cannot be used", "can be written"),
         _write("file", b"")),
]  # fmt: skip
WEIGHTS = [
    Case("weights missing", ("backbone.weights=HERE/w.pth",), ("w.pth is no file", "imagenet, random")),
    Case("weights garbage", ("backbone.weights=HERE/w.pth",), ("w.pth cannot be read (it is cut short", "intact"),
         _write("w.pth", b"?")),
    Case("tensors garbage", ("backbone.weights=HERE/w.safetensors",), ("w.safetensors cannot be read", "intact"),
         _write("w.safetensors", b"?")),
    Case("weights nested", ("backbone.weights=HERE/nested.pth",), ("nested.pth is no flat state dict", "save it"), _nested),
    Case("weights of another architecture", ("backbone.weights=HERE/r50.pth",),
         ("r50.pth", "has the unknown layer1.0.", "give the weights of the named backbone"),
         _weights("r50.pth", "resnet50", "layer3")),
    Case("weights too short", ("backbone.weights=HERE/short.pth",), ("short.pth lacks layer2.0.", "more"),
         _weights("short.pth", "resnet18", "layer1")),
    Case("weights not finite", ("backbone.weights=HERE/nan.pth",), ("bn1.weight holds a NaN",), _not_finite),
]  # fmt: skip
KEYS = [
    Case("unknown key", ("colour=red",), ("colour is no key", "--help lists the keys")),
    Case("unknown key of a group", ("data.colour=red",), ("data.colour is no key", "--help")),
    Case("added key", ("+colour=red",), ("+colour=red would add a key that nothing reads", "--help")),
    Case("forced key", ("++seed=3",), ("++seed=3 would add a key", "without +")),
    Case("removed key", ("~split",), ("~split would remove a key", "set it to another value")),
    Case("group set to null", ("split=null",), ("must be one of its options, not null", "--help")),
    Case(
        "padim with coreset_ratio",
        ("method=padim", "coreset_ratio=0.1"),
        ("coreset_ratio is no key", "PatchCore alone"),
    ),
    Case("no override", ("seed",), ("seed is no override", "KEY=VALUE")),
    Case("half a list", ("data.categories=[plate",), ("data.categories=[plate is no override", "quote it")),
    Case("a value that names itself", ("seed=${seed}",), ("Recursive interpolation", "must name another key")),
    Case("a value that names nothing", ("seed=${sed}",), ("'sed' not found", "must name another key")),
    Case("a sweep without -m", ("seed=1,2",), ("seed=1,2", "add --multirun")),
    Case("unknown method", ("method=foo",), ("Could not find 'method/foo'", "padim; patchcore")),
    Case("unknown data", ("data=foo",), ("Could not find 'data/foo'", "carpet", "synthetic")),
    Case("unknown domain", ("domain=foo",), ("Could not find 'domain/foo'", "clean", "shift")),
    Case("unknown threshold", ("threshold=foo",), ("Could not find 'threshold/foo'", "conformal", "sigma")),
    Case("unknown split", ("split=foo",), ("Could not find 'split/foo'", "official", "study")),
    Case("unknown adaptation", ("adaptation=foo",), ("Could not find 'adaptation/foo'", "full", "none")),
    Case("unknown backbone", ("backbone=foo",), ("Could not find 'backbone/foo'", "resnet50")),
]


def _result(**changes: object) -> Prepare:
    def prepare(here: Path) -> None:
        path = here / "run" / "result.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return prepare


def _config(group: str, **changes: object) -> Prepare:
    def prepare(here: Path) -> None:
        path = here / "run" / "result.json"
        found = json.loads(path.read_text())
        (found["config"][group] if group else found["config"]).update(changes)
        path.write_text(json.dumps(found))

    return prepare


def _no_data(here: Path) -> None:
    path = here / "run" / "result.json"
    found = json.loads(path.read_text())
    del found["config"]["data"]
    path.write_text(json.dumps(found))


def _checkpoint(share: float) -> Prepare:
    def prepare(here: Path) -> None:
        path, result = here / "run" / "model.ckpt", here / "run" / "result.json"
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        found = json.loads(result.read_text())
        found["provenance"]["checkpoint_sha256"] = None  # as in runs of before it was written
        result.write_text(json.dumps(found))

    return prepare


EVALUATIONS = [
    Evaluation("no run", (), ("result.json does not exist", "finished run"), lambda here: shutil.rmtree(here / "run")),
    Evaluation("broken result", (), ("result.json cannot be read (Unterm", "finished run"),
               _write("run/result.json", b'{"sch')),
    Evaluation("result with NaN", (), ("NaN is no number that adshift writes",),
               _write("run/result.json", b'{"schema": NaN}')),
    Evaluation("result no object", (), ("holds no JSON object",), _write("run/result.json", b"[]")),
    Evaluation("result of another schema", (), ("has schema 99", "run the cell again"), _result(schema=99)),
    Evaluation("result without config", (), ("(config=None: Input should be", "run the cell again"), _result(config=None)),
    Evaluation("config without data", (), ("is not as adshift writes it (config.data: Field required)",), _no_data),
    Evaluation("foreign class in the result", (), ("method._target_=builtins.exec is none of adshift's own",),
               _config("method", _target_="builtins.exec")),
    Evaluation("class of another group", (), ("split._target_=adshift.shift.domain.Domain is none of", "conf/split/"),
               _config("split", _target_="adshift.shift.domain.Domain")),
    Evaluation("category that leads out", (), ("category='../../etc' must be the name of one folder",),
               _config("data", categories=["../../etc"])),
    Evaluation("no checkpoint", (), ("model.ckpt does not exist", "finished run"),
               lambda here: (here / "run" / "model.ckpt").unlink()),
    Evaluation("another checkpoint", (), ("is not the file that the run's result.json was written with",),
               _write("run/model.ckpt", b"another")),
    Evaluation("cut checkpoint", (), ("model.ckpt cannot be loaded (it is cut short", "fit the run"), _checkpoint(0.5)),
    Evaluation("empty checkpoint", (), ("model.ckpt cannot be loaded (it is empty)", "fit"), _checkpoint(0.0)),
    Evaluation("checkpoint of another method", (), ("does not belong to this configuration", "fit the run again"),
               _config("method", layers=["layer1"])),
    Evaluation("full adaptation", ("adaptation=full",), ("adaptation=full needs a new fit", "use train.py")),
    Evaluation("a key that train.py owns", ("image_size=64",), ("image_size is no key",)),
    Evaluation("a size that the run asks for", (), ("image_size=2000000 must be <= 4096",),
               _config("", image_size=2 * 10**6)),
    Evaluation("a severity that the run asks for", (), ("domain.severity=100000000.0 must be", "from 0 to 100"),
               _config("domain", severity=1e8)),
    Evaluation("moved data that are not there", ("data_root=elsewhere",), ("data_root=elsewhere is no folder; give",)),
]  # fmt: skip
CASES: list[Case] = [*IMAGES, *VALUES, *WEIGHTS, *KEYS, *EVALUATIONS]
SAID: dict[str, str] = {}
"""The line of each mistake that was tried, the test's own folder left out."""


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run_cell(folder, *tiny_overrides(tiny), "image_size=32", "metrics.bootstrap=0", "store=off")
    return folder


def attempt(case: Case, request: pytest.FixtureRequest, here: Path, **variables: str) -> Finished:
    """Make the mistake in ``here``."""
    overrides = [o.replace("HERE", str(here)) for o in case.overrides]
    if isinstance(case, Evaluation):
        shutil.copytree(request.getfixturevalue("finished"), here / "run")
        given = [f"run={here / 'run'}"]
    else:
        root: Path = request.getfixturevalue("tiny")
        if case.damage is not None:
            shutil.copytree(root, here / "root")
            root = here / "root"
        given = [*tiny_overrides(root), "image_size=32"]
    if case.damage is not None:
        case.damage(here)
    script = "evaluate.py" if isinstance(case, Evaluation) else "train.py"
    return invoke(script, *given, "store=off", f"hydra.run.dir={here / 'out'}", *overrides, **variables)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_mistake_ends_in_one_line(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    done = attempt(case, request, tmp_path)
    assert done.code == 2, done.err
    line = one_line(done.err)
    for fragment in case.says:
        assert fragment.replace("HERE", str(tmp_path)) in line
    assert not (tmp_path / "out" / "result.json").exists()
    assert not (tmp_path / "out" / "scores.csv").exists()
    assert not list(tmp_path.glob("out/**/model.ckpt"))
    assert "coreset: " not in done.err  # nothing long was begun
    SAID[case.name] = line.replace(str(tmp_path), "HERE")


@pytest.mark.parametrize("case", VALUES, ids=[case.name for case in VALUES])
def test_a_remedy_that_a_line_names_mends_it(
    case: Case, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_early(monkeypatch)
    said = one_line(attempt(case, request, tmp_path).err)
    for number, remedy in enumerate(remedies_of(said)):
        keys = {override.partition("=")[0] for override in remedy}
        kept = tuple(override for override in case.overrides if override.partition("=")[0] not in keys)
        here = tmp_path / str(number)
        here.mkdir()
        done = attempt(Case(case.name, (*kept, *remedy), (), case.damage), request, here)
        assert done.code == REACHED, f"{remedy}, of {said}, leads to {done.err}"


def test_every_mistake_has_a_line_of_its_own(request: pytest.FixtureRequest) -> None:
    assert len(CASES) == len({case.name for case in CASES}) >= 60
    assert len(set(SAID.values())) == len(SAID)
    if not request.config.getoption("-k"):
        assert len(SAID) in (0, len(CASES))  # 0: this test alone was asked for


@pytest.mark.parametrize("case", CASES[::9], ids=[case.name for case in CASES[::9]])
def test_who_asks_for_the_traceback_gets_it(case: Case, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one it is, is the case's
        attempt(case, request, tmp_path, HYDRA_FULL_ERROR="1")
    assert not isinstance(caught.value, SystemExit)
    assert len(caught.traceback) > 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(tiny: Path, tmp_path: Path) -> None:
    done = invoke("train.py", *tiny_overrides(tiny), "trainer.accelerator=gpu", f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert "trainer.accelerator=gpu is not to be had" in one_line(done.err)
    assert "use auto or cpu" in done.err


def test_mvtec_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("the network is unreachable")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", offline)
    done = invoke(
        "train.py", "data=carpet", f"data.root={tmp_path / 'mvtec'}", "backbone=resnet18", "backbone.weights=random",
        f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert done.code == 2
    line = one_line(done.err)
    for part in ("the network is unreachable", f"{tmp_path}/mvtec/carpet/train/good/000.png", "data=synthetic"):
        assert part in line
    assert not (tmp_path / "mvtec").exists()


def test_imagenet_weights_without_a_network(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("the network is unreachable")

    monkeypatch.setattr("urllib.request.OpenerDirector.open", offline)
    done = invoke(
        "train.py", *tiny_overrides(tiny), "backbone.weights=imagenet", f"hydra.run.dir={tmp_path / 'run'}",
        TORCH_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert done.code == 2
    line = one_line(done.err)
    assert "resnet18-f37072fd.pth could not be downloaded (the network is unreachable)" in line
    assert f"put it at {tmp_path}/home/hub/checkpoints/resnet18-f37072fd.pth, or give backbone.weights=PATH" in line


def test_evaluate_without_a_run_says_how_to_name_one(tmp_path: Path) -> None:
    done = invoke("evaluate.py", f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert one_line(done.err) == "adshift: run has no value; give it on the command line: run=VALUE"


def test_in_a_process_of_its_own_the_line_is_all_there_is(program: Program, tiny: Path, tmp_path: Path) -> None:
    done = program("train.py", *tiny_overrides(tiny), "coreset_ratio=0", f"hydra.run.dir={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "adshift: coreset_ratio=0.0 must be in (0, 1]; the study's is 0.05\n"


def test_a_traceback_is_shown_to_who_asks(program: Program, tiny: Path, tmp_path: Path) -> None:
    overrides = [*tiny_overrides(tiny), "coreset_ratio=0", f"hydra.run.dir={tmp_path}"]
    done = program("train.py", *overrides, HYDRA_FULL_ERROR="1")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "AdshiftError: coreset_ratio=0" in done.stderr


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_help_needs_nothing_heavy(program: Program, script: str) -> None:
    done = program("-X", "importtime", script, "--help")
    assert done.returncode == 0
    assert "KEY=VALUE" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "hydra" in imported
    assert not {"torch", "pytorch_lightning", "torchvision", "anomalib", "albumentations", "scipy", "cv2"} & imported
