"""Greedy coreset: ours against anomalib's KCenterGreedy on the same projected points.

`python benchmarks/coreset.py [--data-root SCREW] [--weights FILE] [--ratio 0.01 0.1] [--rows N] [--no-peer]`. The peer
takes about five minutes for 1 % of screw's 250,880 patches; with --no-peer only ours is timed.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from patch_rows import clustered_rows, screw_rows, shared_paths
from torch import Tensor

ROWS = 250_880
SEED = 0


def embeddings(data_root: Path, weights: Path, rows: int = ROWS) -> tuple[Tensor, str]:
    """The first `rows` of screw's train patches, or synthetic ones, and which they are."""
    images = sorted((data_root / "train" / "good").glob("*.png"))
    if images and weights.is_file():
        return screw_rows(images[: -(-rows // 784)], "resnet18", str(weights))[:rows], "screw"
    return clustered_rows(rows, 384, 1), "synthetic"


def covering_radius(points_NP: Tensor, centres_MP: Tensor) -> float:
    """Largest distance to the nearest centre, in float64, apart from both contestants."""
    nearest = [torch.cdist(part.double(), centres_MP.double()).amin(1).amax() for part in points_NP.split(8192)]
    return float(torch.stack(nearest).amax())


def peer_picks(points_NP: Tensor, count: int) -> tuple[Tensor, float]:
    """anomalib's picks and seconds. A 3-dimensional input skips its own projection; its first pick is seeded."""
    from anomalib.models.components import KCenterGreedy

    torch.manual_seed(SEED)
    sampler = KCenterGreedy(points_NP[:, None, :], sampling_ratio=(count + 0.5) / len(points_NP))
    start = time.perf_counter()
    picks = sampler.select_coreset_idxs()
    return torch.tensor(picks), time.perf_counter() - start


def measure(embedding_ND: Tensor, ratio: float = 0.01, repeats: int = 3, with_peer: bool = True) -> dict[str, Any]:
    """Seconds of ours (median, projection included) and of anomalib's (one run, without projection).

    `equal` compares the covering radii, from the same first pick, to 1e-5 relative: float32 rounding in the peer's
    distances may swap near-ties.
    """
    from adshift.methods.coreset import greedy_coreset
    from adshift.methods.projection import gaussian_matrix, project

    count = int(len(embedding_ND) * ratio)
    seconds = []
    for _ in range(repeats):
        generator = torch.Generator().manual_seed(SEED)
        start = time.perf_counter()
        ours = greedy_coreset(embedding_ND, count, generator=generator)
        seconds.append(time.perf_counter() - start)
    record: dict[str, Any] = {"ours_s": statistics.median(seconds), "peer_s": None, "ratio": None, "equal": None}
    record |= {"n": len(embedding_ND), "centres": count, "radius": ours.radius, "repeats": repeats}
    if not with_peer:
        return record
    generator = torch.Generator().manual_seed(SEED)
    points_NP = project(embedding_ND, gaussian_matrix(embedding_ND.shape[1], 128, generator))
    picks, record["peer_s"] = peer_picks(points_NP, count)
    same_start = greedy_coreset(points_NP, count, generator=generator, projection_dim=None, prefix_P=picks[:1])
    record["ratio"] = record["peer_s"] / record["ours_s"]
    record["same_picks"] = int((same_start.indices_M == picks).sum())
    record["radius_same_start"] = covering_radius(points_NP, points_NP[same_start.indices_M])
    record["peer_radius"] = covering_radius(points_NP, points_NP[picks])
    record["equal"] = abs(record["peer_radius"] / record["radius_same_start"] - 1) < 1e-5
    return record


def main() -> None:
    """Print one JSON record a ratio."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", type=Path, default=weights)
    parser.add_argument("--ratio", type=float, nargs="+", default=[0.01])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    embedding_ND, source = embeddings(arguments.data_root, arguments.weights, arguments.rows)
    for ratio in arguments.ratio:
        record = measure(embedding_ND, ratio, with_peer=not arguments.no_peer)
        print(json.dumps({"source": source, "ratio_kept": ratio} | record), flush=True)


if __name__ == "__main__":
    main()
