"""Bad input ends in one clear line that names the value and the remedy, with status 2 and nothing half-written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Program, tiny_overrides
from inprocess import invoke, run_cell
from PIL import Image

from adshift.features.backbone import FrozenBackbone

Prepare = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A mistake: overrides on top of a run that would succeed, damage to its files, and what the line must say.

    ``ROOT`` and ``HERE`` stand for the copied data root and the test's folder.
    """

    name: str
    overrides: tuple[str, ...]
    says: tuple[str, ...]
    damage: Prepare | None = None


def _cut(name: str, keep: float = 0.5) -> Prepare:
    def damage(here: Path) -> None:
        path = here / "root" / "plate" / name
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return damage


def _resize_mask(here: Path) -> None:
    Image.fromarray(np.zeros((30, 64), np.uint8)).save(here / "root/plate/ground_truth/blot/000_mask.png")


def _as_truncated_jpeg(here: Path) -> None:
    path = here / "root/plate/test/good/000.png"
    with Image.open(path) as image:
        image.save(path.with_suffix(".jpg"))
    path.unlink()
    jpeg = path.with_suffix(".jpg")
    jpeg.write_bytes(jpeg.read_bytes()[:-400])


def _without(name: str) -> Prepare:
    def damage(here: Path) -> None:
        shutil.rmtree(here / "root" / "plate" / name)

    return damage


def _write(name: str, content: bytes) -> Prepare:
    def prepare(here: Path) -> None:
        (here / name).write_bytes(content)

    return prepare


def _wrong_architecture(here: Path) -> None:
    torch.save(FrozenBackbone("resnet50", ["layer3"], "random").body.state_dict(), here / "r50.pth")


def _too_short(here: Path) -> None:
    torch.save(FrozenBackbone("resnet18", ["layer1"], "random").body.state_dict(), here / "short.pth")


def _not_finite(here: Path) -> None:
    state = FrozenBackbone("resnet18", ["layer3"], "random").body.state_dict()
    state["bn1.weight"][0] = torch.nan
    torch.save(state, here / "nan.pth")


CASES = [
    Case("missing category", ("data.category=bolt",), ("category=bolt", "plate, strip", "name one of those")),
    Case("missing root", ("data.root=HERE/nowhere",), ("nowhere", "holds no folders", "point data.root")),
    Case(
        "no train images", (), ("category=plate has no image in", "put the defect-free images there"), _without("train")
    ),
    Case("no test images", (), ("anomalous calibration images",), _without("test")),
    Case("no test images at all", ("threshold=sigma",), ("holds no test image", "test/DEFECT"), _without("test")),
    Case("unreadable image", (), ("test/blot/001.png", "replace or remove the file"), _cut("test/blot/001.png", 0.1)),
    Case("empty image", (), ("train/good/003.png is empty", "replace or remove"), _cut("train/good/003.png", 0)),
    Case("truncated mask", (), ("dent/001_mask.png", "replace or remove"), _cut("ground_truth/dent/001_mask.png")),
    Case(
        "truncated jpeg, workers",
        ("data.num_workers=2",),
        ("test/good/000.jpg", "replace or remove"),
        _as_truncated_jpeg,
    ),
    Case(
        "mask of another size", (), ("000_mask.png is 64 x 30, its image 64 x 64", "must have one size"), _resize_mask
    ),
    Case("coreset_ratio=0", ("coreset_ratio=0",), ("coreset_ratio=0", "must be in (0, 1]", "0.05")),
    Case("coreset_ratio=-1", ("coreset_ratio=-1",), ("coreset_ratio=-1", "must be in (0, 1]")),
    Case("coreset_ratio=1.5", ("coreset_ratio=1.5",), ("coreset_ratio=1.5", "must be in (0, 1]")),
    Case("coreset_ratio=abc", ("coreset_ratio=abc",), ("coreset_ratio=abc", "must be a number")),
    Case("coreset_ratio=nan", ("coreset_ratio=nan",), ("coreset_ratio=nan", "must be in (0, 1]")),
    Case("weights missing", ("backbone.weights=HERE/w.pth",), ("w.pth is no file", "imagenet, random")),
    Case(
        "weights garbage", ("backbone.weights=HERE/w.pth",), ("w.pth cannot be read", "intact"), _write("w.pth", b"?")
    ),
    Case(
        "weights of another architecture",
        ("backbone.weights=HERE/r50.pth",),
        ("r50.pth", "has the unknown layer1.0.", "give the weights of the named backbone"),
        _wrong_architecture,
    ),
    Case("weights too short", ("backbone.weights=HERE/short.pth",), ("short.pth lacks layer2.0.", "more"), _too_short),
    Case("weights not finite", ("backbone.weights=HERE/nan.pth",), ("bn1.weight holds a NaN",), _not_finite),
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
    Case("unknown method", ("method=foo",), ("Could not find 'method/foo'", "padim; patchcore")),
    Case("unknown data", ("data=foo",), ("Could not find 'data/foo'", "carpet", "synthetic")),
    Case("unknown domain", ("domain=foo",), ("Could not find 'domain/foo'", "clean", "shift")),
    Case("negative severity", ("domain.severity=-1",), ("domain.severity=-1", "finite number >= 0", "shift is 1")),
    Case("endless severity", ("domain.severity=inf",), ("domain.severity=inf", "finite number >= 0")),
    Case("image_size=8", ("image_size=8",), ("image_size=8 must be >= 32", "224")),
    Case("image_size=foo", ("image_size=foo",), ("image_size=foo must be a whole number",)),
    Case(
        "f1 without anomalies",
        ("split=standard",),
        ("threshold=f1 needs anomalous", "threshold=quantile", "split=study"),
    ),
    Case("devices=2", ("trainer.devices=2",), ("trainer.devices=2 must be auto or 1",)),
    Case("unknown accelerator", ("trainer.accelerator=abacus",), ("trainer.accelerator=abacus", "use auto or cpu")),
    Case("resolution=foo", ("metrics.resolution=foo",), ("metrics.resolution=foo", "input, original")),
    Case("scope=foo", ("threshold.scope=foo",), ("threshold.scope=foo", "category, global")),
    Case("alpha=0", ("threshold=quantile", "threshold.alpha=0"), ("threshold.alpha=0", "(0, 1)")),
    Case("alpha=2", ("threshold=conformal", "threshold.alpha=2"), ("threshold.alpha=2", "(0, 1)")),
    Case("no category", ("data.categories=[]",), ("data.categories=[] names no category", "data.categories=[carpet]")),
    Case("category twice", ("data.categories=[plate,plate]",), ("names a category twice", "name each once")),
    Case("categories no list", ("data.categories=plate",), ("data.categories=plate must be a list",)),
    Case("category not given", ("data.category=???",), ("data.category has no value", "data.category=VALUE")),
    Case("layers no list", ("method.layers=layer2",), ("method.layers=layer2 must be a list", "[layer2,layer3]")),
    Case("unknown layer", ("method.layers=[layer2,layer7]",), ("layer7", "layer1, layer2, layer3, layer4")),
    Case("unknown search", ("method.search=magic",), ("method.search=magic", "auto, faiss, torch")),
    Case("seed=-1", ("seed=-1",), ("seed=-1 must be in [0, 2^32)",)),
    Case("seed=2^70", (f"seed={2**70}",), (f"seed={2**70} must be",)),
    Case("crossfit=1", ("crossfit=1",), ("crossfit=1 must be >= 2", "5 is customary")),
    Case(
        "crossfit of too many",
        ("split=official", "threshold=quantile", "crossfit=21"),
        ("crossfit=21 needs 21 train images", "smaller crossfit"),
    ),
    Case(
        "crossfit without anomalies",
        ("split=official", "crossfit=5"),
        ("crossfit=5 has normal images alone", "threshold=f1", "use threshold=quantile"),
    ),
    Case("too many channels", ("method.layers=[layer1]", "method.neighbourhood=4"), ("neighbourhood=4", "odd")),
    Case("foreign class", ("threshold._target_=os.system",), ("os.system is none of adshift's own", "conf/threshold/")),
    Case("root no text", ("data.root=null",), ("data.root=None must be a text",)),
    Case("folder that cannot be", ("hydra.run.dir=HERE/file/run",), ("file/run",), _write("file", b"")),
]


def one_line(err: str) -> str:
    """The single line that begins with ``adshift:``, from an output without a traceback."""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("adshift: ")]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_mistake_ends_in_one_line(case: Case, tiny: Path, tmp_path: Path) -> None:
    if case.damage is not None:
        shutil.copytree(tiny, tmp_path / "root")
        case.damage(tmp_path)
    root = tmp_path / "root" if (tmp_path / "root").exists() else tiny
    out = tmp_path / "run"
    overrides = [o.replace("HERE", str(tmp_path)) for o in case.overrides]
    done = invoke("train.py", *tiny_overrides(root), "image_size=32", f"hydra.run.dir={out}", *overrides)
    assert done.code == 2, done.err
    line = one_line(done.err)
    for fragment in case.says:
        assert fragment in line
    assert not list(tmp_path.rglob("result.json"))
    assert not list(tmp_path.rglob("model.ckpt"))
    assert "coreset: " not in done.err  # nothing long was begun


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(tiny: Path, tmp_path: Path) -> None:
    done = invoke("train.py", *tiny_overrides(tiny), "trainer.accelerator=gpu", f"hydra.run.dir={tmp_path}")
    assert done.code == 2
    assert "trainer.accelerator=gpu is not to be had" in one_line(done.err)
    assert "use auto or cpu" in done.err


def test_mvtec_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("the network is unreachable")

    monkeypatch.setattr("urllib.request.urlopen", offline)
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

    monkeypatch.setattr("urllib.request.urlopen", offline)
    done = invoke(
        "train.py", *tiny_overrides(tiny), "backbone.weights=imagenet", f"hydra.run.dir={tmp_path / 'run'}",
        TORCH_HOME=str(tmp_path / "home"),
    )  # fmt: skip
    assert done.code == 2
    line = one_line(done.err)
    assert "resnet18-f37072fd.pth could not be downloaded (the network is unreachable)" in line
    assert f"put it at {tmp_path}/home/hub/checkpoints/resnet18-f37072fd.pth, or give backbone.weights=PATH" in line


@pytest.fixture(scope="module")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    run_cell(folder, *tiny_overrides(tiny), "image_size=32", "metrics.bootstrap=0")
    return folder


def _edit(**changes: object) -> Prepare:
    def prepare(run: Path) -> None:
        found = json.loads((run / "result.json").read_text())
        (run / "result.json").write_text(json.dumps({**found, **changes}))

    return prepare


def _foreign_class(run: Path) -> None:
    found = json.loads((run / "result.json").read_text())
    found["config"]["method"]["_target_"] = "builtins.exec"
    (run / "result.json").write_text(json.dumps(found))


def _other_bank(run: Path) -> None:
    found = json.loads((run / "result.json").read_text())
    found["config"]["method"]["layers"] = ["layer1"]
    (run / "result.json").write_text(json.dumps(found))


EVALUATIONS: list[tuple[str, Prepare | None, tuple[str, ...], tuple[str, ...]]] = [
    ("no run", shutil.rmtree, (), ("result.json does not exist", "give the folder of a finished run")),
    ("broken result", lambda run: _write("result.json", b'{"sch')(run), (), ("result.json cannot be read", "finished run")),
    ("result no object", lambda run: _write("result.json", b"[]")(run), (), ("holds no JSON object",)),
    ("result of another schema", _edit(schema=99), (), ("has schema 99", "run the cell again")),
    ("result without config", _edit(config=None), (), ("holds no config", "run the cell again")),
    ("foreign class in the result", _foreign_class, (), ("method._target_=builtins.exec is none of adshift's own",)),
    ("no checkpoint", lambda run: (run / "model.ckpt").unlink(), (), ("model.ckpt does not exist", "finished run")),
    ("spoilt checkpoint", lambda run: _write("model.ckpt", b"spoilt")(run), (), ("model.ckpt cannot be loaded",)),
    (
        "cut checkpoint",
        lambda run: (run / "model.ckpt").write_bytes((run / "model.ckpt").read_bytes()[:5000]),
        (),
        ("model.ckpt cannot be loaded", "fit the run again"),
    ),
    ("checkpoint of another method", _other_bank, (), ("model.ckpt cannot be loaded", "fit the run again")),
    ("full adaptation", None, ("adaptation=full",), ("adaptation=full needs a new fit", "use train.py")),
    ("a key that train.py owns", None, ("coreset_ratio=0.1",), ("coreset_ratio is no key",)),
    ("moved data that are not there", None, ("data_root=nowhere",), ("data.root=nowhere",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("prepare", "overrides", "says"), [e[1:] for e in EVALUATIONS], ids=[e[0] for e in EVALUATIONS]
)
def test_evaluate_refuses_what_is_no_finished_run(
    finished: Path, tmp_path: Path, prepare: Prepare | None, overrides: tuple[str, ...], says: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    if prepare is not None:
        prepare(run)
    out = tmp_path / "out"
    done = invoke("evaluate.py", f"run={run}", *overrides, f"hydra.run.dir={out}")
    assert done.code == 2, done.err
    line = one_line(done.err)
    for fragment in says:
        assert fragment in line
    assert not (out / "result.json").exists()
    assert not (out / "scores.csv").exists()


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
