"""The small backbone's training: its scenes, what it is trained for, and that it can be done again."""

from __future__ import annotations

import ast
import hashlib
import math
from pathlib import Path

import pytest
import torch
from helpers.repo import REPO
from torch import Tensor

from adshift.pretraining.__main__ import main
from adshift.pretraining.camera import lit, motions, moved
from adshift.pretraining.objective import TEMPERATURE, identity_loss, novelty_loss
from adshift.pretraining.scenes import damaged, scenes
from adshift.pretraining.textures import cells, lattice, noise
from adshift.pretraining.training import Recipe, train


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("texture", [noise, lattice, cells])
def test_textures_fill_the_range_and_follow_the_generator(texture: object) -> None:
    assert callable(texture)
    first = texture(12, 48, generator())
    assert first.shape == (12, 48, 48)
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.std((1, 2)).median() > 0.05
    assert torch.equal(first, texture(12, 48, generator()))
    assert not torch.equal(first, texture(12, 48, generator(1)))


def test_damage_is_where_the_mask_says() -> None:
    scene = scenes(12, 64, generator(3))
    broken, changed = damaged(scene, generator(4))
    assert scene.shape == broken.shape == (12, 3, 64, 64)
    assert min(scene.min(), broken.min()) >= 0
    assert max(scene.max(), broken.max()) <= 1
    difference = (broken - scene).abs().amax(1, keepdim=True)
    assert torch.equal(changed > 0, difference > 0.06)
    assert (changed.mean((1, 2, 3)) > 0).sum() >= 6
    assert changed.mean() < 0.3


def test_the_light_changes_and_the_part_stays() -> None:
    scene = scenes(8, 64, generator(5))
    photograph = lit(scene, generator(6))
    assert photograph.min() >= 0
    assert photograph.max() <= 1
    assert (photograph - scene).abs().mean() > 0.02
    still = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(8, 2, 3)
    torch.testing.assert_close(moved(scene, still), scene, rtol=0, atol=1e-5)
    assert (moved(scene, motions(8, generator())) - scene).abs().mean() > 0.01


def test_novelty_orders_the_distances_to_the_nearest_patch() -> None:
    query, bank = torch.randn(2, 5, 3, generator=generator()), torch.randn(2, 6, 3, generator=generator(1))
    normal = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]).bool()
    faulty = torch.tensor([[0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]).bool()
    found = novelty_loss(query, bank, normal, faulty)
    scale = math.sqrt(sum(float((q - b).square().sum()) for i in range(2) for q in query[i] for b in bank[i]) / 60)
    score = [min(float((q - b).norm()) for b in bank[0]) / scale for q in query[0]]
    pairs = [math.log1p(math.exp(-(score[f] - score[n]) / TEMPERATURE)) for f in (2, 3) for n in (0, 1)]
    assert float(found) == pytest.approx(sum(pairs) / 4, rel=1e-4)


def test_identity_finds_the_same_place_and_leaves_its_likes_out() -> None:
    anchor = torch.eye(4)
    content = torch.tensor([[0.0], [0.0], [1.0], [2.0]])  # the first two look alike
    logit = 1 / TEMPERATURE
    expected = [math.log1p(k * math.exp(-logit)) for k in (2, 2, 3, 3)]
    found = identity_loss(anchor, anchor, content)
    assert float(found) == pytest.approx(sum(expected) / 4, rel=1e-3)


TINY = Recipe(steps=3, batch=5, size=48, reuse=2)


def trained(recipe: Recipe) -> dict[str, Tensor]:
    states: list[dict[str, Tensor]] = []
    train(recipe, lambda _: None, lambda _, state: states.append({k: v.clone() for k, v in state.items()}))
    return states[-1]


def test_the_same_seed_trains_the_same_weights() -> None:
    torch.manual_seed(1)
    first = trained(TINY)
    torch.manual_seed(2)  # the global generator has no part in it
    again, other = trained(TINY), trained(Recipe(steps=3, batch=5, size=48, reuse=2, seed=1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert all(value.isfinite().all() for value in first.values())


@pytest.mark.slow
def test_the_command_writes_the_same_file_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from adshift.features.backbone import FrozenBackbone

    found = []
    for name in ("a", "b"):
        path = tmp_path / name / "w.safetensors"
        assert main(["--out", str(path), "--steps", "2", "--batch", "5"]) == 0
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert digest in capsys.readouterr().out
        found.append(digest)
    assert found[0] == found[1]
    assert FrozenBackbone("small", ("layer2", "layer3"), str(path)).channels == (96, 192)


def test_a_run_of_no_steps_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "w.safetensors"), "--steps", "0"]) == 2
    assert "--steps=0 must be at least 1" in capsys.readouterr().err
    assert not (tmp_path / "w.safetensors").exists()


def test_training_sees_neither_the_evaluations_generators_nor_other_weights() -> None:
    names = set()
    for file in (REPO / "adshift" / "pretraining").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
            elif isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
    own = {name for name in names if name.startswith("adshift.") and not name.startswith("adshift.pretraining")}
    own = {name for name in own if name != "adshift.errors" and not name.startswith("adshift.system.")}
    assert own == {
        "adshift.data.images",
        "adshift.features.patches",
        "adshift.features.resnet",
        "adshift.features.small",
    }
    assert {name.split(".")[0] for name in names - own} <= {
        *(
            "__future__",
            "argparse",
            "hashlib",
            "sys",
            "collections",
            "pathlib",
            "math",
            "time",
            "dataclasses",
            "typing",
        ),
        *("torch", "safetensors", "adshift"),
    }
