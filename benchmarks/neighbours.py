"""Nearest neighbours: ours against FAISS IndexFlatL2 on the same bank and queries.

`python benchmarks/neighbours.py [--data-root SCREW] [--weights FILE] [--bank M] [--dim 384 1536]`. The bank is a coreset
of train patches, the queries are the patches of 20 test images. 384 dimensions come from the ResNet-18 weights given;
1,536 from ResNet-50 with random weights (no trained ones are shared to that depth).
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

BANK = 12_544
K = 9
TEST_IMAGES = 20
TRAIN_IMAGES = 80


def bank_and_queries(dim: int, data_root: Path, weights: Path, bank: int = BANK) -> tuple[Tensor, Tensor, str]:
    """Coreset of train patches, patches of 20 test images spread over all defects, and where they come from."""
    from adshift.methods.coreset import greedy_coreset

    train = sorted((data_root / "train" / "good").glob("*.png"))
    test = sorted((data_root / "test").glob("*/*.png"))
    if train and test and weights.is_file():
        model, source = ("resnet18", str(weights)) if dim == 384 else ("resnet50", "random")
        rows = screw_rows(train[:: max(1, len(train) // TRAIN_IMAGES)], model, source)
        query = screw_rows(test[:: max(1, len(test) // TEST_IMAGES)][:TEST_IMAGES], model, source)
        name = f"screw {model}" + (" random" if source == "random" else "")
    else:
        rows, query, name = clustered_rows(60_000, dim, 1), clustered_rows(TEST_IMAGES * 784, dim, 2), "synthetic"
    picks = greedy_coreset(rows, bank, generator=torch.Generator().manual_seed(0)).indices_M
    return rows[picks], query, name


def true_distances(bank_MD: Tensor, query_QD: Tensor, index_Qk: Tensor) -> Tensor:
    """Distances to the bank rows named, from float64 differences, ascending."""
    found = []
    for start in range(0, len(query_QD), 128):
        part = slice(start, start + 128)
        found.append((bank_MD[index_Qk[part]].double() - query_QD[part, None].double()).square().sum(2).sqrt())
    return torch.cat(found).sort(dim=1).values


def measure(bank_MD: Tensor, query_QD: Tensor, repeats: int = 5, backend: str = "auto") -> dict[str, Any]:
    """Median seconds of both, alternating, and whether they agree.

    FAISS rounds in float32 on vectors that are not centred, so it may swap near-ties. `equal`: over 99.8 % of the
    neighbours are the same; in float64, those of FAISS are nowhere nearer than ours (1e-6) nor farther by 1e-3.
    """
    import faiss

    from adshift.methods.neighbours import NeighbourSearch

    index = faiss.IndexFlatL2(bank_MD.shape[1])
    index.add(bank_MD.numpy())
    start = time.perf_counter()
    search = NeighbourSearch(bank_MD, backend)
    build_s = time.perf_counter() - start
    ours_s, peer_s = [], []
    for _ in range(repeats + 1):  # the first of each warms up
        start = time.perf_counter()
        distances, indices = search.search(query_QD, K)
        middle = time.perf_counter()
        _, expected = index.search(query_QD.numpy(), K)
        ours_s.append(middle - start)
        peer_s.append(time.perf_counter() - middle)
    ours, peer = statistics.median(ours_s[1:]), statistics.median(peer_s[1:])
    same = float((indices == torch.from_numpy(expected)).float().mean())
    excess = true_distances(bank_MD, query_QD, torch.from_numpy(expected)) / distances.double().clamp_min(1e-12) - 1
    record: dict[str, Any] = {"ours_s": ours, "peer_s": peer, "ratio": peer / ours}
    record["equal"] = bool(same > 0.998 and excess.max() < 1e-3 and excess.min() > -1e-6)
    record |= {"same_neighbours": same, "largest_excess": float(excess.max()), "build_s": build_s}
    return record | {"n": len(query_QD), "bank": len(bank_MD), "dim": bank_MD.shape[1], "backend": search.backend}


def main() -> None:
    """Print one JSON record a dimension."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", type=Path, default=weights)
    parser.add_argument("--bank", type=int, default=BANK)
    parser.add_argument("--dim", type=int, nargs="+", choices=(384, 1536), default=[384, 1536])
    parser.add_argument("--backend", default="auto")
    arguments = parser.parse_args()
    for dim in arguments.dim:
        bank_MD, query_QD, source = bank_and_queries(dim, arguments.data_root, arguments.weights, arguments.bank)
        print(json.dumps({"source": source} | measure(bank_MD, query_QD, backend=arguments.backend)), flush=True)


if __name__ == "__main__":
    main()
