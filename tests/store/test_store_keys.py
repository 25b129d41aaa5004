"""Whatever field of the configuration changes a result changes the store's keys: every one of them is tried.

A field is tried by running a cell twice with its other value: once with a store that holds all the work of the unchanged
cell, once with none. The figures must be the same, and for the fields said to matter they must differ from the unchanged
cell's. A field that is in neither list fails the first test, so a new one has to be thought about.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.images import tiny_overrides
from helpers.inprocess import run_cell
from helpers.repo import REPO
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

BASE = ("domain=shift", "split=standard", "threshold=quantile", "metrics.bootstrap=0", "image_size=48")

MATTERS = {
    "seed": "seed=1",
    "image_size": "image_size=32",
    "coreset_ratio": "coreset_ratio=0.3",
    "method._target_": "method=padim",
    "method.layers": "method.layers=[layer2]",
    "method.neighbourhood": "method.neighbourhood=1",
    "method.neighbours": "method.neighbours=2",
    "method.projection_dim": "method.projection_dim=4",
    "method.smoothing": "method.smoothing=0",
    "method.seed": "method.seed=5",
    "data.category": "data.category=strip",
    "data.groups": "data.groups='^..(.)'",
    "domain.geometric": "domain.geometric=false",
    "domain.illumination": "domain.illumination=false",
    "domain.photometric": "domain.photometric=false",
    "domain.severity": "domain.severity=0.5",
    "domain.seed": "domain.seed=3",
    "domain.border": "domain.border=replicate",
    "domain.resampling": "domain.resampling=lanczos",
    "domain.corruption": "domain=defocus_blur",
    "adaptation._target_": "adaptation=full",
    "split._target_": "split=official",
    "split.seed": "split.seed=1",
    "split.train_fraction": "split.train_fraction=0.5",
    "backbone.architecture": "backbone=resnet50",
    "metrics.resolution": "metrics.resolution=original",
    "backbone.precision": "backbone.precision=bfloat16",
}
"""Field -> the override that tries it; each changes some score or figure here."""

SILENT = {
    "data.batch_size": "data.batch_size=3",
    "method.search": "method.search=torch",
    "method.ivf_lists": "method.search=ivf method.ivf_lists=2",
    "method.ivf_probes": "method.search=ivf method.ivf_lists=4 method.ivf_probes=1",
    "method.hnsw_links": "method.search=hnsw method.hnsw_links=4",
    "method.hnsw_width": "method.search=hnsw method.hnsw_links=4 method.hnsw_width=9",
    "crossfit": "crossfit=0",
    "save_maps": "save_maps=true",
}
"""Tried as well, but they change at most the last digits, or nothing on so small a bank."""

ELSEWHERE = {
    *("method.name", "method.coreset_ratio", "domain._target_", "domain.name", "data.name", "data.categories"),
    *(
        "data.source",
        "data.root",
        "data.num_workers",
        "threshold._target_",
        "threshold.scope",
        "threshold.alpha",
        "threshold.pixel",
        "threshold.region",
    ),
    *("split", "trainer.accelerator", "trainer.devices", "metrics.bootstrap", "metrics.latency", "force", "objective"),
    *("store._target_", "store.root", "store.limit_gb", "backbone._target_", "backbone.weights", "logger._target_"),
}
"""Names, interpolations of a tried field, and what acts after the scores or on the machine alone. ``data.root`` and
``backbone.weights`` enter the keys by what lies there (``test_store.py``, ``test_weights_in_the_key``)."""


def leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in node.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key}
    return found


def cell(tiny: Path) -> list[str]:
    return [*tiny_overrides(tiny), *BASE]


def digest(folder: Path, result: dict[str, Any]) -> str:
    return json.dumps([result["metrics"], result["threshold"], (folder / "scores.csv").read_text()])


def test_every_field_is_tried_or_known_to_act_elsewhere(tiny: Path) -> None:
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", cell(tiny)))
    assert isinstance(config, dict)
    fields = leaves({str(k): v for k, v in config.items()})
    assert fields - set(MATTERS) - set(SILENT) - ELSEWHERE == set()
    assert set(MATTERS) | set(SILENT) <= fields


@pytest.fixture(scope="module")
def warm(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with the unchanged cell's work, and its figures."""
    folder = tmp_path_factory.mktemp("warm")
    result = run_cell(folder / "out", *cell(tiny), f"store.root={folder / 'store'}")
    return folder / "store", digest(folder / "out", result)


@pytest.mark.slow
@pytest.mark.parametrize("field", [*MATTERS, *SILENT])
def test_a_warm_store_gives_what_no_store_gives(tiny: Path, tmp_path: Path, warm: tuple[Path, str], field: str) -> None:
    store, unchanged = warm
    override = {**MATTERS, **SILENT}[field]
    base = cell(tiny)
    if override == "method=padim":
        base = [o for o in base if not o.startswith("coreset_ratio")] + ["method.n_features=20"]
    if override == "split=official":
        base = [o for o in base if not o.startswith("split=")]
    found = run_cell(tmp_path / "warm", *base, *override.split(), f"store.root={store}")
    alone = run_cell(tmp_path / "cold", *base, *override.split(), "store=off")
    assert digest(tmp_path / "warm", found) == digest(tmp_path / "cold", alone)
    if field in MATTERS:
        assert digest(tmp_path / "warm", found) != unchanged


def test_weights_in_the_key(tiny: Path, tmp_path: Path) -> None:
    """Other weights under the same path are other weights."""
    import torch

    from adshift.features.backbone import FrozenBackbone

    path = tmp_path / "weights.pth"
    scores = []
    for seed in (0, 1):
        torch.save(FrozenBackbone("resnet18", ("layer2", "layer3"), "random", seed=seed).body.state_dict(), path)
        arguments = [*cell(tiny), f"backbone.weights={path}", f"store.root={tmp_path / 'store'}"]
        run_cell(tmp_path / str(seed), *arguments)
        scores.append((tmp_path / str(seed) / "scores.csv").read_text())
    assert scores[0] != scores[1]


REGIMES = {
    "robust": ("robust.copies=2", "robust.components=[photometric]", "robust.severity=0.5", "robust.seed=1"),
    "few": (
        *("few.k=3", "few.copies=1", "few.ratio=0.9", "few.align=moments", "few.weight=0.9", "few.seed=1"),
        *("few.keep=0.5", "few.components=[photometric]"),
    ),
    "test_time": (
        *("test_time.batch=3", "test_time.statistics=moments", "test_time.seed=2"),
        *("test_time.views=[identity,rot90]", "test_time.aggregate=min"),
    ),
}
"""Regime -> the override that tries each of its fields."""

REGIME_BASE = {
    "robust": ("robust.copies=1",),
    "few": ("few.k=2", "few.align=covariance", "few.copies=2"),
    "test_time": ("test_time.batch=4", "test_time.views=[identity,hflip,rot270]"),
}


@pytest.mark.parametrize("regime", REGIMES)
def test_every_field_of_a_regime_is_tried(tiny: Path, regime: str) -> None:
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        node = OmegaConf.to_container(compose("train", [*cell(tiny), f"adaptation={regime}"])[regime])
    assert isinstance(node, dict)
    assert {f"{regime}.{key}" for key in node} - {f"{regime}._target_"} == {o.split("=")[0] for o in REGIMES[regime]}


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
def test_a_regimes_fields_are_in_the_keys(tiny: Path, tmp_path: Path, regime: str) -> None:
    store, base = tmp_path / "store", [*cell(tiny), f"adaptation={regime}", *REGIME_BASE.get(regime, ())]
    unchanged = digest(tmp_path / "base", run_cell(tmp_path / "base", *base, f"store.root={store}"))
    for override in REGIMES[regime]:
        chosen = [o for o in base if o.split("=")[0] != override.split("=")[0]] + [override]
        name = override.split("=")[0]
        found = run_cell(tmp_path / "warm" / name, *chosen, f"store.root={store}")
        alone = run_cell(tmp_path / "cold" / name, *chosen, "store=off")
        warm, cold = digest(tmp_path / "warm" / name, found), digest(tmp_path / "cold" / name, alone)
        assert warm == cold, override
        assert warm != unchanged, override
