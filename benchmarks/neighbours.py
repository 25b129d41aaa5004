"""Nearest neighbours: ours against FAISS IndexFlatL2 on the same bank and queries, and how both grow with the bank.

`python benchmarks/neighbours.py [--data-root SCREW] [--weights FILE] [--bank M] [--dim 384|1536] [--growth]`. The bank is a
coreset of train patches, the queries are the patches of 20 test images. 384 dimensions come from the ResNet-18 weights
given; 1,536 from ResNet-50 with random weights (no trained ones are shared to that depth).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from patch_rows import clustered_rows, screw_rows, shared_paths
from timing import alternating, seconds_of, slope
from torch import Tensor

BANK = 12_544
K = 9
TEST_IMAGES = 20
TRAIN_IMAGES = 80


def bank_and_queries(dim: int, data_root: Path, weights: Path, bank: int = BANK) -> tuple[Tensor, Tensor, str]:
    """Coreset of train patches, patches of 20 test images spread over all defects, and where they come from."""
    from adshift.methods.coreset.greedy import greedy_coreset

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


def measure(bank_MD: Tensor, query_QD: Tensor, repeats: int = 7, backend: str = "auto") -> dict[str, Any]:
    """Median seconds of both, alternating, and whether they agree.

    FAISS rounds in float32 on vectors that are not centred, so it may swap near-ties. `equal`: over 99.8 % of the
    neighbours are the same; in float64, those of FAISS are nowhere nearer than ours (1e-6) nor farther by 1e-3.
    """
    import faiss

    from adshift.methods.search.neighbours import NeighbourSearch

    index = faiss.IndexFlatL2(bank_MD.shape[1])
    index.add(bank_MD.numpy())
    search = NeighbourSearch(bank_MD, backend)
    build_s = seconds_of(lambda: NeighbourSearch(bank_MD, backend))
    seconds = alternating(
        {"ours": lambda: search.search(query_QD, K), "peer": lambda: index.search(query_QD.numpy(), K)}, repeats
    )
    distances, indices = search.search(query_QD, K)
    expected = torch.from_numpy(index.search(query_QD.numpy(), K)[1])
    same = float((indices == expected).float().mean())
    excess = true_distances(bank_MD, query_QD, expected) / distances.double().clamp_min(1e-12) - 1
    record: dict[str, Any] = {"ours_s": seconds["ours"], "peer_s": seconds["peer"]}
    record["ratio"] = record["peer_s"] / record["ours_s"]
    record["equal"] = bool(same > 0.998 and excess.max() < 1e-3 and excess.min() > -1e-6)
    record |= {"same_neighbours": same, "largest_excess": float(excess.max()), "build_s": build_s, "repeats": repeats}
    return record | {"n": len(query_QD), "bank": len(bank_MD), "dim": bank_MD.shape[1], "backend": search.backend}


def growth(bank_MD: Tensor, query_QD: Tensor) -> dict[str, Any]:
    """Seconds for banks of M / 8, M / 4, M / 2 and M vectors (prefixes of one greedy order), and the slopes."""
    sizes = [len(bank_MD) // part for part in (8, 4, 2, 1)]
    found = [measure(bank_MD[:size], query_QD, repeats=3) for size in sizes]
    laps = {side: [record[side] for record in found] for side in ("ours_s", "peer_s")}
    slopes = {f"{side[:4]}_slope": slope(sizes, seconds) for side, seconds in laps.items()}
    return {"bank": sizes, **laps, **slopes}


def main() -> None:
    """Print one JSON record."""
    data_root, weights = shared_paths()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", type=Path, default=data_root, help="folder of the screw category")
    parser.add_argument("--weights", type=Path, default=weights)
    parser.add_argument("--bank", type=int, default=BANK)
    parser.add_argument("--dim", type=int, choices=(384, 1536), default=384)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    bank_MD, query_QD, source = bank_and_queries(arguments.dim, arguments.data_root, arguments.weights, arguments.bank)
    record = {"source": source, **measure(bank_MD, query_QD, arguments.repeats, arguments.backend)}
    if arguments.growth:
        record["growth"] = growth(bank_MD, query_QD)
    print(json.dumps(record))


if __name__ == "__main__":
    main()
