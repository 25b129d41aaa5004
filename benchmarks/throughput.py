"""Scoring images a second at a 1 % coreset in batches of 32, beside the bare backbone's forward pass.

`python benchmarks/throughput.py [--data-root SCREW] [--weights FILE] [--images N]`. Bare is torchvision's ResNet-18 cut
after layer3, eval mode, inference mode, channels last, on the same images, in plain torch. The two take turns, each in a
process of its own, as ours has its memory set up as adshift's programs do (`adshift.allocator`), which speeds up
everything in its process. `same_process_ratio` is to the bare backbone in that process, so without that gain. `folded_s`
is our own backbone's forward pass, which has its normalisations folded.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from patch_rows import shared_paths
from timing import alternating, seconds_of
from torch import Tensor, nn

from adshift.allocator import keep_freed_memory

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
    from adshift.data.images import normalise, read_image
    from adshift.shift.pixels import resize_image

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


def forward(weights: str, batch: Tensor) -> Callable[[], Tensor]:
    """The bare backbone on a batch, channels last."""
    reference, last = bare(weights), batch.contiguous(memory_format=torch.channels_last)
    return lambda: reference(last)


@contextmanager
def plain_process(data_root: Path, weights: str) -> Iterator[Callable[[], float]]:
    """A process of plain torch that runs the bare backbone once a call and tells its seconds."""
    command = [sys.executable, __file__, "--plain", "--data-root", str(data_root), "--weights", weights]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        asked, told = process.stdin, process.stdout
        assert asked is not None
        assert told is not None

        def lap() -> float:
            asked.write("go\n")
            return float(told.readline())

        lap()
        yield lap
        asked.close()


@torch.inference_mode()
def serve_plain(data_root: Path, weights: str) -> None:
    """What runs in that process."""
    action = forward(weights, read(data_root, "test", BATCH))
    for _ in sys.stdin:
        print(seconds_of(action), flush=True)


@torch.inference_mode()
def measure(data_root: Path, weights: str, images: int = 320, repeats: int = 15) -> dict[str, Any]:
    """Median seconds a batch. `ratio`: ours over the bare backbone's; `equal`: bare and folded features agree to 1e-4."""
    keep_freed_memory()
    method, batch = fitted(weights, read(data_root, "train", images)), read(data_root, "test", BATCH)
    reference = forward(weights, batch)
    with plain_process(data_root, weights) as lap:
        plain: list[float] = []
        seconds = alternating(
            {
                "ours": lambda: method(batch),
                "plain": lambda: plain.append(lap()),
                "bare": reference,
                "folded": lambda: method.backbone(batch),
            },
            repeats,
        )
    peer = statistics.median(plain[1:])
    expected, found = reference(), method.backbone(batch)["layer3"]
    return {
        "ours_s": seconds["ours"],
        "peer_s": peer,
        "ratio": seconds["ours"] / peer,
        "equal": bool((found - expected).norm() < 1e-4 * expected.norm()),
        "same_process_peer_s": seconds["bare"],
        "same_process_ratio": seconds["ours"] / seconds["bare"],
        "folded_s": seconds["folded"],
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
    parser.add_argument("--plain", action="store_true", help="be the bare backbone's process")
    arguments = parser.parse_args()
    if arguments.plain:
        serve_plain(arguments.data_root, arguments.weights)
        return
    source = "screw" if (arguments.data_root / "train").is_dir() else "synthetic"
    record = measure(arguments.data_root, arguments.weights, arguments.images, arguments.repeats)
    print(json.dumps({"source": source, **record}))


if __name__ == "__main__":
    main()
