"""Backbones of timm: their features are timm's own, their weights strict, their runs whole, their refusals one line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from helpers.inprocess import run_cell
from safetensors.torch import save_file
from torch import Tensor

from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.errors import AdshiftError
from adshift.features.timm_models import TimmBackbone
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore

CONV, VIT, DINO = "resnet10t", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "vit_small_patch14_dinov2.lvd142m"


def photographs(size: int) -> Tensor:
    """[2, 3, S, S] in [0, 1]."""
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def normalised(images: Tensor, mean: Any = IMAGENET_MEAN, std: Any = IMAGENET_STD) -> Tensor:
    return (images - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def own_model(name: str, **options: Any) -> Any:
    torch.manual_seed(5)
    return timm.create_model(name, pretrained=False, **options).eval()


def saved(model: Any, path: Path) -> Path:
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


def test_a_convolutional_networks_layers_are_timms(tmp_path: Path) -> None:
    model = own_model(CONV)
    backbone = TimmBackbone(CONV, ["layer2", "3"], str(saved(model, tmp_path / "w.pth")), image_size=64)
    images = photographs(64)
    found = backbone(normalised(images))
    only = timm.create_model(CONV, features_only=True, out_indices=(2, 3)).eval()
    only.load_state_dict(model.state_dict(), strict=False)
    with torch.no_grad():
        expected = only(normalised(images, model.pretrained_cfg["mean"], model.pretrained_cfg["std"]))
    assert list(found) == ["layer2", "layer3"]
    assert backbone.channels == tuple(only.feature_info.channels()) == (128, 256)
    for one, other in zip(found.values(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not any(name.startswith(("body.layer4", "body.fc")) for name in backbone.state_dict())


@pytest.mark.parametrize(("name", "size", "side"), [(VIT, 64, 4), (DINO, 70, 5)])
def test_a_transformers_patch_tokens_are_timms_at_another_size(tmp_path: Path, name: str, size: int, side: int) -> None:
    model = own_model(name, dynamic_img_size=True)
    path = saved(model, tmp_path / "w.safetensors")
    backbone = TimmBackbone(name, ["2", "blocks.4"], str(path), image_size=size)
    config = model.pretrained_cfg
    images = photographs(size)
    found = backbone(normalised(images))
    with torch.no_grad():
        own = normalised(images, config["mean"], config["std"])
        expected = model.forward_intermediates(own, indices=[2, 4], intermediates_only=True)
    assert list(found) == ["blocks.2", "blocks.4"]
    for one, other in zip(found.values(), expected, strict=True):
        assert one.shape[-2:] == (side, side)
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert len(backbone.body.blocks) == 5
    settings = backbone.settings()
    assert (settings["mean"], settings["std"]) == (list(config["mean"]), list(config["std"]))


def test_the_normalisation_is_the_models(tmp_path: Path) -> None:
    assert timm.create_model(VIT).pretrained_cfg["mean"] == (0.5, 0.5, 0.5)  # else this test shows nothing
    backbone = TimmBackbone(VIT, ["1"], "random", image_size=32)
    pixels = photographs(32)
    seen: list[Tensor] = []
    backbone.body.patch_embed.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    backbone(normalised(pixels))
    torch.testing.assert_close(seen[0], (pixels - 0.5) / 0.5, rtol=0, atol=1e-5)
    other = copy.deepcopy(backbone)
    other.mean = (0.1, 0.2, 0.3)
    keys = [PatchCore(b, 0.1).embedding_settings() for b in (backbone, other)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "vit_smal_patch14_dinov2"}, "is no model of timm .*did you mean vit_small_patch14_dinov2"),
        ({"name": "hf-hub:someone/model"}, "backbone.name=hf-hub:someone/model is no model of timm"),
        ({"name": "local-dir:/etc"}, "is no model of timm"),
        ({"name": f"{CONV}.no_such_tag"}, f"backbone.name={CONV}.no_such_tag cannot be made"),
        (
            {"name": DINO, "image_size": 224 + 1},
            "image_size=225 must be a multiple of 14, the patch of .* use 224 or 238",
        ),
        ({"name": VIT, "image_size": 40}, "image_size=40 must be a multiple of 16, the patch of .*; use 32 or 48"),
        (
            {"layers": ["layer7"]},
            r"backbone.layers=\['layer7'\] must name some of resnet10t's outputs.*0 to 4, which are",
        ),
        ({"layers": ["3", "2"]}, "shallow to deep"),
        ({"layers": []}, "must name some of"),
        ({"layers": ["9"]}, "0 to 4"),
        ({"precision": "half"}, "backbone.precision=half must be one of"),
        ({"weights": "gone.pth"}, "backbone.weights=gone.pth is no file"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(AdshiftError, match=message) as caught:
        TimmBackbone(**{"name": CONV, "layers": ["2"], "weights": "random", "image_size": 64, **values})
    assert "\n" not in str(caught.value)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    path = saved(own_model(CONV), tmp_path / "w.pth")
    with pytest.raises(AdshiftError, match=r"w\.pth lacks .* and \d+ more; give the weights of the named backbone"):
        TimmBackbone(VIT, ["2"], str(path), image_size=32)


def test_without_a_network_the_reason_and_the_remedy_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def offline(name: str, pretrained: bool = False, **options: Any) -> Any:
        if pretrained:
            raise OSError("We couldn't connect to the hub\nand here is a long story")
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        AdshiftError, match=r"resnet10t cannot be had .*connect to the hub.*backbone.weights=PATH, or"
    ) as e:
        TimmBackbone(CONV, ["2"], "pretrained", image_size=64)
    assert "\n" not in str(e.value)


def test_random_weights_follow_the_seed_and_bfloat16_keeps_three_digits() -> None:
    make = {seed: TimmBackbone(CONV, ["2"], "random", 64, seed) for seed in (1, 2)}
    again = TimmBackbone(CONV, ["2"], "random", 64, 1, precision="bfloat16")
    found = {key: PatchCore(b, 0.1).weights_sha256 for key, b in {**make, 3: again}.items()}
    assert found[1] == found[3] != found[2]
    images = normalised(photographs(64))
    fine, coarse = make[1](images)["layer2"], again(images)["layer2"]
    assert 0 < (fine - coarse).norm() / fine.norm() < 0.03


def test_padim_draws_from_all_layers_of_any_backbone() -> None:
    backbone = TimmBackbone(VIT, ["1", "3"], "random", image_size=32)
    method = PaDiM(backbone, 20, seed=1)
    images = normalised(photographs(32))
    whole = torch.cat(list(backbone(images).values()), dim=1)
    torch.testing.assert_close(method.embed(images), whole[:, method.model.idx].permute(0, 2, 3, 1))
    with pytest.raises(AdshiftError, match=r"method.n_features=999 must be in \[1, 384\]"):
        PaDiM(backbone, 999)


def overrides(tiny: Path, name: str, layers: str) -> list[str]:
    return [
        "data=folder", f"data.root={tiny}", "data.category=plate", "split=standard", "threshold=quantile",
        "backbone=timm", f"backbone.name={name}", f"backbone.layers={layers}", "metrics.bootstrap=0",
        "metrics.latency=false", "image_size=56" if "14" in name else "image_size=64", "data.num_workers=0",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("method", ["patchcore", "padim"])
@pytest.mark.parametrize(("name", "layers"), [(CONV, "[layer2,layer3]"), (DINO, "[2,4]")])
def test_a_run_is_fitted_evaluated_and_read_again(
    tiny: Path, tmp_path: Path, method: str, name: str, layers: str
) -> None:
    import adshift

    path = saved(own_model(name), tmp_path / "w.safetensors")
    options = ["coreset_ratio=0.2"] if method == "patchcore" else ["method.n_features=20"]
    cell = [*overrides(tiny, name, layers), f"method={method}", *options, f"backbone.weights={path}"]
    result = run_cell(tmp_path / "run", *cell)
    assert 0 <= result["metrics"]["macro"]["image_auroc"] <= 1
    path.unlink()  # the fitted model holds what it needs
    detector = adshift.load(tmp_path / "run")
    images = sorted((tiny / "plate" / "test").glob("*/*.png"))[:3]
    rows = (tmp_path / "run" / "scores.csv").read_text()
    for image, verdict in zip(images, detector.predict(images), strict=True):
        line = next(row for row in rows.splitlines() if str(image.relative_to(tiny)) in row)
        assert any(np.isclose(float(cell), verdict.score, rtol=1e-4) for cell in line.split(",") if _is_number(cell))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layers", "size"), [(CONV, ["2", "3"], 64), (DINO, ["2", "4"], 56)])
def test_it_is_exported_to_onnx_with_the_methods_own_scores(
    tmp_path: Path, name: str, layers: list[str], size: int
) -> None:
    pytest.importorskip("onnxruntime")
    from adshift.export.formats import write
    from adshift.export.graph import detector_graph

    method = PatchCore(TimmBackbone(name, layers, "random", size), 0.5, neighbours=3)
    images = photographs(size)
    method.begin_fit(2)
    method.collect(method.embed(normalised(images)))
    method.finish_fit()
    graph = detector_graph(method, size)
    probe = photographs(size).flip(3)
    import onnxruntime

    write("onnx", graph, size, "{}", tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    score, anomaly_map = session.run(None, {"image": probe.numpy()})
    expected = method(normalised(probe))
    np.testing.assert_allclose(score, expected.image_score_B.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(anomaly_map, expected.anomaly_map_BHW.numpy(), rtol=1e-4, atol=1e-4)
