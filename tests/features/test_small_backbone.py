"""The backbone that comes with the package: intact, small, refused where it does not belong, better than random weights."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from helpers.inprocess import run_cell
from helpers.repo import REPO

from adshift.errors import AdshiftError
from adshift.features.backbone import FrozenBackbone
from adshift.features.small import WEIGHTS
from adshift.features.weights import read_weights

LAYERS = ("layer2", "layer3")


def test_the_file_is_the_documented_one() -> None:
    content = WEIGHTS.read_bytes()
    assert len(content) <= 4_000_000
    assert hashlib.sha256(content).hexdigest() in (REPO / "docs" / "backbones.md").read_text()


def test_it_loads_strictly_and_its_features_are_finite() -> None:
    state = read_weights(WEIGHTS)
    backbone = FrozenBackbone("small", ("layer1", *LAYERS), "builtin")
    own = {name for name in backbone.body.state_dict() if not name.endswith("num_batches_tracked")}
    assert set(state) == own
    assert torch.equal(backbone.body.state_dict()["layer3.0.conv1.weight"], state["layer3.0.conv1.weight"])
    images = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    features = backbone(images)
    assert [tuple(f.shape) for f in features.values()] == [(2, 48, 16, 24), (2, 96, 8, 12), (2, 192, 4, 6)]
    assert all(f.isfinite().all() and f.std() > 0.01 for f in features.values())


@pytest.mark.parametrize(
    ("architecture", "layers", "weights", "message"),
    [
        (
            "resnet18",
            LAYERS,
            "builtin",
            "backbone.weights=builtin is none of backbone=resnet18's; use imagenet, random",
        ),
        ("small", LAYERS, "imagenet", "backbone.weights=imagenet is none of backbone=small's; use builtin, random"),
        (
            "small",
            ("layer4",),
            "builtin",
            r"method\.layers=\['layer4'\] must name some of layer1, layer2, layer3, each",
        ),
    ],
)
def test_what_it_has_not_is_refused(architecture: str, layers: tuple[str, ...], weights: str, message: str) -> None:
    with pytest.raises(AdshiftError, match=message):
        FrozenBackbone(architecture, layers, weights)


@pytest.mark.slow
def test_it_beats_random_weights_where_the_light_shifts(tmp_path: Path) -> None:
    cell = [
        "data=synthetic", "data.category=nut", f"data.root={tmp_path / 'images'}", "domain=shift", "split=official",
        "coreset_ratio=0.01", "metrics.bootstrap=0", "metrics.latency=false",
    ]  # fmt: skip
    found = [
        run_cell(tmp_path / name.replace("=", " "), *cell, *name.split())["metrics"]["macro"]
        for name in (
            "backbone=small",
            "backbone=small backbone.weights=random",
            "backbone=resnet18 backbone.weights=random",
        )
    ]
    for figure in ("image_auroc", "pixel_auroc", "pro_030"):
        assert found[0][figure] > max(found[1][figure], found[2][figure]) + 0.05, figure


@pytest.mark.slow
def test_the_wheel_holds_the_weights(tmp_path: Path) -> None:
    build = f"import setuptools.build_meta as b; b.build_wheel({str(tmp_path)!r})"
    copied = tmp_path / "source"
    copied.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (copied / name).write_bytes((REPO / name).read_bytes())
    (copied / "adshift").symlink_to(REPO / "adshift")
    subprocess.run([sys.executable, "-c", build], cwd=copied, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        stored = archive.read("adshift/features/pretrained/small.safetensors")
    assert stored == WEIGHTS.read_bytes()
