"""Greedy coreset: ours against anomalib's KCenterGreedy on the same projected points, and how both grow with N.

`python benchmarks/coreset.py [--data-root SCREW] [--weights FILE] [--ratio 0.01] [--rows N] [--peer] [--growth] [--keep]`.
Both are given the points projected; what ours takes from the embeddings on, projection included, is measured as well. The
peer takes minutes for 1 % of screw's 250,880 patches, and a hundred times that for 10 %. Both run with torch's own memory
settings; `--keep` keeps freed memory, for both (`adshift.allocator`).
"""

import argparse
import json
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from patch_rows import clustered_rows, screw_rows, shared_paths
from timing import seconds_of, slope
from torch import Tensor

from adshift.allocator import keep_freed_memory

ROWS = 250_880
SEED = 0
TOLERANCE = 1e-5


def embeddings(data_root: Path, weights: Path, rows: int = ROWS) -> tuple[Tensor, str]:
    """The first `rows` of screw's train patches, or synthetic ones, and which they are."""
    images = sorted((data_root / "train" / "good").glob("*.png"))
    if images and weights.is_file():
        return screw_rows(images[: -(-rows // 784)], "resnet18", str(weights))[:rows], "screw"
    return clustered_rows(rows, 384, 1), "synthetic"


def covering_radius(points_NP: Tensor, centres_MP: Tensor) -> float:
    """Largest distance to the nearest centre, apart from both contestants: the far end of it in float64."""
    squares_M = centres_MP.square().sum(1)
    rough = [(torch.addmm(squares_M, part, centres_MP.T, alpha=-2).amin(1) + part.square().sum(1))
             for part in points_NP.split(4096)]  # fmt: skip
    far = points_NP[torch.cat(rough).topk(min(1000, len(points_NP))).indices].double()
    return float(torch.stack([torch.cdist(part, centres_MP.double()).amin(1).amax() for part in far.split(100)]).amax())


def ours(embedding_ND: Tensor, count: int, projection_dim: int | None = 128) -> Any:
    """Our coreset of the embeddings, the projection part of it; or, with None, of points that are projected already."""
    from adshift.methods.coreset.greedy import greedy_coreset

    generator = torch.Generator().manual_seed(SEED)
    return greedy_coreset(embedding_ND, count, generator=generator, projection_dim=projection_dim)


def projected(embedding_ND: Tensor) -> Tensor:
    """The projection that `ours` searches in."""
    from adshift.methods.coreset.points import Points
    from adshift.methods.distances.projection import gaussian_matrix

    matrix_DP = gaussian_matrix(embedding_ND.shape[1], 128, torch.Generator().manual_seed(SEED))
    return torch.cat(list(Points([embedding_ND], matrix_DP).chunks()))


def peer_picks(points_NP: Tensor, count: int) -> tuple[Tensor, float]:
    """anomalib's picks and seconds. A 3-dimensional input skips its own projection; its first pick is seeded."""
    from anomalib.models.components import KCenterGreedy

    torch.manual_seed(SEED)
    sampler = KCenterGreedy(points_NP[:, None, :], sampling_ratio=(count + 0.5) / len(points_NP))
    start = time.perf_counter()
    picks = sampler.select_coreset_idxs()
    return torch.tensor(picks), time.perf_counter() - start


def measure(embedding_ND: Tensor, ratio: float = 0.01, repeats: int = 5, with_peer: bool = True) -> dict[str, Any]:
    """Seconds of ours (median), of the same projected points and `whole`, from the embeddings on; and anomalib's (one run).

    Ours is measured before and after the peer's minutes, as a processor's speed may change in between.

    `equal` compares covering radii to 1e-5 relative: ours with the peer's from the same first pick (float32 rounding in the
    peer's distances may swap near-ties), or without the peer ours with the radius of its picks computed anew.
    """
    from adshift.methods.coreset.greedy import greedy_coreset

    count = int(len(embedding_ND) * ratio)
    points_NP = projected(embedding_ND)
    search, whole = partial(ours, points_NP, count, None), partial(ours, embedding_ND, count)
    found, from_embeddings = search(), whole()
    laps: dict[str, list[float]] = {"ours_s": [], "whole_s": []}

    def measure_ours() -> None:
        for _ in range(repeats):
            laps["ours_s"].append(seconds_of(search))
            laps["whole_s"].append(seconds_of(whole))

    measure_ours()
    record: dict[str, Any] = {"peer_s": None, "ratio": None, "equal": None}
    record |= {"n": len(embedding_ND), "centres": count, "radius": found.radius}
    radii = [(each.radius, covering_radius(points_NP, points_NP[each.indices_M])) for each in (found, from_embeddings)]
    record["equal"] = all(abs(radius / claimed - 1) < TOLERANCE for claimed, radius in radii)
    if with_peer:
        picks, record["peer_s"] = peer_picks(points_NP, count)
        measure_ours()
        record["peer_repeats"] = 1
        same_start = greedy_coreset(
            points_NP, count, generator=torch.Generator().manual_seed(SEED), projection_dim=None, prefix_P=picks[:1]
        )
        record["same_picks"] = int((same_start.indices_M == picks).sum())
        record["radius_same_start"] = covering_radius(points_NP, points_NP[same_start.indices_M])
        record["peer_radius"] = covering_radius(points_NP, points_NP[picks])
        gap = abs(record["peer_radius"] / record["radius_same_start"] - 1)
        record["equal"] = record["equal"] and gap < TOLERANCE
    record |= {name: statistics.median(each) for name, each in laps.items()}
    record |= {"repeats": len(laps["ours_s"]), "laps": laps}
    if with_peer:
        record |= {"ratio": record["peer_s"] / record["ours_s"], "whole_ratio": record["peer_s"] / record["whole_s"]}
    return record


def growth(embedding_ND: Tensor, ratio: float, with_peer: bool) -> dict[str, Any]:
    """Seconds at N / 8, N / 4, N / 2 and N projected rows for a fixed ratio (the peer: the first three), and the slopes."""
    sizes = [len(embedding_ND) // part for part in (8, 4, 2, 1)]
    every = [projected(embedding_ND[torch.arange(size) * (len(embedding_ND) // size)]) for size in sizes]
    laps = [
        statistics.median(seconds_of(lambda r=r: ours(r, int(len(r) * ratio), None)) for _ in range(3)) for r in every
    ]
    found: dict[str, Any] = {"n": sizes, "ours_s": laps, "ours_slope": slope(sizes, laps)}
    if with_peer:
        peer = [peer_picks(rows, int(len(rows) * ratio))[1] for rows in every[:3]]
        found |= {"peer_s": peer, "peer_slope": slope(sizes[:3], peer)}
    return found


def main() -> None:
    """Print one JSON record."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", type=Path, default=weights)
    parser.add_argument("--ratio", type=float, default=0.01)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep freed memory, as our programs do")
    arguments = parser.parse_args()
    if arguments.keep:
        keep_freed_memory()
    embedding_ND, source = embeddings(arguments.data_root, arguments.weights, arguments.rows)
    record = {"source": source, **measure(embedding_ND, arguments.ratio, arguments.repeats, arguments.peer)}
    if arguments.growth:
        record["growth"] = growth(embedding_ND, arguments.ratio, arguments.peer)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
