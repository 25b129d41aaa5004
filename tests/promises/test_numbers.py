"""Numbers at the edge: each case has a defined outcome, finite or null, and the run says what happened."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import draw, draw_category, tiny_overrides
from helpers.inprocess import Finished, invoke
from PIL import Image
from torch import Tensor, nn

from adshift.calibration.conformal import Conformal
from adshift.calibration.evt import EVT
from adshift.calibration.f1 import F1
from adshift.calibration.quantile import Quantile
from adshift.calibration.sigma import Sigma
from adshift.calibration.thresholds import Thresholds
from adshift.data.samples import Sample
from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.methods.gaussian import StreamingGaussian
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.stages.measure import measure
from adshift.stages.score_checks import require_finite, score_warnings
from adshift.stages.scored import ScoredImages

METHODS = ("patchcore", "padim")
Damage = Callable[[Path], object]


def run(folder: Path, damage: Damage, method: str = "patchcore", *overrides: str) -> Finished:
    """Train on a damaged category of 20 + 14 small images, into FOLDER/run."""
    draw_category(folder / "root", "plate", seed=1)
    damage(folder / "root" / "plate")
    common = [o for o in tiny_overrides(folder / "root") if method == "patchcore" or "coreset" not in o]
    return invoke(
        "train.py", *common, f"method={method}", "image_size=32", "metrics.bootstrap=20", "store=off",
        f"hydra.run.dir={folder / 'run'}", *overrides,
    )  # fmt: skip


def result_of(folder: Path, damage: Damage, method: str = "patchcore", *overrides: str) -> dict[str, Any]:
    """The result.json of a run that must succeed; it must hold no NaN."""
    done = run(folder, damage, method, *overrides)
    assert done.code == 0, done.err
    text = (folder / "run" / "result.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def told(result: dict[str, Any], *words: str) -> bool:
    """Whether one warning holds all of these words."""
    return any(all(word in line for word in words) for line in result["warnings"])


def keep_train(count: int) -> Damage:
    return lambda base: [p.unlink() for p in sorted((base / "train" / "good").iterdir())[count:]]


def remove(*names: str) -> Damage:
    return lambda base: [shutil.rmtree(base / name) for name in names]


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize("method", METHODS)
def test_one_train_image(method: str, tmp_path: Path) -> None:
    result = result_of(tmp_path, keep_train(1), method, "split=official")
    assert result["counts"]["plate"]["train"] == 1
    assert 0 <= result["metrics"]["macro"]["image_auroc"] <= 1
    if method == "padim":
        assert told(result, "1 train images give covariances of zero", "0.01001")


@pytest.mark.parametrize("split", ["study", "standard"])
def test_one_train_image_is_refused_where_it_must_be_shared(split: str, tmp_path: Path) -> None:
    done = run(tmp_path, keep_train(1), "patchcore", f"split={split}")
    assert done.code == 2
    assert "has 1 train/good images, of which the split leaves 0 to train on" in done.err


@pytest.mark.parametrize(("threshold", "promised"), [("quantile", 0.05), ("conformal", 0.5), ("evt", 0.5)])
def test_one_calibration_image(threshold: str, promised: float, tmp_path: Path) -> None:
    result = result_of(tmp_path, keep_train(2), "patchcore", f"threshold={threshold}")
    assert result["threshold"]["plate"]["promised_rate"] == promised
    assert told(result, "image threshold", "1 normals cannot")


def test_one_calibration_image_is_too_few_for_sigma_before_the_fit(tmp_path: Path) -> None:
    done = run(tmp_path, keep_train(2), "patchcore", "threshold=sigma")
    assert done.code == 2
    assert "threshold=sigma needs 2 normal calibration images" in done.err
    assert "coreset: " not in done.err


@pytest.mark.parametrize("method", METHODS)
def test_an_all_good_test_set(method: str, tmp_path: Path) -> None:
    result = result_of(tmp_path, remove("test/blot", "test/dent"), method, "threshold=conformal")
    figures = result["metrics"]["categories"]["plate"]
    assert [figures[name] for name in ("image_auroc", "image_ap", "recall", "pixel_auroc", "pro_030")] == [None] * 5
    assert 0 <= figures["false_alarm_rate"] <= 1
    assert told(result, "no anomalous test image")


@pytest.mark.parametrize("method", METHODS)
def test_an_all_bad_test_set(method: str, tmp_path: Path) -> None:
    result = result_of(tmp_path, remove("test/good"), method, "threshold=conformal")
    figures = result["metrics"]["categories"]["plate"]
    assert [figures[name] for name in ("image_auroc", "false_alarm_rate", "specificity")] == [None] * 3
    assert 0 <= figures["recall"] <= 1
    assert 0 <= figures["pixel_auroc"] <= 1  # the images hold good pixels and bad ones
    assert told(result, "no normal test image")


def test_a_data_set_without_a_mask_has_an_image_threshold_all_the_same(tmp_path: Path) -> None:
    """threshold=f1 finds no defect pixel to set a pixel threshold by: the pixel figures are null, the rest stands."""
    result = result_of(tmp_path, remove("ground_truth"), "patchcore", "threshold=f1")
    assert result["threshold"]["plate"]["kind"] == "f1"
    assert result["pixel_threshold"] == {}
    figures = result["metrics"]["categories"]["plate"]
    assert figures["recall"] is not None
    assert [figures[name] for name in ("pixel_auroc", "pixel_f1", "pro_030")] == [None] * 3
    assert told(result, "6 of 6 anomalous test images have no mask")


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_train_image_among_others(method: str, tmp_path: Path) -> None:
    flat = Image.new("RGB", (64, 64), (120, 120, 120))
    result = result_of(tmp_path, lambda base: flat.save(base / "train/good/000.png"), method)
    assert 0 <= result["metrics"]["macro"]["image_auroc"] <= 1


@pytest.mark.parametrize("method", METHODS)
def test_every_train_image_the_same_constant(method: str, tmp_path: Path) -> None:
    """Covariance zero, one distinct patch but for the image's border."""

    def damage(base: Path) -> None:
        for path in (base / "train/good").iterdir():
            Image.new("RGB", (64, 64), (120, 120, 120)).save(path)

    options = ("coreset_ratio=1",) if method == "patchcore" else ()
    result = result_of(tmp_path, damage, method, "threshold=quantile", *options)
    assert result["metrics"]["macro"]["false_alarm_rate"] == 1.0  # everything is unlike the train images
    assert told(result, "plate: all 4 normal calibration images have the score")
    if method == "patchcore":
        assert told(result, "fewer than", "distinct vectors: the bank repeats some")


def test_a_bank_smaller_than_k_says_so(tmp_path: Path) -> None:
    result = result_of(tmp_path, nothing, "patchcore", "method.neighbours=1000")
    assert told(result, "vectors, fewer than method.neighbours=1000: scores use all of them")


def test_a_ratio_that_keeps_no_vector_keeps_one_and_says_so(tmp_path: Path) -> None:
    result = result_of(tmp_path, nothing, "patchcore", "coreset_ratio=1e-9")
    assert result["memory"]["bank_vectors"] == 1
    assert told(result, "the bank holds 1 vector (coreset_ratio=1e-09): every score is the distance to it")


def test_fewer_images_than_channels_leave_a_singular_covariance_and_say_so(tmp_path: Path) -> None:
    result = result_of(tmp_path, nothing, "padim")
    assert told(result, "16 train images give covariances of rank 15 of 100", "the regularisation 0.01001 alone")
    backbone = FrozenBackbone("resnet18", ("layer1",), "random")
    assert PaDiM(backbone, 8).cautions(9) == []


def test_a_covariance_that_is_not_positive_definite_is_refused() -> None:
    """Variances of 1e18 in one direction: the regularisation of 0.01 is lost in their rounding."""
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(1, 8, 1, generator=generator).expand(5, 8, 3)
    gaussian = StreamingGaussian()
    gaussian.update(direction * torch.randn(5, 1, 1, generator=generator) * 1e9)
    with pytest.raises(
        AdshiftError, match=r"at patch 0 is not positive definite: a variance of .*e\+1[78] drowns .* 0\.01;"
    ):
        gaussian.mean_and_precision(0.01)


class Overflowing(nn.Module):
    """A backbone whose features are finite on one image and not on a brighter one."""

    def __init__(self, backbone: FrozenBackbone, value: float) -> None:
        super().__init__()
        self.backbone, self.value = backbone, value
        self.layers, self.channels, self.architecture = backbone.layers, backbone.channels, backbone.architecture
        self.body = backbone.body

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        bright = (images.amax(dim=(1, 2, 3)) > 9)[:, None, None, None]
        return {name: feature.masked_fill(bright, self.value) for name, feature in self.backbone(images).items()}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_features_that_are_not_finite_never_become_a_figure(method: str, value: float) -> None:
    """They are refused in a train image at the fit, and in a test image where it is scored."""
    layers = ("layer1", "layer2")
    backbone: Any = Overflowing(FrozenBackbone("resnet18", layers, "random"), value)
    model = PatchCore(backbone, 0.5) if method == "patchcore" else PaDiM(backbone, 20)
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    bright = images.clone()
    bright[1, 0, 0, 0] = 10

    def fit(train: Tensor) -> None:
        model.begin_fit(3)
        model.collect(model.embed(train))
        model.finish_fit()

    with pytest.raises(AdshiftError, match="train embeddings hold NaN or infinite values"):
        fit(bright)
    fit(images)
    require_finite(_of(model(images)))
    with pytest.raises(
        AdshiftError, match=r"query holds NaN or infinite|c/test/good/1\.png has the score .* must be finite"
    ):
        require_finite(_of(model(bright)))


def _of(scores: Any) -> ScoredImages:
    return _scored(scores.image_score_B.double().numpy(), list(scores.anomaly_map_BHW.numpy()))


def _scored(score_N: np.ndarray, maps: list[np.ndarray], defect: str = "good") -> ScoredImages:
    samples = tuple(Sample(f"c/test/{defect}/{i}.png", "c", defect) for i in range(len(score_N)))
    return ScoredImages(samples, score_N, maps, [np.zeros(m.shape, np.uint8) for m in maps], None)


@pytest.mark.parametrize("place", ["score", "map"])
def test_a_score_or_map_that_is_not_finite_is_refused_by_name(place: str) -> None:
    score_N, maps = np.zeros(3), [np.zeros((4, 4), np.float32) for _ in range(3)]
    require_finite(_scored(score_N, maps))
    if place == "score":
        score_N[2] = np.nan
    else:
        maps[2][1, 1] = np.inf
    with pytest.raises(AdshiftError, match=r"c/test/good/2\.png"):
        require_finite(_scored(score_N, maps))


def test_equal_scores_have_chance_figures_and_are_told() -> None:
    samples = tuple(Sample(f"c/test/{d}/{i}.png", "c", d) for d in ("bad", "good") for i in range(3))
    maps = [np.full((8, 8), 2.0, np.float32)] * 6
    masks: list[Any] = [np.eye(8, dtype=np.uint8)] * 3 + [np.zeros((8, 8), np.uint8)] * 3
    scored = ScoredImages(samples, np.full(6, 2.0), maps, masks, None)
    values = measure(scored, Thresholds({}, {}), ["c"], 50, 0).categories["c"].values
    assert values["image_auroc"] == 0.5
    assert values["image_auroc_ci"] == [0.5, 0.5]
    assert values["pixel_auroc"] == 0.5
    assert values["image_ap"] == 0.5  # the share of anomalies
    assert values["pro_030"] == pytest.approx(0.15)  # the diagonal, cut at 0.3
    assert score_warnings({"test": scored}, ["c"]) == [
        f"c: all 3 {kind} test images have the score 2: nothing tells them apart" for kind in ("normal", "anomalous")
    ]
    assert score_warnings({"test": scored.select([True] + [False] * 5)}, ["c"]) == []


@pytest.mark.parametrize(
    ("calibrator", "says"),
    [
        (Quantile(0.05), ""),
        (Conformal(0.05), ""),
        (EVT(0.05), "no spread|lie above the tail's start"),
        (Sigma(3.0), "all 40 normal scores are equal"),
        (F1(), "calls all 40 calibration normals anomalous"),
    ],
)
def test_equal_calibration_scores_have_a_threshold(calibrator: Any, says: str) -> None:
    """None of the normals alarms, but for F1, which must call them all anomalous to find the anomalies, and says so."""
    score_N, label_N = np.full(50, 1.25), np.repeat([0, 1], (40, 10))
    found = calibrator.calibrate(score_N, label_N)
    assert math.isfinite(found.threshold)
    assert (score_N[:40] >= found.threshold).mean() == (1.0 if calibrator.kind == "f1" else 0.0)
    assert re.search(says, " ".join(found.warnings)) is not None


def test_one_normal_and_one_defective_test_image(tmp_path: Path) -> None:
    def damage(base: Path) -> None:
        for folder in ("test/good", "test/blot"):
            for path in sorted((base / folder).iterdir())[1:]:
                path.unlink()
        shutil.rmtree(base / "test/dent")
        draw(base / "test/good/000.png", 77)

    result = result_of(tmp_path, damage, "patchcore", "threshold=conformal")
    figures = result["metrics"]["categories"]["plate"]
    assert figures["image_auroc"] in (0.0, 0.5, 1.0)
    assert figures["image_auroc_ci"] == [figures["image_auroc"]] * 2  # each class has one image to draw again
