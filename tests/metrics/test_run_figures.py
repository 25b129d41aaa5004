"""`RunFigures`, and that a run's figures are its."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.scored import scored
from numpy.typing import NDArray

from adshift.data.images import read_mask
from adshift.errors import AdshiftError
from adshift.metrics.modules import RunFigures
from adshift.metrics.summary import Figures, figures
from adshift.results.arrays import MAX_MAPS_BYTES, read_arrays
from adshift.results.read import read_calibration, read_figures
from adshift.stages.measure import POOLED

Array = NDArray[Any]


def in_batches(metric: RunFigures, size: int, scores: Array, labels: Array, maps: list[Array],
               masks: list[Array | None], **an_image: Array) -> Figures:  # fmt: skip
    """The figures after images that came in batches of a size."""
    for at in range(0, len(scores), size):
        rows = slice(at, at + size)
        metric.update(
            torch.from_numpy(scores[rows]),
            torch.from_numpy(labels[rows]),
            [torch.from_numpy(m) for m in maps[rows]],
            [None if m is None else torch.from_numpy(m) for m in masks[rows]],
            **{name: torch.from_numpy(values[rows]) for name, values in an_image.items()},
        )
    return metric.figures()


def various() -> tuple[Array, Array, list[Array], list[Array | None]]:
    """Images of two sizes; normal ones without masks, and one anomalous one too."""
    (scores, labels, maps, masks), wide = scored(), scored(1, side=28)
    kept = [wide[2][i] if i % 2 else maps[i] for i in range(24)]
    truth: list[Array | None] = [(wide[3][i] if i % 2 else masks[i]) if labels[i] else None for i in range(24)]
    truth[20] = None
    return scores, labels, kept, truth


@pytest.mark.parametrize("size", [1, 5, 24])
def test_batches_of_any_size_give_the_functions_figures(size: int) -> None:
    scores, labels, maps, masks = various()
    thresholds, pixel_thresholds = np.linspace(12, 16, 24), np.linspace(8, 10, 24)
    strata = 2 * labels + np.arange(24) % 2
    metric = RunFigures(replicates=30, seed=4, stream="carpet")
    more = {"thresholds": thresholds, "pixel_thresholds": pixel_thresholds, "strata_N": strata}
    found = in_batches(metric, size, scores, labels, maps, masks, **more)
    expected = figures(
        scores, labels, thresholds, maps=maps, masks=masks, pixel_threshold=pixel_thresholds, replicates=30, seed=4,
        stream="carpet", strata_N=strata,
    )  # fmt: skip
    assert (found.values, found.warnings, found.images) == (expected.values, expected.warnings, expected.images)
    assert list(found.values) == list(expected.values)
    assert {name: r.tolist() for name, r in found.replicates.items()} == {
        name: r.tolist() for name, r in expected.replicates.items()
    }
    tensors = metric.compute()
    assert tensors["pro_030_ci"].tolist() == expected.values["pro_030_ci"]


def test_images_alone_have_image_figures_alone() -> None:
    scores, labels, *_ = scored()
    metric = RunFigures(replicates=0)
    metric.update(torch.from_numpy(scores), torch.from_numpy(labels))
    assert metric.figures().values == figures(scores, labels, replicates=0).values
    assert metric.compute()["pixel_auroc"].isnan()
    metric.reset()
    metric.update(torch.tensor([3, 250], dtype=torch.uint8), torch.tensor([False, True]))
    assert metric.figures().values["image_auroc"] == 1.0


def test_maps_and_masks_are_kept_and_not_copied(tmp_path: Path) -> None:
    scores, labels, maps, masks = scored()
    mapped = np.memmap(tmp_path / "maps", np.float32, "w+", shape=maps.shape)
    mapped[:] = maps
    metric = RunFigures(replicates=0)
    metric.update(*(torch.from_numpy(each) for each in (scores, labels, mapped, masks)))
    kept, marks = metric.all_maps()
    for i in range(24):
        assert np.shares_memory(kept[i], mapped[i])
        assert np.shares_memory(marks[i], masks[i])


def test_what_one_batch_has_all_must_have() -> None:
    scores, labels, maps, masks = map(torch.from_numpy, scored())
    metric = RunFigures(replicates=0)
    metric.update(scores, labels, thresholds=14.0)
    metric.update(scores, labels)
    with pytest.raises(AdshiftError, match="24 thresholds do not fit 48 images"):
        metric.compute()
    metric.reset()
    metric.update(scores, labels, maps, masks)
    metric.update(scores, labels)
    with pytest.raises(AdshiftError, match="24 maps and 24 masks do not fit 48 images"):
        metric.compute()


def test_two_processes_count_both_ones_images() -> None:
    scores, labels, maps, masks = various()
    metric = RunFigures(
        replicates=0, distributed_available_fn=lambda: True, dist_sync_fn=lambda state, group: [state, state]
    )
    both = in_batches(metric, 5, scores, labels, maps, masks)
    twice = figures(np.tile(scores, 2), np.tile(labels, 2), maps=maps * 2, masks=masks * 2, replicates=0)
    assert both.values == twice.values
    assert both.warnings == twice.warnings


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two categories that keeps its maps."""
    folder = tmp_path_factory.mktemp("run")
    run_cell(
        folder, *(o for o in tiny_overrides(tiny) if not o.startswith(("data=", "data.category="))), "data=unified",
        "data.source=folder", "data.categories=[plate,strip]", "data.name=both", "save_maps=true",
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("size", [1, 5])
def test_the_figures_of_a_run_are_the_metrics_of_what_it_left(run: Path, tiny: Path, size: int) -> None:
    with (run / "scores.csv").open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["role"] == "test"]
    maps = read_arrays(run / "maps.npz", "", {row["path"] for row in rows}, MAX_MAPS_BYTES)
    thresholds, written = read_calibration(run), read_figures(run)
    parts = {c: [row for row in rows if row["category"] == c] for c in ("plate", "strip")}
    for group, chosen in {**parts, POOLED: rows}.items():
        defective = [row["label"] == "1" for row in chosen]
        masks = [
            read_mask(tiny / row["path"].replace("/test/", "/ground_truth/").replace(".png", "_mask.png"))
            if bad
            else None
            for row, bad in zip(chosen, defective, strict=True)
        ]
        pixel = [thresholds.pixel_threshold(row["category"]) for row in chosen]
        strata = np.array([2 * (row["category"] == "strip") for row in chosen]) + defective
        found = in_batches(
            RunFigures(replicates=50, seed=0, stream=group),
            size,
            np.array([float(row["score"]) for row in chosen]),
            np.array(defective, np.int64),
            [maps[row["path"]] for row in chosen],
            masks,
            thresholds=np.array([float(row["threshold"]) for row in chosen]),
            pixel_thresholds=np.array(pixel, np.float64),
            **({"strata_N": strata} if group == POOLED else {}),
        )
        values = dict(written[group].values)
        values.pop("false_alarm_rate_exact_ci")  # binomial, beside the bootstrap's: stages/measure.py
        assert found.values == values
        assert found.images == written[group].images
