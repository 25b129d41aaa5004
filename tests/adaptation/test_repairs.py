"""The pure parts of the repairs: alignment, mixed Gaussians, rows of parts, matched batches, corrected images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.images import tiny_overrides
from hydra import compose, initialize_config_dir

from adshift.adaptation.few import FewAdaptation
from adshift.adaptation.few_images import draw
from adshift.adaptation.test_time import TestTimeAdaptation
from adshift.config.build import plain
from adshift.config.regime import build_regime
from adshift.data.datamodule import AnomalyDataModule
from adshift.data.samples import index_category
from adshift.data.splits import StandardSplit
from adshift.errors import AdshiftError
from adshift.methods.alignment import alignment, moments
from adshift.methods.coreset.order import greedy_order
from adshift.methods.distances.rows import rows_of_parts
from adshift.methods.gaussian import StreamingGaussian, mixed_gaussians
from adshift.shift.domain import Domain, domain_parts
from adshift.shift.transforms import UInt8
from adshift.stages.correction import fitted_correction
from adshift.stages.matching import Matching, inverse
from adshift.store.store import Store

REG = 0.01


def correlated(n: int, dim: int, seed: int, offset: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=generator) @ torch.randn(dim, dim, generator=generator) + offset


def test_moments_are_numpys_over_all_parts() -> None:
    parts = [correlated(50, 5, 0, 1000.0), correlated(31, 5, 1, 1000.0)]
    found, rows = moments(parts), torch.cat(parts).double().numpy()
    np.testing.assert_allclose(found.mean_D, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance_DD, np.cov(rows.T, bias=True), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", ["moments", "covariance"])
def test_an_aligned_set_has_the_targets_statistics(kind: str) -> None:
    source, target = correlated(500, 6, 0), correlated(400, 6, 1, 3.0)
    moved = alignment(moments([source]), moments([target]), kind)(source)
    got, wanted = np.cov(moved.double().numpy().T, bias=True), np.cov(target.double().numpy().T, bias=True)
    np.testing.assert_allclose(moved.mean(0), target.mean(0), atol=1e-4)
    if kind == "moments":
        np.testing.assert_allclose(np.diag(got), np.diag(wanted), rtol=1e-4)
    else:
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)


def test_no_weight_leaves_rows_where_they_are() -> None:
    source, target = moments([correlated(300, 4, 0)]), moments([correlated(300, 4, 1, 5.0)])
    rows = correlated(20, 4, 2)
    moved = alignment(source, source.mixed(target, 0.0), "covariance")(rows)
    torch.testing.assert_close(moved, rows, rtol=1e-4, atol=1e-4)


def test_mixed_gaussians_are_those_of_the_pooled_images() -> None:
    """With the share of the images as the weight, the mixture's moments are the biased ones of all images together."""
    first, second = correlated(40, 3, 0).numpy().astype(float), correlated(10, 3, 1, 2.0).numpy().astype(float)
    covariance = np.cov(first.T, bias=True) + REG * np.eye(3)
    statistics = StreamingGaussian()
    for half in np.split(second, 2):
        statistics.update(torch.from_numpy(half)[:, :, None])
    mean, precision = mixed_gaussians(
        torch.from_numpy(first.mean(0))[:, None].float(),
        torch.from_numpy(np.linalg.inv(covariance))[None].float(),
        statistics, 10 / 50, REG,
    )  # fmt: skip
    both = np.concatenate([first, second])
    np.testing.assert_allclose(mean[:, 0], both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(
        np.linalg.inv(precision[0].double()), np.cov(both.T, bias=True) + REG * np.eye(3), rtol=1e-4
    )


def test_rows_and_picks_of_parts_are_those_of_the_whole() -> None:
    whole = correlated(300, 12, 0)
    parts = whole.split([100, 7, 193])
    index = torch.tensor([299, 0, 106, 100, 99, 107])
    torch.testing.assert_close(rows_of_parts(parts, index), whole[index], rtol=0, atol=0)
    for projection in (4, 64):
        one = greedy_order([whole], 20, projection, 0, None)
        several = greedy_order(parts, 20, projection, 0, None)
        assert one.indices_M.tolist() == several.indices_M.tolist()


def test_a_matched_batch_has_the_train_statistics() -> None:
    train, batch = correlated(400, 4, 0), correlated(2 * 3 * 3, 4, 1, 7.0).view(2, 3, 3, 4)
    batch[..., 3] = 2.0
    mean = Matching(TestTimeAdaptation(2), moments([train])).matched(batch)
    torch.testing.assert_close(mean.flatten(0, 2).mean(0), train.mean(0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mean.flatten(0, 2).std(0), batch.flatten(0, 2).std(0), atol=1e-4, rtol=1e-4)
    both = Matching(TestTimeAdaptation(2, "moments"), moments([train])).matched(batch).flatten(0, 2)
    torch.testing.assert_close(both.mean(0), train.mean(0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(both.var(0, correction=0)[:3], train.var(0, correction=0)[:3], atol=1e-3, rtol=1e-3)
    assert both[:, 3].std() < 1e-5


def test_a_batch_of_defects_hides_part_of_the_defect() -> None:
    """The batch cannot tell a lamp from a defect: where every image has it, matching takes some of it away."""
    train = correlated(400, 4, 0)
    good, bad = (correlated(8 * 9, 4, seed).view(8, 3, 3, 4) for seed in (1, 2))
    bad[:, 1] += 30.0
    rule = Matching(TestTimeAdaptation(4), moments([train]))
    mixed = rule.matched(torch.cat([good[:3], bad[:1]]))[3]
    pure = rule.matched(bad[:4])[0]

    def distance(image: torch.Tensor) -> float:
        return float((image[1] - train.mean(0)).norm(dim=-1).max())

    assert distance(pure) < 0.8 * distance(mixed)


def test_the_order_of_a_batch_knows_no_label() -> None:
    matching = Matching(TestTimeAdaptation(3, seed=1), moments([correlated(9, 2, 0)]))
    order = matching.order(10)
    assert sorted(order) == list(range(10)) != order == matching.order(10)
    assert torch.tensor(order)[inverse(order)].tolist() == list(range(10))


def test_few_are_drawn_from_the_calibration_normals(tiny: Path) -> None:
    calibration = StandardSplit()(index_category(tiny, "plate")).calibration
    bad = index_category(tiny, "plate").test_anomalous
    drawn = {k: draw(FewAdaptation(k), (*calibration, *bad), ["plate"]) for k in (1, 2, 4)}
    assert [len(d) for d in drawn.values()] == [1, 2, 4]
    assert set(drawn[1]) < set(drawn[2]) < set(drawn[4]) == set(calibration)
    others = [set(draw(FewAdaptation(2, seed=s), calibration, ["plate"])) for s in range(8)]
    assert len({frozenset(o) for o in others}) > 1
    with pytest.raises(AdshiftError, match=r"few\.k=5 images .* leaves plate 4; use few\.k=4"):
        draw(FewAdaptation(5), (*calibration, *bad), ["plate"])


def test_a_domain_on_top_of_another() -> None:
    target, copy = Domain("shift", True, True, True, seed=3), Domain("copy 1", True, True, True, seed=-1)
    both = Domain("copy 1", True, True, True, seed=-1, before=target)
    image = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    first, _ = target.seen(image, None, "c", "a.png")
    second, _ = copy.seen(first, None, "c", "a.png")
    np.testing.assert_array_equal(both.seen(image, None, "c", "a.png")[0], second)
    assert domain_parts(both) != domain_parts(copy)
    assert domain_parts(Domain("x", True, seed=1)) == domain_parts(Domain("y", True, seed=1))
    assert not Domain(before=target).is_identity
    assert Domain(before=Domain()).is_identity


@dataclass(frozen=True)
class Brighter:
    """A correction that adds the train images' mean to every pixel."""

    mean: int

    def parts(self) -> dict[str, Any]:
        return {"mean": self.mean}

    def apply(self, image: UInt8, mask: UInt8 | None) -> tuple[UInt8, UInt8 | None]:
        return np.clip(image.astype(int) + self.mean, 0, 255).astype(np.uint8), mask


@dataclass(frozen=True)
class BrighterRule:
    """Fits ``Brighter``."""

    def settings(self) -> dict[str, Any]:
        return {"rule": "brighter"}

    def fit(self, images: Iterable[UInt8]) -> Brighter:
        return Brighter(int(np.mean([image.mean() for image in images])))

    def restored(self, parts: Mapping[str, Any]) -> Brighter:
        return Brighter(int(parts["mean"]))


def test_a_correction_is_fitted_once_and_acts_on_every_image(tiny: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path), 1.0)
    split = StandardSplit()(index_category(tiny, "plate"))
    data = AnomalyDataModule(store, tiny, split, [Domain()], 64, 4, 0, "input")
    plain_images = data.images(split.test, Domain()).image_NSS3
    data.correction = fitted_correction(BrighterRule(), data)
    assert fitted_correction(BrighterRule(), data) == data.correction
    assert (store.made["corrections"], store.reused["corrections"]) == (1, 1)
    mean = data.correction.parts()["mean"]
    assert 100 < mean < 120
    corrected = data.images(split.test, Domain()).image_NSS3
    np.testing.assert_array_equal(corrected, np.clip(plain_images.astype(int) + mean, 0, 255))
    assert store.made["images"] == 2


def test_options_of_the_regimes_reach_their_classes(tiny: Path) -> None:
    chosen = ["adaptation=robust_few", "robust.components=[photometric]", "robust.copies=5", "few.k=4", "few.weight=1"]
    from helpers.repo import REPO

    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        regime: Any = build_regime(plain(compose("train", [*tiny_overrides(tiny), *chosen]))["adaptation"])
    robust, few = regime.parts
    assert (robust.copies, list(robust.components), few.k, few.weight, regime.name) == (
        5, ["photometric"], 4, 1.0, "robust_few",
    )  # fmt: skip
