"""Weights that are read strictly and safely, and a backbone that is torchvision's, cut short and frozen."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.models import resnet18

from adshift.data.datamodule import AnomalyDataModule
from adshift.data.prepared import ImageBatch
from adshift.data.samples import index
from adshift.data.splits import OfficialSplit, split_all
from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.features.weights import read_weights, weights_sha256
from adshift.methods.module import AnomalyModule
from adshift.methods.patchcore import PatchCore
from adshift.shift.domain import Domain
from adshift.store.store import NoStore

LAYERS = ("layer2", "layer3")


@pytest.fixture(scope="module")
def full() -> torch.nn.Module:
    """A whole torchvision ResNet-18 with random weights and moved batch statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = resnet18(weights=None)
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model.eval()


def kept(full: torch.nn.Module, *dropped: str) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in full.state_dict().items() if not k.startswith(dropped or ("nothing",))}


@pytest.mark.parametrize("suffix", ["pth", "pt", "safetensors"])
def test_truncated_features_are_those_of_the_whole_network(tmp_path: Path, full: torch.nn.Module, suffix: str) -> None:
    path = tmp_path / f"w.{suffix}"
    state = kept(full)
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    backbone = FrozenBackbone("resnet18", ("layer1", "layer2", "layer3"), str(path))
    seen: dict[str, Tensor] = {}
    hooks = [
        getattr(full, name).register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
        for name in ("layer1", "layer2", "layer3")
    ]
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        full(images)
    for hook in hooks:
        hook.remove()
    features = backbone(images)
    assert list(features) == ["layer1", "layer2", "layer3"]
    for name, expected in seen.items():
        torch.testing.assert_close(features[name], expected, rtol=1e-4, atol=1e-4)
    assert [tuple(f.shape) for f in features.values()] == [(2, 64, 16, 16), (2, 128, 8, 8), (2, 256, 4, 4)]
    assert backbone.channels == (64, 128, 256)
    assert "layer4" not in backbone.body


@pytest.mark.parametrize("wrap", [torch.nn.DataParallel, lambda m: torch.compile(torch.nn.DataParallel(m))])
def test_weights_saved_with_a_wrapper_are_the_modules_own(tmp_path: Path, full: torch.nn.Module, wrap: Any) -> None:
    torch.save(kept(full), tmp_path / "own.pth")
    state = wrap(full).state_dict()
    assert all(name.startswith(("module.", "_orig_mod.module.")) for name in state)
    torch.save(state, tmp_path / "wrapped.pth")
    own, read = (FrozenBackbone("resnet18", LAYERS, str(tmp_path / f"{name}.pth")) for name in ("own", "wrapped"))
    assert weights_sha256(read) == weights_sha256(own)
    torch.save({**state, "other": torch.zeros(1)}, tmp_path / "mixed.pth")
    with pytest.raises(AdshiftError, match=r"lacks conv1\.weight"):
        FrozenBackbone("resnet18", LAYERS, str(tmp_path / "mixed.pth"))


def test_folding_leaves_the_state_alone_and_follows_it(full: torch.nn.Module, tmp_path: Path) -> None:
    torch.save(kept(full), tmp_path / "w.pth")
    backbone = FrozenBackbone("resnet18", LAYERS, "random")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before, names = backbone(images)["layer3"], list(backbone.state_dict())
    other = FrozenBackbone("resnet18", LAYERS, str(tmp_path / "w.pth"))
    backbone.load_state_dict(other.state_dict())
    assert list(backbone.state_dict()) == names
    assert torch.equal(backbone(images)["layer3"], other(images)["layer3"])
    assert not torch.equal(backbone(images)["layer3"], before)
    doubled = backbone.double().float()  # what Lightning does to move a module
    assert torch.equal(doubled(images)["layer3"], other(images)["layer3"])


@pytest.mark.parametrize("architecture", ["resnet18", "resnet50"])
def test_bfloat16_keeps_three_digits_and_the_identity_of_the_weights(architecture: str) -> None:
    fine = FrozenBackbone(architecture, LAYERS, "random")
    coarse = FrozenBackbone(architecture, LAYERS, "random", precision="bfloat16")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name, expected in fine(images).items():
        found = coarse(images)[name]
        assert found.dtype == torch.float32
        assert 0 < (found - expected).norm() / expected.norm() < 0.03
    assert weights_sha256(coarse) == weights_sha256(fine)
    assert all(p.dtype == torch.float32 for p in coarse.parameters())
    settings = [PatchCore(backbone, 0.1).embedding_settings() for backbone in (fine, coarse)]
    assert settings[0] != settings[1]


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(AdshiftError, match=r"backbone\.precision=half must be one of: float32, bfloat16"):
        FrozenBackbone("resnet18", LAYERS, "random", precision="half")


def test_only_the_layers_that_are_asked_for_are_kept_and_returned() -> None:
    backbone = FrozenBackbone("resnet18", ["layer1"], "random")
    assert list(backbone.body) == ["conv1", "bn1", "relu", "maxpool", "layer1"]
    assert list(backbone(torch.zeros(1, 3, 32, 32))) == ["layer1"]
    assert not any(p.requires_grad for p in backbone.parameters())


@pytest.mark.parametrize(("architecture", "channels"), [("resnet50", (512, 1024)), ("wide_resnet50_2", (512, 1024))])
def test_bottleneck_architectures(architecture: str, channels: tuple[int, ...]) -> None:
    backbone = FrozenBackbone(architecture, LAYERS, "random")
    features = backbone(torch.zeros(1, 3, 32, 32))
    assert backbone.channels == channels == tuple(f.shape[1] for f in features.values())


@pytest.mark.parametrize(
    ("architecture", "layers", "message"),
    [
        ("resnet34", LAYERS, "backbone=resnet34 is unknown; choose one of: resnet18"),
        ("resnet18", (), "must name some of"),
        ("resnet18", ("layer3", "layer2"), "shallow to deep"),
        ("resnet18", ("layer2", "layer2"), "each once"),
        ("resnet18", ("layer2", "layer9"), r"method\.layers=\['layer2', 'layer9'\]"),
    ],
)
def test_unknown_names_are_refused(architecture: str, layers: tuple[str, ...], message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        FrozenBackbone(architecture, layers, "random")


def test_random_weights_follow_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    first = FrozenBackbone("resnet18", ["layer1"], "random", seed=1)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(99)
    again, other = (FrozenBackbone("resnet18", ["layer1"], "random", seed=seed) for seed in (1, 2))
    assert weights_sha256(first) == weights_sha256(again) != weights_sha256(other)


def test_weights_of_another_architecture_are_refused(tmp_path: Path, full: torch.nn.Module) -> None:
    path = tmp_path / "r18.safetensors"
    save_file(kept(full), path)
    with pytest.raises(AdshiftError, match=r"r18\.safetensors lacks layer1\.0\.conv3\.weight and \d+ more"):
        FrozenBackbone("resnet50", LAYERS, str(path))
    deep = FrozenBackbone("resnet50", LAYERS, "random").body.state_dict()
    save_file({name: value.contiguous() for name, value in deep.items()}, tmp_path / "r50.safetensors")
    with pytest.raises(
        AdshiftError, match=r"r50\.safetensors has the unknown layer1\.0\.(conv3|bn3|downsample).* more; give the"
    ):
        FrozenBackbone("resnet18", LAYERS, str(tmp_path / "r50.safetensors"))
    with pytest.raises(AdshiftError, match=r"r50.*has shape \(64, 64, 1, 1\), the backbone needs \(128, 64, 1, 1\)"):
        FrozenBackbone("wide_resnet50_2", LAYERS, str(tmp_path / "r50.safetensors"))


def test_a_file_that_ends_too_early_is_refused_and_one_that_ends_late_enough_is_not(
    tmp_path: Path, full: torch.nn.Module
) -> None:
    path = tmp_path / "to_layer2.pth"
    torch.save(kept(full, "layer3", "layer4", "fc"), path)
    with pytest.raises(AdshiftError, match=r"to_layer2\.pth lacks layer3\.0\.conv1\.weight and \d+ more"):
        FrozenBackbone("resnet18", LAYERS, str(path))
    assert FrozenBackbone("resnet18", ["layer1", "layer2"], str(path)).channels == (64, 128)


def test_unknown_tensors_are_refused(tmp_path: Path, full: torch.nn.Module) -> None:
    torch.save(kept(full) | {"layer2.extra": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(AdshiftError, match=r"has the unknown layer2\.extra; give"):
        FrozenBackbone("resnet18", LAYERS, str(tmp_path / "more.pth"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, full: torch.nn.Module, value: float) -> None:
    state = kept(full)
    state["layer2.0.conv1.weight"][0, 0, 0, 0] = value
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(AdshiftError, match=r"layer2\.0\.conv1\.weight holds a NaN or infinite value"):
        FrozenBackbone("resnet18", LAYERS, str(tmp_path / "nan.pth"))


@pytest.mark.parametrize("name", ["garbage.pth", "garbage.safetensors", "garbage.onnx", "empty.pth"])
def test_files_that_hold_no_weights_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"" if name.startswith("empty") else b"no weights at all")
    with pytest.raises(AdshiftError, match=rf"{name} cannot be read.*; give an intact weights file"):
        read_weights(tmp_path / name)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pth", tmp_path):
        with pytest.raises(AdshiftError, match=r"is no file; give a \.safetensors or \.pth file, or one of: imagenet"):
            read_weights(path)


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": {"conv1.weight": torch.zeros(1)}}, {"epoch": 3}])
def test_anything_but_a_flat_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "nested.pth")
    with pytest.raises(AdshiftError, match="is no flat state dict; save it with"):
        read_weights(tmp_path / "nested.pth")


class Malicious:
    """Unpickling it creates a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("plain_pickle", [True, False])
def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path: Path, plain_pickle: bool) -> None:
    trace, path = tmp_path / "it_ran", tmp_path / "trap.pth"
    content = {"conv1.weight": torch.zeros(1), "trap": Malicious(trace)}
    if plain_pickle:
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(AdshiftError, match=r"trap\.pth cannot be read"):
        read_weights(path)
    assert not trace.exists()
    if plain_pickle:  # the trap is a real one
        pickle.loads(path.read_bytes())["trap"].close()
        assert trace.exists()


def test_the_backbone_stays_in_eval_mode() -> None:
    backbone = FrozenBackbone("resnet18", ["layer1"], "random")
    parent = torch.nn.Sequential(backbone)
    parent.train()
    assert parent.training
    assert not any(module.training for module in backbone.modules())


def test_a_lightning_fit_moves_no_batch_statistic(tiny: Path) -> None:
    backbone = FrozenBackbone("resnet18", ["layer1"], "random")
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    split = split_all(index(tiny, ["plate"]), OfficialSplit())
    data = AnomalyDataModule(NoStore(), tiny, split, (Domain(),), 32, 8, 0, "input")
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    module = AnomalyModule(PatchCore(backbone, 0.05), 32, {})
    module.train()  # as Lightning does, or a caller
    trainer.fit(module, datamodule=data)
    after = backbone.state_dict()
    assert any(k.endswith("num_batches_tracked") for k in after)
    for key, value in before.items():
        assert torch.equal(after[key], value), key


def test_features_do_not_depend_on_the_batch(tiny: Path) -> None:
    backbone = FrozenBackbone("resnet18", ["layer2"], "random")
    data = AnomalyDataModule(
        NoStore(), tiny, split_all(index(tiny, ["plate"]), OfficialSplit()), (Domain(),), 32, 5, 0, "input"
    )
    loader: DataLoader[Any] = data.train_dataloader()
    batch: ImageBatch = next(iter(loader))
    together = backbone(batch.images)["layer2"]
    alone = torch.cat([backbone(image[None])["layer2"] for image in batch.images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
