"""The torchmetrics classes of one figure each."""

import numpy as np
import pytest
import torch
from helpers.scored import scored
from sklearn import metrics as sk
from torchmetrics import Metric, MetricCollection

from adshift.errors import AdshiftError
from adshift.metrics.decision import decision_metrics
from adshift.metrics.modules import (
    PRO,
    ImageAUROC,
    ImageAveragePrecision,
    ImageBestF1,
    ImageDecision,
    PixelAUROC,
    PixelAveragePrecision,
    PixelDecision,
    RunFigures,
)
from adshift.metrics.pixel import PixelRanking
from adshift.metrics.ranking import auroc, average_precision, best_f1
from adshift.metrics.summary import figures


@pytest.mark.parametrize("offset", [0.0, 1e3, -1e3])
def test_modules_agree_with_the_functions_whatever_the_range(offset):
    scores, labels, maps, masks = scored()
    pixels = PixelRanking.from_maps(list(maps), list(masks))
    expected = {
        ImageAUROC(): auroc(scores, labels),
        ImageAveragePrecision(): average_precision(scores, labels),
        ImageBestF1(): best_f1(scores, labels),
        ImageDecision(14.0 + offset, "precision"): decision_metrics(scores, labels, 14.0)["precision"],
        ImageDecision(14.0 + offset): decision_metrics(scores, labels, 14.0)["image_f1"],
        PixelAUROC(): pixels.auroc(),
        PixelAveragePrecision(): pixels.average_precision(),
        PRO(0.05): pixels.pro(0.05),
        PRO(): pixels.pro(0.3),
        PRO(1): pixels.pro(1.0),
        PixelDecision(9.0 + offset): sk.f1_score((masks != 0).ravel(), maps.ravel() >= 9),
    }
    for metric, value in expected.items():
        image = type(metric).__name__.startswith("Image")
        parts = (scores, labels) if image else (maps[:, None].astype(np.float64), masks[:, None])
        for half in (slice(None, 10), slice(10, None)):
            metric.update(torch.from_numpy(parts[0][half]).double() + offset, torch.from_numpy(parts[1][half]))
        assert metric.compute().item() == pytest.approx(value, abs=1e-6), type(metric).__name__


def test_modules_are_nan_where_undefined_and_reset():
    metric = ImageAUROC()
    metric.update(torch.tensor([3.0, 4.0]), torch.tensor([0, 0]))
    assert metric.compute().isnan()
    metric.reset()
    metric.update(torch.tensor([3.0, 4.0], dtype=torch.bfloat16), torch.tensor([0, 1]))
    assert metric.compute() == 1
    pro = PRO()
    pro.update(torch.rand(2, 4, 4), torch.zeros(2, 4, 4))
    assert pro.compute().isnan()


def test_regions_are_those_of_the_masks_with_a_channel_or_without():
    _, _, maps, masks = scored()
    expected = PixelRanking.from_maps(list(maps), list(masks)).pro(0.3)
    metric = PRO()
    metric.update(torch.from_numpy(maps).double(), torch.from_numpy(masks))
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


def test_modules_refuse_what_they_cannot_measure():
    with pytest.raises(AdshiftError, match="figure='f2'"):
        ImageDecision(1.0, "f2")
    for limit in (2.0, 0.0):
        with pytest.raises(AdshiftError, match=f"limit={limit}"):
            PRO(limit)
    for maps, masks, says in (
        (torch.rand(2, 4, 4), torch.zeros(2, 5, 4), "must share one shape"),
        (torch.rand(2, 4, 4), torch.zeros(3, 4, 4), "2 maps and 3 masks do not fit"),
        (torch.rand(4, 4), torch.zeros(4, 4), "is no map or mask"),
        (torch.rand(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), "is no map or mask"),
    ):
        with pytest.raises(AdshiftError, match=says):
            PixelAUROC().update(maps, masks)


def one_each() -> dict[str, Metric]:
    """A class of one figure under the figure's name."""
    return {
        "image_auroc": ImageAUROC(),
        "image_ap": ImageAveragePrecision(),
        "image_f1_max": ImageBestF1(),
        "false_alarm_rate": ImageDecision(14.0, "false_alarm_rate"),
        "pixel_auroc": PixelAUROC(),
        "pixel_ap": PixelAveragePrecision(),
        "pro_030": PRO(),
        "pro_005": PRO(0.05),
        "pixel_f1": PixelDecision(9.0),
        "pixel_iou": PixelDecision(9.0, "pixel_iou"),
    }


def fed(metric: Metric | MetricCollection, size: int, **more) -> Metric | MetricCollection:
    """The metric after the small test set in batches of a size; each metric takes what it names."""
    scores, labels, maps, masks = map(torch.from_numpy, scored())
    for at in range(0, len(scores), size):
        rows = slice(at, at + size)
        batch = {"scores_N": scores[rows], "labels_N": labels[rows], "maps": maps[rows], "masks": masks[rows]}
        metric.update(**metric._filter_kwargs(**batch) if isinstance(metric, Metric) else batch, **more)
    return metric


@pytest.mark.parametrize("size", [1, 7, 24])
def test_classes_of_one_figure_and_of_all_agree_to_the_last_digit_in_any_batches(size):
    scores, labels, maps, masks = scored()
    pure = figures(scores, labels, 14.0, maps=maps, masks=masks, pixel_threshold=9.0, replicates=0).values
    every = fed(RunFigures(replicates=0), size, thresholds=14.0, pixel_thresholds=9.0)
    assert {name: value.item() for name, value in every.compute().items()} == pure
    for name, metric in one_each().items():
        assert fed(metric, size).compute().item() == pure[name], name


def test_a_collection_keeps_the_maps_once():
    pixels = MetricCollection({name: metric for name, metric in one_each().items() if name.startswith("p")})
    fed(pixels, 8)
    assert len(pixels.compute_groups) == 1
    assert pixels.compute()["pro_030"] == fed(PRO(), 24).compute()


@pytest.mark.parametrize("name", one_each())
def test_two_processes_count_both_ones_images(name):
    """What torchmetrics gathers is one tensor a state; here the other process has seen the images that this one has."""
    alone, both = fed(one_each()[name], 5), fed(one_each()[name], 5)
    gathered = {"dist_sync_fn": lambda state, group: [state, state], "distributed_available": lambda: True}
    with both.sync_context(**gathered):
        state, part = (both.scores, alone.scores) if hasattr(both, "scores") else (both.maps, alone.maps)
        assert state.numel() == 2 * sum(map(torch.numel, part))
        assert type(both).compute(both).item() == pytest.approx(alone.compute().item(), abs=1e-12)
