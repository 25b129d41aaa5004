"""Patch embeddings that the benchmarks share: real ones where images and weights are at hand, else clustered noise."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

PATCHES_PER_IMAGE = 784
BATCH = 16


def shared_paths() -> tuple[Path, Path]:
    """Where the shared screw images and ResNet-18 weights lie, next to the repository."""
    shared = Path(__file__).resolve().parents[2] / "shared"
    return shared / "data" / "mvtec" / "screw", shared / "weights" / "resnet18_imagenet.safetensors"


def screw_rows(images: Sequence[Path], architecture: str, weights: str) -> Tensor:
    """[images * 784, D] embeddings of layer2 and layer3 at 224 x 224, as PatchCore takes them."""
    from adshift.data.images import normalise, read_image
    from adshift.features.backbone import FrozenBackbone
    from adshift.features.patches import patch_embeddings
    from adshift.shift.pixels import resize_image

    layers = ("layer2", "layer3")
    backbone = FrozenBackbone(architecture, layers, weights)
    rows: Tensor | None = None
    for start in range(0, len(images), BATCH):
        batch = torch.stack([normalise(resize_image(read_image(path), 224)) for path in images[start : start + BATCH]])
        chunk = patch_embeddings(backbone(batch), layers, 3).flatten(0, 2)
        if rows is None:
            rows = torch.empty(len(images) * PATCHES_PER_IMAGE, chunk.shape[1])
        rows[start * PATCHES_PER_IMAGE :][: len(chunk)] = chunk
    assert rows is not None
    return rows


def clustered_rows(count: int, dim: int, seed: int) -> Tensor:
    """Synthetic stand-in: 200 Gaussian clusters with a falling spectrum; `seed` changes the rows, not the clusters."""
    spectrum = torch.arange(1, dim + 1).float().pow(-0.6)
    centres = torch.randn(200, dim, generator=torch.Generator().manual_seed(0)) * spectrum
    own = torch.Generator().manual_seed(seed)
    chosen = centres[torch.randint(200, (count,), generator=own)]
    return chosen + 0.5 * torch.randn(count, dim, generator=own) * spectrum
