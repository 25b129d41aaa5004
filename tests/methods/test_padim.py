"""PaDiM against anomalib's own model and statistics, and its streaming fit against the one that holds everything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.features.weights import read_weights
from adshift.methods.gaussian import StreamingGaussian
from adshift.methods.padim import REGULARISATION, PaDiM

LAYERS = ("layer1", "layer2", "layer3")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int, seed: int = 0, size: int = 32) -> Tensor:
    return torch.randn(count, 3, size, size, generator=generator(seed))


@pytest.fixture(scope="module")
def backbone() -> FrozenBackbone:
    return FrozenBackbone("resnet18", LAYERS, "random", seed=3)


def fitted(method: PaDiM, train: Tensor, batch: int = 4) -> PaDiM:
    method.begin_fit(len(train))
    for part in train.split(batch):
        method.collect(method.embed(part))
    method.finish_fit()
    return method


def anomalibs_own(state: dict[str, Tensor], idx: Tensor) -> Any:
    """anomalib's PadimModel on its own timm extractor, with these weights and channels."""
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    from anomalib.models.image.padim.torch_model import PadimModel

    model = PadimModel("resnet18", list(LAYERS), pre_trained=False, n_features=len(idx))
    own = model.feature_extractor.feature_extractor.state_dict()
    missing, _ = model.feature_extractor.feature_extractor.load_state_dict(
        {key: value for key, value in state.items() if key in own}, strict=False
    )
    assert all(key.endswith("num_batches_tracked") or key.startswith("layer4") for key in missing), missing
    model.idx = idx
    return model


def test_the_backbone_is_saved_once_where_anomalib_has_it(backbone: FrozenBackbone) -> None:
    method = PaDiM(backbone, 20)
    assert method.backbone is backbone
    own = {f"model.feature_extractor.{name}" for name in backbone.state_dict()}
    rest = {
        f"model.{name}"
        for name in ("idx", "gaussian.mean", "gaussian.inv_covariance", "anomaly_map_generator.blur.kernel")
    }
    assert set(method.state_dict()) == own | rest


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_statistics_are_anomalibs(offset: float) -> None:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    from anomalib.models.components import MultiVariateGaussian

    mixing = torch.randn(12, 12, generator=generator(1), dtype=torch.float64)
    noise_NPC = torch.randn(60, 6, 12, generator=generator(2), dtype=torch.float64) @ mixing
    embedding = (noise_NPC.permute(0, 2, 1) + offset).reshape(60, 12, 2, 3)
    reference = MultiVariateGaussian().double()
    with torch.no_grad():
        default = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # anomalib allocates in the default type
        try:
            mean, inverse = reference.fit(embedding)
        finally:
            torch.set_default_dtype(default)
    ours = StreamingGaussian()
    for part in embedding.flatten(2).split(7):
        ours.update(part)
    our_mean, our_inverse = ours.mean_and_precision(REGULARISATION)
    assert (our_mean.dtype, our_inverse.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(our_mean.double(), mean, rtol=1e-5, atol=1e-6)
    assert ((our_inverse - inverse).norm() / inverse.norm()).item() < 1e-5
    test = torch.randn(40, 6, 12, generator=generator(3), dtype=torch.float64) * 5
    ours_QP, theirs_QP = (
        torch.einsum("qpc,pcd,qpd->qp", test, matrix.double(), test).sqrt() for matrix in (our_inverse, inverse)
    )
    torch.testing.assert_close(ours_QP, theirs_QP, rtol=1e-5, atol=0)


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_batches_of_any_size_give_one_gaussian(offset: float) -> None:
    embedding = torch.randn(30, 5, 4, generator=generator()) + offset
    found = []
    for size in (1, 7, 30):
        gaussian = StreamingGaussian()
        for part in embedding.split(size):
            gaussian.update(part)
        found.append(gaussian.mean_and_precision(0.01))
    for mean, precision in found[1:]:
        torch.testing.assert_close(mean, found[0][0], rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(precision, found[0][1], rtol=1e-5, atol=1e-5)
    covariance = np.cov(embedding[:, :, 2].double().numpy(), rowvar=False) + 0.01 * np.eye(5)
    np.testing.assert_allclose(found[0][1][2].numpy(), np.linalg.inv(covariance), rtol=1e-4, atol=1e-5)


def test_memory_does_not_grow_with_the_images() -> None:
    def held(count: int) -> int:
        gaussian = StreamingGaussian()
        for part in torch.randn(count, 6, 4, generator=generator()).split(10):
            gaussian.update(part)
        tensors = [value for value in vars(gaussian).values() if isinstance(value, Tensor)]
        return sum(t.untyped_storage().nbytes() for t in tensors)

    assert held(10) == held(200) > 0


def test_one_image_leaves_the_regularisation_alone() -> None:
    gaussian = StreamingGaussian()
    gaussian.update(torch.randn(1, 3, 2, generator=generator()))
    _, precision = gaussian.mean_and_precision(0.5)
    torch.testing.assert_close(precision, 2 * torch.eye(3).expand(2, 3, 3))


def test_nothing_and_nonsense_are_refused(backbone: FrozenBackbone) -> None:
    with pytest.raises(AdshiftError, match="0 train images"):
        StreamingGaussian().mean_and_precision(0.01)
    train = images(3)
    train[1, 0, 3, 3] = float("nan")
    with pytest.raises(AdshiftError, match="train embeddings hold NaN or infinite values"):
        fitted(PaDiM(backbone, 10), train)
    for wrong in (0, 449):
        with pytest.raises(AdshiftError, match=rf"n_features={wrong} must be in \[1, 448\]"):
            PaDiM(backbone, wrong)


def test_the_whole_is_anomalibs_model_on_the_same_weights_and_channels(backbone: FrozenBackbone) -> None:
    method = PaDiM(backbone, n_features=40, seed=5)
    train, test = images(24), images(5, seed=1)
    fitted(method, train)
    reference = anomalibs_own(dict(backbone.body.state_dict()), method.model.idx)
    reference.train()
    for part in train.split(6):
        reference(part)
    reference.fit()
    reference.eval()
    with torch.no_grad():
        theirs = reference(test)
        ours = method(test)
    torch.testing.assert_close(ours.image_score_B, theirs.pred_score.flatten(), rtol=1e-3, atol=0)
    torch.testing.assert_close(ours.anomaly_map_BHW, theirs.anomaly_map[:, 0], rtol=1e-3, atol=1e-3)
    assert tuple(ours.image_score_B.shape) == (5,)
    assert tuple(ours.anomaly_map_BHW.shape) == (5, 32, 32)
    assert method.bank_shape() == (64, 4 * (40 * 64 + 64 * 40 * 40))


def test_channels_follow_the_seed_and_leave_the_global_generator_alone(backbone: FrozenBackbone) -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = PaDiM(backbone, 30, seed=1).model.idx
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(first, PaDiM(backbone, 30, seed=1).model.idx)
    assert not torch.equal(first, PaDiM(backbone, 30, seed=2).model.idx)
    assert len(set(first.tolist())) == 30
    assert 0 <= first.min() <= first.max() < 448


def test_a_state_dict_brings_channels_and_gaussians_along(backbone: FrozenBackbone) -> None:
    method = fitted(PaDiM(backbone, 20, seed=1), images(8))
    fresh = PaDiM(FrozenBackbone("resnet18", LAYERS, "random", seed=77), 20, seed=2)
    fresh.load_state_dict(method.state_dict())
    test = images(3, seed=4)
    assert torch.equal(fresh(test).image_score_B, method(test).image_score_B)
    assert torch.equal(fresh(test).anomaly_map_BHW, method(test).anomaly_map_BHW)


def test_a_second_fit_forgets_the_first(backbone: FrozenBackbone) -> None:
    method = fitted(fitted(PaDiM(backbone, 10), images(6)), images(6, seed=2))
    fresh = fitted(PaDiM(backbone, 10), images(6, seed=2))
    assert torch.equal(method.model.gaussian.mean, fresh.model.gaussian.mean)


def test_the_import_asks_no_network_for_a_newer_albumentations(
    backbone: FrozenBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_ALBUMENTATIONS_UPDATE", raising=False)
    PaDiM(backbone)
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"


@pytest.mark.slow
@pytest.mark.real
def test_screw_figures_are_anomalibs(shared: Path, resnet18: str) -> None:
    """The whole of screw at 224: anomalib on its timm extractor, its own fit, the same weights and channels."""
    from sklearn.metrics import roc_auc_score

    from adshift.data.dataset import ImageDataset
    from adshift.data.images import normalise
    from adshift.data.samples import index_category
    from adshift.metrics.pixel import PixelRanking
    from adshift.shift.domain import Domain

    root = shared / "data" / "mvtec"
    found = index_category(root, "screw")
    test = (*found.test_good, *found.test_anomalous)
    backbone = FrozenBackbone("resnet18", LAYERS, resnet18)
    method = PaDiM(backbone, 100, seed=0)
    reference = anomalibs_own(read_weights(Path(resnet18)), method.model.idx)
    reference.train()
    method.begin_fit(len(found.train_good))
    train = ImageDataset(root, found.train_good, Domain(), 224)
    for start in range(0, len(train), 16):
        batch = torch.stack([normalise(train[i].image) for i in range(start, min(start + 16, len(train)))])
        method.collect(method.embed(batch))
        reference(batch)
    method.finish_fit()
    reference.fit()
    reference.eval()
    served = ImageDataset(root, test, Domain(), 224)
    labels = np.array([sample.label for sample in test])
    scores: dict[str, list[Tensor]] = {"ours": [], "theirs": []}
    maps: dict[str, list[np.ndarray]] = {"ours": [], "theirs": []}
    masks = []
    for start in range(0, len(served), 16):
        items = [served[i] for i in range(start, min(start + 16, len(served)))]
        masks += [item.mask for item in items]
        batch = torch.stack([normalise(item.image) for item in items])
        with torch.no_grad():
            ours, theirs = method(batch), reference(batch)
        scores["ours"].append(ours.image_score_B)
        scores["theirs"].append(theirs.pred_score.flatten())
        maps["ours"] += list(ours.anomaly_map_BHW.numpy())
        maps["theirs"] += list(theirs.anomaly_map[:, 0].numpy())
    figures = {}
    for who in ("ours", "theirs"):
        ranking = PixelRanking.from_maps(maps[who], masks)
        figures[who] = (float(roc_auc_score(labels, torch.cat(scores[who]).numpy())), ranking.auroc(), ranking.pro(0.3))
    np.testing.assert_allclose(figures["ours"], figures["theirs"], rtol=0, atol=0.005)
    assert figures["theirs"] == pytest.approx((0.784, 0.977, 0.923), abs=0.05)  # what was measured once, loosely
