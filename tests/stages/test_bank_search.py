"""Neighbours in the store: what was found in a bank serves every bank that begins with it, and no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from torch import Tensor

from adshift.methods.search.continued import ContinuedSearch
from adshift.methods.search.neighbours import NeighbourSearch
from adshift.stages import neighbours as bank_search
from adshift.stages.embedding import StoredEmbedding
from adshift.stages.neighbours import BANKS, FoundNeighbours, find_neighbours, worth_keeping
from adshift.store.store import META, NoStore, Store

K = 5


class Banked:
    """A method that is its bank; notes how many rows each search could leave out."""

    neighbours = K
    keeps_neighbours = True

    def __init__(self, bank_MD: Tensor) -> None:
        self.bank_MD = bank_MD
        self.known: list[int] = []

    def continued_search(self, first: int) -> ContinuedSearch:
        self.known.append(first)
        return ContinuedSearch(self.bank_MD, first)


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, 12, generator=torch.Generator().manual_seed(seed))


EMBEDDING = StoredEmbedding({"images": "seven"}, rows(7 * 6, 1).view(7, 2, 3, 12), 0.0)


def find(store: Store, bank_MD: Tensor) -> tuple[FoundNeighbours, list[int]]:
    """What is found in a bank, checked against a search without a store, and from which row on it was searched."""
    method = Banked(bank_MD)
    found = find_neighbours(store, method, EMBEDDING, batch_size=3)
    whole = NeighbourSearch(bank_MD).search(EMBEDDING.embedding_NHWD.flatten(0, 2), K)
    batches = list(found.loader(4))
    for stored, expected in zip(zip(*batches, strict=True), whole, strict=True):
        together = torch.cat(stored)
        assert together.shape == (7, 2, 3, min(K, len(bank_MD)))
        assert torch.equal(together.flatten(0, 2), expected)
        assert together.dtype == expected.dtype
    return found, method.known


def entry(store: Store) -> Path:
    (meta,) = store.root.glob(f"neighbours/*/{META}")
    return meta.parent


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path), 1.0)


def test_a_longer_bank_goes_on_from_the_longest_one_that_it_begins_with(store: Store) -> None:
    bank = rows(100, 2)
    assert [find(store, bank[:size])[1] for size in (3, 20, 100, 60, 20, 100)] == [[0], [3], [20], [20], [], []]
    assert (store.made["neighbours"], store.reused["neighbours"]) == (4, 2)
    listed = json.loads((entry(store) / BANKS).read_text())
    assert [bank["rows"] for bank in listed] == [3, 20, 100, 60]
    assert listed[0]["seconds"] < listed[1]["seconds"] < listed[2]["seconds"]  # each with what it went on from
    assert [find(store, bank[:size])[0].bank_rows for size in (3, 60)] == [3, 60]


def test_a_shorter_bank_after_the_longer_one_is_searched_from_its_own_prefixes(store: Store) -> None:
    bank = rows(100, 2)
    assert [find(store, bank[:size])[1] for size in (100, 50, 10, 70)] == [[0], [0], [0], [50]]


def test_content_decides_what_a_bank_begins_with(store: Store) -> None:
    bank = rows(100, 2)
    other = bank.clone()
    other[15] += 1
    assert find(store, bank[:20])[1] == [0]
    assert find(store, other)[1] == [0]  # the same first row and so the same entry, but not the first 20
    assert find(store, other[:20])[1] == [0]  # the same number of rows
    assert find(store, bank[:30])[1] == [20]
    assert find(store, other[:30])[1] == [20]
    assert (store.made["neighbours"], store.reused["neighbours"]) == (5, 0)
    assert len(list(entry(store).glob("*.row.npy"))) == 5
    assert find(store, bank[1:])[1] == [0]  # another first row
    assert len(list(store.root.glob(f"neighbours/*/{META}"))) == 2


def test_shorter_results_are_kept_without_a_second_copy_where_the_disk_can(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = rows(100, 2)
    find(store, bank[:20])
    (before,) = entry(store).glob("*.row.npy")
    number = before.stat().st_ino
    find(store, bank[:50])
    assert before.stat().st_ino == number

    def unable(source: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(bank_search.os, "link", unable)
    assert find(store, bank)[1] == [50]
    assert before.stat().st_ino != number
    assert find(store, bank[:20])[1] == []


def test_what_is_mapped_stays_readable_when_the_entry_grows(store: Store) -> None:
    bank = rows(100, 2)
    found, _ = find(store, bank[:20])
    before = found.distance_NHWk.clone()
    find(store, bank)
    assert torch.equal(found.distance_NHWk, before)


@pytest.mark.parametrize("damage", ["shorter", "missing"])
def test_a_damaged_file_makes_the_search_start_anew(store: Store, damage: str) -> None:
    bank = rows(100, 2)
    find(store, bank[:20])
    (file,) = entry(store).glob("*.distance.npy")
    if damage == "shorter":
        file.write_bytes(file.read_bytes()[:-8])
    else:
        file.unlink()
    assert find(store, bank)[1] == [0]
    assert find(store, bank[:20])[1] == [0]


def test_it_is_worth_it_for_a_store_that_keeps_and_a_bank_that_asks_on_the_cpu(store: Store) -> None:
    method, cpu = Banked(rows(4, 2)), torch.device("cpu")
    assert worth_keeping(store, method, cpu)
    assert not worth_keeping(NoStore(), method, cpu)
    assert not worth_keeping(store, method, torch.device("cuda"))
    method.keeps_neighbours = False
    assert not worth_keeping(store, method, cpu)


def told(folder: Path, result: dict[str, Any]) -> str:
    maps = (folder / "scores.csv").read_text()
    return json.dumps([result["metrics"], result["threshold"], result["pixel_threshold"], result["warnings"], maps])


@pytest.mark.parametrize("ratios", [("0.01", "0.05", "0.1"), ("0.1", "0.05", "0.01")])
def test_a_sweep_of_ratios_in_any_order_gives_what_no_store_gives(
    tiny: Path, tmp_path: Path, ratios: tuple[str, ...]
) -> None:
    made = []
    for ratio in ratios:
        cell = [*tiny_overrides(tiny)[:-1], f"coreset_ratio={ratio}", "domain=shift"]
        together = run_cell(tmp_path / ratio, *cell, f"store.root={tmp_path / 'store'}")
        apart = run_cell(tmp_path / f"{ratio}_off", *cell, "store=off")
        assert told(tmp_path / ratio, together) == told(tmp_path / f"{ratio}_off", apart)
        assert "neighbours" not in apart["store"]["made"]
        made.append(together["store"]["made"]["neighbours"])
    assert made == [2, 2, 2]  # calibration and test images: one entry each, which grew
    entries = sorted(tmp_path.glob(f"store/neighbours/*/{BANKS}"))
    assert [len(json.loads(banks.read_text())) for banks in entries] == [3, 3]


@pytest.mark.parametrize("align", ["none", "moments"])
def test_few_goes_on_from_the_bank_that_it_extends_and_finds_what_no_store_finds(
    tiny: Path, tmp_path: Path, align: str
) -> None:
    base = [*tiny_overrides(tiny), "domain=shift", "threshold=quantile"]
    few = ["adaptation=few", "few.k=2", f"few.align={align}"]
    run_cell(tmp_path / "none", *base, f"store.root={tmp_path / 'store'}")
    together = run_cell(tmp_path / "few", *base, *few, f"store.root={tmp_path / 'store'}")
    apart = run_cell(tmp_path / "few_off", *base, *few, "store=off")
    assert told(tmp_path / "few", together) == told(tmp_path / "few_off", apart)
    assert together["store"]["made"]["neighbours"] == 1
    listed = [json.loads(banks.read_text()) for banks in tmp_path.glob(f"store/neighbours/*/{BANKS}")]
    continued = [banks for banks in listed if len(banks) == 2]
    assert len(continued) == (1 if align == "none" else 0)  # an aligned bank begins with other vectors
    assert all(fitted["rows"] < extended["rows"] for fitted, extended in continued)


@pytest.mark.parametrize(
    "regime",
    [
        ("method=padim", "method.n_features=20"),
        ("method.search=ivf", "coreset_ratio=0.3"),
        ("adaptation=test_time",),
    ],
)
def test_what_cannot_be_continued_is_scored_as_ever(tiny: Path, tmp_path: Path, regime: tuple[str, ...]) -> None:
    base = [o for o in tiny_overrides(tiny) if not o.startswith("coreset") or "method=padim" not in regime]
    found = run_cell(tmp_path / "out", *base, *regime, "domain=shift", f"store.root={tmp_path / 'store'}")
    assert found["store"]["made"]["scores"] >= 1
    assert "neighbours" not in found["store"]["made"]
