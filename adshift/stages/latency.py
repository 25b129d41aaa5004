"""Milliseconds an image takes from the normalised tensor to score and map, measured once and kept.

Embedding and scoring are timed apart and added up: cells that differ in the bank alone share the first.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adshift.methods.method import Scores
from adshift.methods.module import AnomalyModule
from adshift.stages.scoring import state_sha256
from adshift.store.keys import code
from adshift.store.sources import sources
from adshift.store.store import AnyStore
from adshift.system.provenance import device_name

LATENCY = "latency.json"
BATCHES = {1: 5, 32: 1}
"""Batch size -> timed batches."""


@torch.inference_mode()
def latency_ms(store: AnyStore, module: AnomalyModule, image_3SS: Tensor, device: torch.device) -> dict[str, float]:
    """Median milliseconds an image at each batch size of ``BATCHES``, named by it.

    Args:
        store: where measurements are kept, by device, backbone, input size and model.
        module: fitted.
        image_3SS: normalised float32 image; a batch repeats it.
        device: what to measure on.
    """
    module.to(device)  # Lightning takes it off when its loops end
    method, size = module.method, (image_3SS.shape[-2], image_3SS.shape[-1])
    images_B3SS = {batch: image_3SS.to(device).expand(batch, -1, -1, -1).contiguous() for batch in BATCHES}
    place = {
        "device": device_name(device),
        "image_size": list(size),
        **code(__name__, *sources(method, method.backbone)),
    }

    def embed(batch: int) -> Tensor:
        return method.embed(images_B3SS[batch])

    embedding_BHWD: dict[int, Tensor] = {}

    def score(batch: int) -> Scores:
        if not embedding_BHWD:
            one = embed(1)
            embedding_BHWD.update({b: one.expand(b, -1, -1, -1).contiguous() for b in BATCHES})
        return method.score(embedding_BHWD[batch], size)

    embedded = _kept(store, {"embedding": method.embedding_settings(), **place}, embed, device)
    scored = _kept(store, {"model": state_sha256(module), "settings": module.settings, **place}, score, device)
    return {name: embedded[name] + scored[name] for name in embedded}


def _kept(store: AnyStore, key: dict[str, Any], action: Callable[[int], Any], device: torch.device) -> dict[str, float]:
    def make(folder: Path, _: Path | None) -> None:
        found = {str(batch): _median_ms(action, batch, repeats, device) for batch, repeats in BATCHES.items()}
        (folder / LATENCY).write_text(json.dumps(found))

    def read(folder: Path) -> dict[str, float]:
        found: dict[str, float] = json.loads((folder / LATENCY).read_text())
        return found

    return store.fetch("latencies", key, make, read)


def _median_ms(action: Callable[[int], Any], batch: int, repeats: int, device: torch.device) -> float:
    """Per image. The first batch does not count, but on a CPU that smaller batches have warmed up."""
    warm_up = int(device.type == "cuda" or batch == min(BATCHES))
    seconds = []
    for _ in range(warm_up + repeats):
        started = time.perf_counter()
        action(batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds[warm_up:]) / batch
