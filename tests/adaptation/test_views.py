"""Test-time augmentation: views and their inverses, aggregation, and whole cells that are scored in several views."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.regimes import change_split
from hypothesis import given
from hypothesis import strategies as st

from adshift.adaptation.augmentation import AGGREGATES, Augmentation
from adshift.adaptation.combined import CombinedAdaptation
from adshift.adaptation.declared import regime_seconds
from adshift.adaptation.few import FewAdaptation
from adshift.adaptation.recipe import unadapted
from adshift.adaptation.test_time import TestTimeAdaptation
from adshift.adaptation.views import IDENTITY, VIEWS
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.samples import index_category
from adshift.data.splits import StandardSplit
from adshift.errors import AdshiftError
from adshift.methods.method import Scores
from adshift.methods.module import AnomalyModule
from adshift.shift.domain import Domain
from adshift.stages.fit import make_trainer
from adshift.stages.scored import ScoredImages, aggregated
from adshift.stages.scoring import score_images
from adshift.store.store import Store

SIZE = 32
METHODS = ("patchcore", "padim")
PLACES: dict[str, Callable[[int, int, int], tuple[int, int]]] = {
    "identity": lambda row, column, last: (row, column),
    "rot90": lambda row, column, last: (last - column, row),
    "rot180": lambda row, column, last: (last - row, last - column),
    "rot270": lambda row, column, last: (column, last - row),
    "hflip": lambda row, column, last: (row, last - column),
    "vflip": lambda row, column, last: (last - row, column),
    "transpose": lambda row, column, last: (column, row),
    "transverse": lambda row, column, last: (last - column, last - row),
}
"""Where each view shows the pixel at (row, column) of an image whose last row and column is ``last``."""
LOOPS: dict[str, Callable[[Sequence[float]], float]] = {"mean": fmean, "min": min, "median": median, "max": max}

views = pytest.mark.parametrize("name", VIEWS)


@views
@given(size=st.integers(1, 9), channels=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_what_a_view_does_it_undoes(name: str, size: int, channels: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (2, size, size, channels), np.uint8)
    seen = VIEWS[name].seen(image, (1, 2))
    assert seen.shape == image.shape
    assert np.shares_memory(seen, image)
    np.testing.assert_array_equal(VIEWS[name].undone(seen, (1, 2)), image)
    np.testing.assert_array_equal(VIEWS[name].seen(VIEWS[name].undone(image, (1, 2)), (1, 2)), image)


@views
def test_a_marked_pixel_lands_where_the_view_shows_it(name: str) -> None:
    last = 3
    for row, column in product(range(last + 1), repeat=2):
        image = np.zeros((last + 1, last + 1))
        image[row, column] = 1.0
        (place,) = np.argwhere(VIEWS[name].seen(image, (0, 1)))
        assert tuple(place) == PLACES[name](row, column, last)


def test_the_views_are_all_symmetries_of_the_square() -> None:
    """Eight different ones, and one after another is one of them."""
    image = np.arange(9).reshape(3, 3)
    shown = {VIEWS[name].seen(image, (0, 1)).tobytes() for name in VIEWS}
    both = {b.seen(a.seen(image, (0, 1)), (0, 1)).tobytes() for a, b in product(VIEWS.values(), repeat=2)}
    assert (len(shown), both) == (8, shown)
    assert IDENTITY.seen(image, (0, 1)).tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", AGGREGATES)
@pytest.mark.parametrize("n_views", [1, 2, 3, 6])
def test_aggregates_are_those_of_a_plain_loop(kind: str, n_views: int) -> None:
    generator = np.random.default_rng(n_views)
    maps = [generator.normal(3.0, 2.0, (5, 4)).astype(np.float32) for _ in range(n_views)]
    found = Augmentation(aggregate=kind).aggregated(maps)
    wanted = [[LOOPS[kind]([float(m[i, j]) for m in maps]) for j in range(4)] for i in range(5)]
    assert (found.dtype, found.shape) == (np.float32, (5, 4))
    np.testing.assert_array_equal(found, np.array(wanted, np.float32))


def test_one_view_is_handed_on_as_it_is() -> None:
    one = ScoredImages((), np.empty(0), [], [], None, 2.0)
    assert aggregated([one], Augmentation()) is one


class Ramp(torch.nn.Module):
    """A detector of bright pixels that minds their places: the map is the red channel times a ramp, its mean the score."""

    bank, shares_embedding = None, False
    backbone = None

    def embed(self, images_B3SS: torch.Tensor) -> torch.Tensor:
        return images_B3SS[:, :1].permute(0, 2, 3, 1)

    def score(self, embedding_BHWD: torch.Tensor, size: tuple[int, int]) -> Scores:
        maps = embedding_BHWD[..., 0] * torch.linspace(0.5, 2.0, size[0] * size[1]).view(size)
        return Scores(maps.mean(dim=(1, 2)), maps, torch.zeros(len(maps), 2, dtype=torch.int64))


def ramp_scores(tiny: Path, folder: Path, augmentation: Augmentation) -> tuple[ScoredImages, np.ndarray, Store]:
    """The test images' scores, their normalised red channel [N, S, S], and the store."""
    store = Store(str(folder), 1.0)
    split = StandardSplit()(index_category(tiny, "plate"))
    data = AnomalyDataModule(store, tiny, split, [Domain()], SIZE, 4, 0, "input")
    trainer: pl.Trainer = make_trainer("cpu", 1)
    module = AnomalyModule(Ramp(), SIZE, {})
    scored = score_images(trainer, module, data, split.test, Domain(), None, augmentation)
    images = [batch.images for batch in data.images(split.test, Domain()).loader(4)]
    return scored, torch.cat(images)[:, 0].numpy(), store


@pytest.mark.parametrize("kind", AGGREGATES)
def test_scores_in_several_views_are_those_of_a_plain_loop(tiny: Path, tmp_path: Path, kind: str) -> None:
    """Pixel by pixel: what the detector says where each view shows the pixel. Score by score: the views' own."""
    names = ("identity", "rot90", "hflip", "transverse")
    scored, red_NSS, _ = ramp_scores(tiny, tmp_path, Augmentation(tuple(VIEWS[n] for n in names), kind))
    ramp = torch.linspace(0.5, 2.0, SIZE * SIZE).view(SIZE, SIZE).numpy()
    for found, score, red in zip(scored.maps[::5], scored.score_N[::5], red_NSS[::5], strict=True):
        wanted, of_view = np.zeros((SIZE, SIZE), np.float32), {name: [] for name in names}  # type: ignore[var-annotated]
        for row, column in product(range(SIZE), repeat=2):
            values = [float(red[row, column] * ramp[PLACES[name](row, column, SIZE - 1)]) for name in names]
            wanted[row, column] = LOOPS[kind](values)
            for name, value in zip(names, values, strict=True):
                of_view[name].append(value)
        np.testing.assert_array_equal(found, wanted)
        assert score == pytest.approx(LOOPS[kind]([fmean(values) for values in of_view.values()]), rel=1e-5)
    assert scored.nearest_image_NP is not None
    assert scored.nearest_image_NP.shape == (len(scored.samples), 2 * len(names))


def test_another_aggregate_scores_nothing_anew(tiny: Path, tmp_path: Path) -> None:
    pair = (IDENTITY, VIEWS["hflip"])
    *_, first = ramp_scores(tiny, tmp_path, Augmentation(pair, "mean"))
    *_, second = ramp_scores(tiny, tmp_path, Augmentation(pair, "min"))
    assert (first.made["scores"], second.made["scores"], second.reused["scores"]) == (2, 0, 2)
    *_, third = ramp_scores(tiny, tmp_path, Augmentation((VIEWS["hflip"], VIEWS["vflip"]), "max"))
    assert (third.made["scores"], third.reused["scores"]) == (1, 1)


def cell(root: Path, method: str = "patchcore", *more: str) -> list[str]:
    chosen = [*tiny_overrides(root), "image_size=32", "metrics.bootstrap=0", "split=standard", "threshold=quantile",
              "domain=shift", f"method={method}"]  # fmt: skip
    return [*(o for o in chosen if method == "patchcore" or not o.startswith("coreset_ratio")), *more]


def in_views(names: str, kind: str = "mean", statistics: str = "none") -> tuple[str, ...]:
    return ("adaptation=test_time", f"test_time.views=[{names}]", f"test_time.aggregate={kind}",
            f"test_time.statistics={statistics}", "test_time.batch=5")  # fmt: skip


def rows(folder: Path) -> list[tuple[str, str, str, str, str]]:
    with (folder / "scores.csv").open(newline="") as handle:
        return [(r["path"], r["role"], r["score"], r["threshold"], r["decision"]) for r in csv.DictReader(handle)]


def scores(folder: Path) -> np.ndarray:
    return np.array([float(score) for _, _, score, _, _ in rows(folder)])


def maps(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "maps.npz") as stored:
        return {name: stored[name] for name in stored.files}


@pytest.mark.parametrize("method", METHODS)
def test_the_image_as_it_is_is_no_augmentation(tiny: Path, tmp_path: Path, method: str) -> None:
    """Bit for bit: without matching it is the plain run, with matching the run that names no view."""
    run_cell(tmp_path / "none", *cell(tiny, method, "save_maps=true"))
    plain = run_cell(
        tmp_path / "one", *cell(tiny, method, *in_views("identity", "median"), "save_maps=true", "store=off")
    )
    assert rows(tmp_path / "one") == rows(tmp_path / "none")
    first, second = maps(tmp_path / "one"), maps(tmp_path / "none")
    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert (plain["timing"]["views"], plain["adaptation"]["seconds"]) == (0, 0)
    run_cell(tmp_path / "mean", *cell(tiny, method, "adaptation=test_time", "test_time.batch=5"))
    run_cell(tmp_path / "named", *cell(tiny, method, *in_views("identity", "max", "mean"), "store=off"))
    assert rows(tmp_path / "named") == rows(tmp_path / "mean") != rows(tmp_path / "none")


@pytest.mark.parametrize(("method", "statistics"), [("patchcore", "mean"), ("padim", "none")])
def test_a_cell_in_views_is_made_of_cells_in_one(tiny: Path, tmp_path: Path, method: str, statistics: str) -> None:
    """Calibration and test images alike: each score is the aggregate of those of runs that have one view each."""
    run_cell(tmp_path / "run", *cell(tiny, method))
    names = ("rot90", "identity", "vflip")

    def evaluated(folder: str, *how: str) -> dict[str, Any]:
        return run_cell(tmp_path / folder, f"run={tmp_path / 'run'}", *how, "save_maps=true", script="evaluate.py")

    for name in names:
        evaluated(name, *in_views(name, statistics=statistics))
    alone = [scores(tmp_path / name) for name in names]
    assert not np.allclose(alone[0], alone[1])
    for kind, loop in LOOPS.items():
        evaluated(kind, *in_views(",".join(names), kind, statistics))
        np.testing.assert_array_equal(scores(tmp_path / kind), [loop(values) for values in zip(*alone, strict=True)])
        parts, both = [maps(tmp_path / name) for name in names], maps(tmp_path / kind)
        for path, found in both.items():
            stack = np.stack([part[path] for part in parts]).astype(np.float64)
            np.testing.assert_array_equal(found, getattr(np, kind)(stack, axis=0).astype(np.float32))
    assert {role for _, role, *_ in rows(tmp_path / "mean")} == {"calibration", "test"}


@pytest.mark.parametrize("resolution", ["input", "original"])
def test_a_view_alone_puts_the_defect_where_it_is(tiny: Path, tmp_path: Path, resolution: str) -> None:
    """PatchCore minds no place: the bright square, off the centre of every tiny defect, is found in every view."""
    run_cell(tmp_path / "run", *cell(tiny, "patchcore", f"metrics.resolution={resolution}"), "domain=clean")
    for name in VIEWS:
        found = run_cell(tmp_path / name, f"run={tmp_path / 'run'}", *in_views(name), script="evaluate.py")
        assert found["metrics"]["macro"]["pixel_auroc"] > 0.95, name


@pytest.mark.parametrize("method", METHODS)
def test_augmentation_alone_knows_no_batch(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """An image's score is the same, but for rounding, among all test images, among defects alone, among good alone."""
    views = in_views("identity,hflip,rot270", "min")
    run_cell(tmp_path / "all", *cell(tiny, method, *views))
    whole = {path: float(score) for path, _, score, _, _ in rows(tmp_path / "all")}
    for label in (0, 1):
        with monkeypatch.context() as patch:
            change_split(patch, lambda s, label=label: replace(s, test=tuple(t for t in s.test if t.label == label)))
            run_cell(tmp_path / str(label), *cell(tiny, method, *views))
        found = {path: float(score) for path, _, score, _, _ in rows(tmp_path / str(label))}
        assert 4 < len(found) < len(whole)
        assert found == {path: pytest.approx(whole[path], rel=1e-5) for path in found}


def test_workers_change_nothing(tiny: Path, tmp_path: Path) -> None:
    views = in_views("rot180,transpose", "max")
    for workers in (0, 2):
        chosen = [o for o in cell(tiny) if not o.startswith("data.num_workers")]
        run_cell(tmp_path / str(workers), *chosen, *views, f"data.num_workers={workers}", "store=off")
    assert rows(tmp_path / "0") == rows(tmp_path / "2")


def test_folds_are_scored_as_the_test_images_are(tiny: Path, tmp_path: Path) -> None:
    """Out-of-fold scores make the threshold: in the same views, and matched where the test images are."""
    chosen = [o for o in cell(tiny) if not o.startswith("split=")]
    folds = (*chosen, "split=official", "crossfit=2")
    found = {}
    for name, how in {
        "none": (),
        "identity": in_views("identity"),
        "rot90": in_views("rot90"),
        "both": in_views("identity,rot90", "max"),
        "matched": in_views("identity", statistics="mean"),
    }.items():
        result = run_cell(tmp_path / name, *folds, *how)
        found[name] = result["threshold"]["plate"]["value"]
        assert (result["timing"]["views"] > 0) is (name == "both")
    assert found["identity"] == found["none"]
    assert found["both"] >= max(found["identity"], found["rot90"])
    assert len({found[name] for name in ("none", "rot90", "matched")}) == 3


def test_what_several_views_cost_is_declared(tiny: Path, tmp_path: Path) -> None:
    timed = [o for o in cell(tiny) if not o.startswith("metrics.latency")] + ["metrics.latency=true"]
    one = run_cell(tmp_path / "one", *timed)
    three = run_cell(tmp_path / "three", *timed, *in_views("identity,hflip,vflip"))
    for batch, ms in one["timing"]["ms_per_image"].items():
        assert three["timing"]["ms_per_image"][batch] == pytest.approx(3 * ms)
    timing, declared = three["timing"], three["adaptation"]
    assert 0 < declared["seconds"] == timing["views"] < timing["score"]
    assert (declared["target_data"], declared["target_images"], declared["bytes"]) == ("none", 0, 0)
    again = run_cell(tmp_path / "again", *timed, *in_views("identity,hflip,vflip"), "force=true")
    assert again["timing"]["views"] == pytest.approx(timing["views"], rel=0.5)  # the store's seconds, not these


def test_the_first_view_is_what_every_line_pays_for() -> None:
    views = TestTimeAdaptation(1, "none", views=("identity", "hflip"))
    clean, shift = Domain(), Domain("shift", True)
    recipe = views.applied(unadapted((clean,), shift))
    assert recipe.passes == 2
    assert regime_seconds(recipe, {"fit": 9.0, "views": 3.0}, calibration=2.0) == 3.0
    shifted = replace(recipe, calibration=(shift,))
    assert regime_seconds(shifted, {"fit": 9.0, "views": 3.0}, calibration=2.0) == 5.0


@pytest.mark.parametrize("order", [0, 1])
def test_few_images_and_views_are_refused_together(order: int) -> None:
    parts = (FewAdaptation(2), TestTimeAdaptation(4))
    with pytest.raises(AdshiftError, match=r"adaptation\.parts names few and test_time.*name one of the two"):
        CombinedAdaptation(parts if order == 0 else parts[::-1]).applied(unadapted((Domain(),), Domain()))


def test_the_result_says_how_it_was_scored(tiny: Path, tmp_path: Path) -> None:
    run_cell(tmp_path, *cell(tiny, "patchcore", *in_views("identity,rot90", "median")))
    node = json.loads((tmp_path / "result.json").read_text())["config"]["adaptation"]
    assert (node["views"], node["aggregate"], node["statistics"]) == (["identity", "rot90"], "median", "none")
