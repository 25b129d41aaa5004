"""Scoring images a second at a 1 % coreset in batches of 32, beside the bare backbone's forward pass.

`python benchmarks/throughput.py [--data-root SCREW] [--weights FILE] [--images N]`. Bare is torchvision's ResNet-18 cut
after layer3, eval mode, inference mode, channels last, on the same batch in the same process, alternating. `folded_s` is
our own backbone's forward pass, which has its normalisations folded.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from patch_rows import shared_paths
from timing import alternating
from torch import Tensor, nn

BATCH = 32
RATIO = 0.01
LAYERS = ("layer2", "layer3")


def bare(weights: str) -> nn.Module:
    """torchvision's modules as they come, up to layer3."""
    from torchvision.models import resnet18

    from adshift.features.weights import read_weights

    torch.manual_seed(0)
    full = resnet18(weights=None)
    if weights != "random":
        full.load_state_dict(read_weights(Path(weights)), strict=False)
    cut = nn.Sequential(*(module for name, module in full.named_children() if name not in ("layer4", "avgpool", "fc")))
    ready: nn.Module = cut.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return ready


def read(data_root: Path, role: str, count: int) -> Tensor:
    """Normalised images; synthetic noise where there are none on disk."""
    from adshift.data.images import normalise, read_image, resize_image

    paths = sorted((data_root / role).rglob("*.png"))
    paths = paths[:: max(1, len(paths) // count)][:count]
    if not paths:
        return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(len(role)))
    return torch.stack([normalise(resize_image(read_image(path), 224)) for path in paths])


def fitted(weights: str, train: Tensor) -> Any:
    """PatchCore with 1 % of the train patches."""
    from adshift.features.backbone import FrozenBackbone
    from adshift.methods.patchcore import PatchCore

    method = PatchCore(FrozenBackbone("resnet18", LAYERS, weights), RATIO)
    method.begin_fit(len(train))
    for images in train.split(BATCH):
        method.collect(method.embed(images))
    method.finish_fit()
    return method


@torch.inference_mode()
def measure(data_root: Path, weights: str, images: int = 320, repeats: int = 15) -> dict[str, Any]:
    """Median seconds a batch. `ratio`: ours over the bare backbone's; `equal`: bare and folded features agree to 1e-4."""
    method, reference = fitted(weights, read(data_root, "train", images)), bare(weights)
    batch = read(data_root, "test", BATCH)
    last = batch.contiguous(memory_format=torch.channels_last)
    seconds = alternating(
        {"ours": lambda: method(batch), "bare": lambda: reference(last), "folded": lambda: method.backbone(batch)},
        repeats,
    )
    expected, found = reference(last), method.backbone(batch)["layer3"]
    return {
        "ours_s": seconds["ours"],
        "peer_s": seconds["bare"],
        "ratio": seconds["ours"] / seconds["bare"],
        "equal": bool((found - expected).norm() < 1e-4 * expected.norm()),
        "folded_s": seconds["folded"],
        "folded_ratio": seconds["ours"] / seconds["folded"],
        "images_a_second": BATCH / seconds["ours"],
        "n": BATCH,
        "bank": len(method.bank_MD),
        "repeats": repeats,
    }


def main() -> None:
    """Print one JSON record."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", default=str(weights) if weights.is_file() else "random")
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    source = "screw" if (arguments.data_root / "train").is_dir() else "synthetic"
    record = measure(arguments.data_root, arguments.weights, arguments.images, arguments.repeats)
    print(json.dumps({"source": source, **record}))


if __name__ == "__main__":
    main()
