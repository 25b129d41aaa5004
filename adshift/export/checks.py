"""Whether an exported file says what the method itself says, and how fast it says so."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adshift.export.graph import DetectorGraph
from adshift.export.sessions import Float32, Session
from adshift.methods.finite import all_finite
from adshift.methods.method import Method
from adshift.shift.pixels import UInt8, resize_image

TOLERANCE = 1e-4
"""Largest difference from the method's own scores and maps: absolute up to 1, relative beyond."""
CHECKED_BATCHES = (1, 3)
TIMED_BATCHES = (1, 8)
REPEATS = 5

Array = NDArray[Any]
"""float32 [B, 3, S, S] in [0, 1], or uint8 [B, H, W, 3]."""
Run = Callable[[Array], tuple[Float32, Float32]]


def on_pictures(native: Run, size: int) -> Run:
    """What predict.py does with pictures uint8 [B, H, W, 3]: Pillow's resize, then the method."""

    def run(pictures: Array) -> tuple[Float32, Float32]:
        small = np.stack([resize_image(picture, size) for picture in pictures])
        return native(small.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))

    return run


def native_run(method: Method, graph: DetectorGraph) -> Run:
    """The method itself, its search structures included, on what the exported file takes.

    It raises AdshiftError where a score or a map is not finite.
    """

    @torch.inference_mode()
    def run(image: Array) -> tuple[Float32, Float32]:
        normalised = (torch.from_numpy(image) - graph.mean_311) / graph.std_311
        scores = all_finite(method(normalised))
        return scores.image_score_B.numpy(), scores.anomaly_map_BHW.numpy()

    return run


def probes(count: int, size: int, seed: int = 0) -> Float32:
    """Images to compare on, float32 [count, 3, S, S] in [0, 1]: noise, coarser from one to the next."""
    generator = torch.Generator().manual_seed(seed)
    made: list[Tensor] = []
    for i in range(count):
        grid = max(1, size >> i)
        noise = torch.rand(1, 3, grid, grid, generator=generator)
        made.append(torch.nn.functional.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False))
    return np.asarray(torch.cat(made).numpy(), np.float32)


def pictures(count: int, height: int, width: int, seed: int = 0) -> UInt8:
    """Pictures to compare on, uint8 [count, height, width, 3]: grain of single pixels on coarser patches.

    A resize that leaves out antialiasing shows in every one of them.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    rows, columns = np.arange(height) * 12 // height, np.arange(width) * 12 // width
    patches = generator.integers(40, 160, (count, 12, 12, 3))[:, rows][:, :, columns]
    grain = generator.integers(-40, 96, (count, height, width, 3))
    return np.asarray(np.clip(patches + grain, 0, 255), np.uint8)


def checked_sizes(size: int) -> tuple[tuple[int, int], ...]:
    """Heights and widths that a resize to ``size`` is checked at: both shrunk, one of them far; kept; both stretched."""
    return (2 * size + 1, 5 * size - 3), (3 * size // 2, 3 * size // 2), (size, size), (size // 2 + 1, size - 1)


def difference(session: Session, native: Run, images: Array) -> float:
    """The largest difference of a score or a pixel, relative where the native value is over 1."""
    found = [
        np.abs(got - own) / np.maximum(1.0, np.abs(own))
        for got, own in zip(session.run(images), native(images), strict=True)
    ]
    return float(max(part.max() for part in found))


def latency_ms(runs: Mapping[str, Run], batches: Sequence[Array]) -> dict[str, dict[str, float]]:
    """Median milliseconds an image, by name and batch size, from the input to score and map.

    The runs take turns, so that other work on the machine slows all of them alike.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in runs}
    for images in batches:
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(REPEATS + 1):
            for name, run in runs.items():
                started = time.perf_counter()
                run(images)
                seconds[name].append(time.perf_counter() - started)
        for name, taken in seconds.items():
            found[name][str(len(images))] = 1000 * statistics.median(taken[1:]) / len(images)
    return found
