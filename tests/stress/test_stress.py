"""The stress test: pasted defects, honest folds, verdicts by intervals, and the whole command."""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images import draw, tiny_overrides
from helpers.inprocess import invoke, run_cell
from helpers.sentences import repeated, sentences

from adshift.calibration.conformal import Conformal
from adshift.calibration.crossfit import folds
from adshift.config.plan import make_plan
from adshift.data.dataset import read_pair
from adshift.data.pasted import KINDS, Pasted, paste
from adshift.data.prepared import prepare_images
from adshift.data.sample_keys import sample_hashes, sample_list
from adshift.data.samples import Sample, index_category
from adshift.data.with_defects import with_defects
from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.features.timm_models import TimmBackbone
from adshift.methods.method import Method
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.metrics.balanced import BALANCED
from adshift.metrics.summary import Figures
from adshift.shift.domain import Domain
from adshift.store.file_hashes import FileHashes
from adshift.store.store import NoStore
from adshift.stress.cells import Cell
from adshift.stress.plan import component_domain
from adshift.stress.verdicts import UNCLEAR, sentence, verdict
from adshift.stress.words import harm
from adshift.trials.bench import Bench
from adshift.trials.figures import thresholds

SMALL = ["data=folder", *(o for o in tiny_overrides(Path("unused")) if not o.startswith("data."))]
SMALL = [*dict.fromkeys(SMALL), "data.num_workers=0"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "photos"
    for i in range(15):
        draw(folder / f"{i:03}.png", i)
    return folder


@pytest.fixture(scope="module")
def run(photos: Path) -> Path:
    folder = photos.parent / "run"
    run_cell(folder, *SMALL, f"data.root={photos}")
    return folder


def picture(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 20, (60, 90, 3))
    return np.clip(np.linspace(40, 200, 90)[None, :, None] + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0.02, 0.12, 0.5])
def test_a_pasted_defect_changes_the_image_where_its_mask_says(kind: str, size: float) -> None:
    image = picture()
    before = image.copy()
    drawn, mask = Pasted(kind, size, 3).apply(image, "c", "c/a.png")
    assert (image == before).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    change = np.abs(drawn.astype(int) - image).max(axis=2)
    assert change[mask == 1].mean() > 4 * change[mask == 0].mean()
    assert mask.mean() < size**2 * 5 + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_pasted_defect_depends_on_seed_category_and_path_alone(kind: str) -> None:
    image = picture()
    first = Pasted(kind, 0.2, 1).apply(image, "c", "c/a.png")
    assert all((a == b).all() for a, b in zip(first, Pasted(kind, 0.2, 1).apply(image, "c", "c/a.png"), strict=True))
    for other in ((Pasted(kind, 0.2, 2), "c", "c/a.png"), (Pasted(kind, 0.2, 1), "d", "c/a.png"),
                  (Pasted(kind, 0.2, 1), "c", "c/b.png")):  # fmt: skip
        assert (first[0] != other[0].apply(image, *other[1:])[0]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_grey_image_stays_grey_and_any_size_is_taken(kind: str) -> None:
    for height, width in ((3, 5), (40, 7), (64, 64)):
        grey = np.repeat(picture()[:height, :width, :1], 3, axis=2)
        drawn, mask = paste(grey, kind, 0.3, np.random.default_rng(0))
        assert (drawn == drawn[:, :, :1]).all()
        assert mask.any()


def test_a_place_where_the_defect_shows_is_looked_for() -> None:
    """A patch of a flat surface pasted elsewhere on it is no defect: most of this image is flat."""
    image = np.full((80, 80, 3), 90, np.uint8)
    image[:, :12] = 220
    seen = 0
    for seed in range(20):
        drawn, mask = Pasted("patch", 0.15, seed).apply(image, "c", "a")
        seen += np.abs(drawn.astype(int) - image)[mask == 1].mean() >= 12
    assert seen >= 17


def test_what_is_no_defect_is_refused() -> None:
    with pytest.raises(AdshiftError, match=r"defects=hole must be among: scratch, stain"):
        Pasted("hole")
    with pytest.raises(AdshiftError, match=r"defect_size=0.6 must be in \(0, 0.5\]"):
        Pasted("spot", 0.6)


def test_the_shift_moves_the_defect_and_its_mask_together(photos: Path) -> None:
    """Drawn before the shift: the shifted mask is where the shifted images differ, and nothing else is."""
    good = index_category(photos.parent, "photos").train_good[0]
    sample = with_defects([good], ["spot"], 0.3, 0)[0]
    assert (sample.label, sample.defect) == (1, "pasted spot")
    domain = Domain("geometric", geometric=True, severity=2.0)
    plain, _ = read_pair(photos.parent, good, domain)
    marked, mask = read_pair(photos.parent, sample, domain)
    unmoved, _ = read_pair(photos.parent, sample, Domain())
    assert mask is not None
    assert (unmoved != marked).any()
    change = np.abs(marked.astype(int) - plain).max(axis=2)
    assert change[mask == 1].mean() > 20
    assert change[mask == 0].mean() < 2


def test_pasted_defects_are_part_of_the_stores_keys(photos: Path) -> None:
    good = index_category(photos.parent, "photos").train_good[:1]
    drawn = [with_defects(good, ["spot"], size, seed) for size, seed in ((0.1, 0), (0.2, 0), (0.1, 1))]
    sha256 = sample_hashes(FileHashes(), photos.parent, good)
    keys = {json.dumps(sample_list(samples, sha256)) for samples in (good, *drawn)}
    assert len(keys) == 4


DETECTORS: dict[str, Callable[[], Method]] = {
    "patchcore": lambda: PatchCore(FrozenBackbone("small", ["layer2", "layer3"], "builtin"), 0.1),
    "patchcore on timm": lambda: PatchCore(TimmBackbone("resnet10t", ["2", "3"], "random", 64), 0.1),
    "padim on timm": lambda: PaDiM(TimmBackbone("resnet10t", ["2", "3"], "random", 64), 20),
}


@pytest.mark.parametrize("detector", DETECTORS)
def test_scores_are_those_of_models_that_were_fitted_without_the_fold(photos: Path, run: Path, detector: str) -> None:
    """Against a fit and scores done by hand, one fold at a time; the models share the one backbone."""
    new_method = DETECTORS[detector]
    plan = make_plan(json.loads((run / "result.json").read_text())["config"], Domain())
    good = index_category(photos.parent, "photos").train_good
    pasted = with_defects(good, list(KINDS), 0.2, 0)
    fold_N, shifted = folds(len(good), 3, 0), component_domain("all", 1.0, 0)

    def prepare(samples: object, domain: Domain) -> object:
        return prepare_images(NoStore(), plan.root, samples, domain, 64, "input", 0)  # type: ignore[arg-type]

    bench = Bench(new_method(), good, pasted, fold_N, prepare, 64, 4, torch.device("cpu"), Domain())  # type: ignore[arg-type]
    for born, seen in ((Domain(), shifted), (shifted, shifted)):
        found = bench.seen(born, seen)
        for fold in range(3):
            method = new_method().eval()
            method.begin_fit(int((fold_N != fold).sum()))
            rest = [s for s, f in zip(good, fold_N, strict=True) if f != fold]
            own = [s for s, f in zip((*good, *pasted), np.tile(fold_N, 2), strict=True) if f == fold]
            with torch.no_grad():
                for batch in prepare(rest, born).loader(32):  # type: ignore[attr-defined]
                    method.collect(method.embed(batch.images))
                method.finish_fit()
                (batch,) = prepare(own, seen).loader(32)  # type: ignore[attr-defined]
                expected = method(batch.images).image_score_B.numpy()
            assert np.allclose(found.score_M[np.tile(fold_N, 2) == fold], expected, rtol=1e-4)
    shared = [tensor.data_ptr() for tensor in bench.method.backbone.state_dict().values()]
    for model in (model for models in bench._models.values() for model in models):
        assert [tensor.data_ptr() for tensor in model.backbone.state_dict().values()] == shared
    assert [m.sum() for m in found.masks[: len(good)]] == [0] * len(good)
    assert all(m.any() for m in found.masks[len(good) :])
    bench.leave(shifted)
    assert set(bench._models) == {Domain()}


def test_no_image_takes_part_in_its_own_threshold() -> None:
    score_N, fold_N = np.arange(40.0), folds(40, 5, 0)
    before = thresholds(Conformal(), score_N, fold_N, np.arange(40))
    assert [c.n for c in before] == [32] * 5
    raised = score_N.copy()
    raised[fold_N == 2] += 1000
    after = thresholds(Conformal(), raised, fold_N, np.arange(40))
    assert after[2] == before[2]
    assert all(after[fold] != before[fold] for fold in (0, 1, 3, 4))


def a_cell(component: str, severity: float, repair: str, right: float, alarms: float = 0.0) -> Cell:
    """A cell whose balanced accuracy has replicates within 2 points of it."""
    values = {BALANCED: right, "false_alarm_rate": alarms, "false_alarm_rate_exact_ci": [alarms, 1.0]}
    drawn = right + np.random.default_rng(zlib.crc32(f"{component} {repair}".encode())).uniform(-0.02, 0.02, 500)
    figures = Figures(values, [], {BALANCED: drawn})  # type: ignore[arg-type]
    calibration = Conformal().calibrate(np.arange(20.0), np.zeros(20, int))
    return Cell(component, severity, repair, figures, (calibration,), {})


@pytest.mark.parametrize(
    ("none", "threshold", "full", "alarms", "expected"),
    [
        (0.90, 0.90, 0.90, 0.0, "none"),
        (0.60, 0.80, 0.80, 0.9, "threshold"),
        (0.60, 0.80, 0.95, 0.9, "full"),
        (0.60, 0.60, 0.80, 0.9, "full"),
        (0.60, 0.61, 0.62, 0.9, UNCLEAR),
        (0.90, 0.90, 0.90, 0.2, UNCLEAR),
        (0.90, 0.60, 0.60, 0.0, "none"),
    ],
)
def test_a_repair_is_recommended_only_where_intervals_separate(
    none: float, threshold: float, full: float, alarms: float, expected: str
) -> None:
    cells = [a_cell("clean", 0.0, "none", 0.9), a_cell("all", 1.0, "none", none, alarms),
             a_cell("all", 1.0, "threshold", threshold), a_cell("all", 1.0, "full", full)]  # fmt: skip
    found = verdict(cells, "all", 1.0)
    assert found is not None
    assert found.repair == expected
    assert verdict(cells, "all", 2.0) is None


def test_a_repair_that_breaks_its_promise_says_so() -> None:
    cells = [a_cell("clean", 0.0, "none", 0.9), a_cell("all", 1.0, "none", 0.6, 0.9),
             a_cell("all", 1.0, "threshold", 0.8, 0.3), a_cell("all", 1.0, "full", 0.7)]  # fmt: skip
    found = verdict(cells, "all", 1.0)
    assert found is not None
    assert list(found.gains) == ["threshold", "full", "full over threshold"]
    said = sentence(found)
    assert said.startswith(
        "all, severity 1: a new threshold is worth it, though with it there are still more false alarms than promised. "
        "Points of balanced accuracy: the change −30."
    )
    assert "; a new fit over a new threshold: −1" in said
    kept = verdict([*cells[:2], a_cell("all", 1.0, "threshold", 0.8), cells[3]], "all", 1.0)
    assert kept is not None
    assert sentence(kept).startswith("all, severity 1: a new threshold is worth it. Points")


def test_what_harms_is_told_a_line_a_component() -> None:
    """The thresholds of ``a_cell`` promise 5 %: a lower bound of 5 % is not above it."""
    alarms = {("all", 0.5): 0.05, ("all", 1.0): 0.3, ("all", 2.0): 1.0, ("illumination", 1.0): 0.0}
    cells = [a_cell("clean", 0.0, "none", 0.9, 0.5)]
    cells += [a_cell(*change, "none", 0.9, rate) for change, rate in alarms.items()]
    cells += [a_cell("all", 0.5, "threshold", 0.9, 0.9)]
    assert harm(cells) == [
        "False alarms after a change, all, without repair: more than promised at severity 1 (30.0 %), 2 (100.0 %).",
        "False alarms after a change, illumination, without repair: not shown to exceed the promise.",
    ]


def test_the_command_leaves_a_table_a_page_and_an_answer(photos: Path, run: Path, tmp_path: Path) -> None:
    arguments = (
        f"run={run}",
        "severities=[1]",
        "components=[all,illumination]",
        "bootstrap=100",
        "defect_size=0.3",
        "folds=3",
    )
    first, _ = (invoke_stress(*arguments, f"hydra.run.dir={tmp_path / name}") for name in "ab")
    assert first.code == 0, first.err
    assert "PASTED, not real" in first.out
    assert "coreset: " not in first.err  # of the bars only that of the whole, and that on a terminal alone
    assert (
        "rests on 10 good images: so few can promise no less than 9.1 % false alarms, not the 5 % asked for"
        in first.out
    )
    told = json.loads((tmp_path / "a" / "stress.json").read_text())
    assert told["defects"] == "pasted, not real"
    assert [(c["component"], c["severity"], c["repair"]) for c in told["cells"]] == [
        ("clean", 0.0, "none"),
        *(("all", 1.0, repair) for repair in ("none", "threshold", "full")),
        *(("illumination", 1.0, repair) for repair in ("none", "threshold", "full")),
    ]
    assert {v["component"] for v in told["verdicts"]} == {"all", "illumination"}
    clean = told["cells"][0]
    assert clean["pasted_image_auroc"] > 0.8
    assert all(name.startswith(("pasted_", "false_alarm_rate")) for name in clean if "_ci" in name)
    for cell in told["cells"]:
        drawn = cell["regions"]
        assert (drawn["pixel"], drawn["region"], drawn["good_images"]) == ("image", 16, 15)
        assert drawn["promised_rate"] == cell["promised_rate"]
        assert drawn["outlined_rate"] == drawn["outlined"] / 15
        assert 0 <= drawn["pasted_seg_f1"] <= 1
    assert "As the images are, " in (tmp_path / "a" / "index.html").read_text()
    assert told["cells"] == json.loads((tmp_path / "b" / "stress.json").read_text())["cells"]
    rows = list(csv.DictReader((tmp_path / "a" / "stress.csv").open()))
    assert [float(r["pasted_recall"]) for r in rows] == [c["pasted_recall"] for c in told["cells"]]
    page = (tmp_path / "a" / "index.html").read_text()
    assert page.count("<section") >= 6
    assert sentences(page)[2].startswith("As the images are: ")  # the answer comes first, after the title alone
    assert repeated(page) == []
    assert page.count("<li>False alarms after a change, ") == 2
    assert re.search(r"Worth doing after a change, illumination: .* \(severity 1\)\.", page)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "pasted" in page


def invoke_stress(*arguments: str):  # type: ignore[no-untyped-def]
    return invoke("adshift/stress/__main__.py", *arguments)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["severities=[-1]"], "severities holds -1, which must be in [0, 10]"),
        (["severities=1"], "severities=1 must be a list"),
        (["components=[rain]"], "components holds rain, which must be one of: all, geometric"),
        (["repairs=[full]"], "repairs=['full'] must hold none"),
        (["defects=[hole]"], "defects=hole must be among: scratch"),
        (["defect_size=0.9"], "defect_size=0.9 must be in (0, 0.5]"),
        (["folds=1"], "folds=1 must be >= 2"),
        (["folds=16"], "photos has 15 good images, and this stress test needs 16; add some, or use folds=15 or less"),
        (["images=5"], "images=5 must be 0 (all) or at least 10"),
        (["bootstrap=1"], "bootstrap=1 must be in [100"),
        (["seed=-1"], "seed=-1 must be in [0, 2^32)"),
        (["run=nowhere"], "nowhere/result.json does not exist"),
        (["data_root=nowhere"], "data_root=nowhere is no folder; give the folder that holds the images of photos now"),
        (["colour=red"], "colour is no key of this configuration"),
    ],
)
def test_mistakes_are_told_in_one_line(run: Path, tmp_path: Path, overrides: list[str], says: str) -> None:
    done = invoke_stress(f"run={run}", *overrides, f"hydra.run.dir={tmp_path}")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert says in done.err
    assert not (tmp_path / "stress.json").exists()


def test_at_most_so_many_images_take_part(photos: Path, run: Path, tmp_path: Path) -> None:
    done = invoke_stress(
        f"run={run}", "images=10", "folds=2", "severities=[0]", "bootstrap=100", f"hydra.run.dir={tmp_path}"
    )
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "stress.json").read_text())
    assert told["good_images"] == len({i["path"] for i in told["images"]}) == 10
    assert len(told["cells"]) == 1


def test_a_sample_with_a_defect_sorts_beside_its_like() -> None:
    good = Sample("c/a.png", "c", "good")
    assert sorted([replace(good, defect="pasted spot", pasted=Pasted("spot")), good])[0] == good


def test_photographs_of_a_new_lamp_are_stressed_in_place_of_the_runs_images(run: Path, tmp_path: Path) -> None:
    lamp = tmp_path / "new lamp"
    for i in range(12):
        draw(lamp / f"{i:03}.png", 100 + i)
    done = invoke("adshift/stress/__main__.py", f"run={run}", "domain=photos", f"domain.root='{lamp}'", "severities=[1]",
                  "components=[illumination]", "repairs=[none,threshold]", "bootstrap=100", "folds=3",
                  f"hydra.run.dir={tmp_path / 'out'}")  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads((tmp_path / "out" / "stress.json").read_text())
    assert {image["path"] for image in found["images"]} == {f"{i:03}.png" for i in range(12)}
    assert [(c["component"], c["repair"]) for c in found["cells"]] == [
        ("clean", "none"), ("illumination", "none"), ("illumination", "threshold"),
    ]  # fmt: skip


def test_a_simulated_domain_is_no_home(run: Path, tmp_path: Path) -> None:
    done = invoke("adshift/stress/__main__.py", f"run={run}", "domain=shift", f"hydra.run.dir={tmp_path / 'out'}")
    assert done.code == 2
    assert "domain=shift changes the images, which is what severities and components are for" in done.err
