"""A few pictures choose how they extend a model, or that they do not."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from adshift.adaptation.extension import Extension
from adshift.adaptation.few_images import FewImages
from adshift.features.backbone import FrozenBackbone
from adshift.methods.method import Method
from adshift.methods.padim import PaDiM
from adshift.methods.patchcore import PatchCore
from adshift.stages.choice import Choice, choose, folds_of
from adshift.stages.repair import Extended, Pictures, repair_method

SIZE = 32
K = 6
CHOSEN_FROM = FewImages(K, copies=0, ratio=None, align="none", weight=None, keep=1.0)


@pytest.fixture(scope="module")
def backbone() -> FrozenBackbone:
    return FrozenBackbone("resnet18", ("layer1", "layer2"), "random", seed=3)


def photographs(count: int, seed: int, lamp: float = 0.0) -> Tensor:
    """Noise about one picture; the lamp adds the same texture to all."""
    generator = torch.Generator().manual_seed(1000 + seed)
    base = torch.randn(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    texture = torch.randn(3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))
    return base + lamp * texture + 0.2 * torch.randn(count, 3, SIZE, SIZE, generator=generator)


def pasted(images: Tensor, strength: float = 1.0) -> Tensor:
    marked = images.clone()
    for i, image in enumerate(marked):
        image[:, 4 * i % 24 : 4 * i % 24 + 6, 8:14] += strength
    return marked


@torch.no_grad()
def fitted(backbone: FrozenBackbone, name: str = "patchcore") -> Method:
    method: Method = PatchCore(backbone, 0.2) if name == "patchcore" else PaDiM(backbone, 20)
    method.begin_fit(16)
    method.collect(method.embed(photographs(16, 0)))
    method.finish_fit()
    return method


@torch.no_grad()
def pictures(method: Method, lamp: float, group_N: Sequence[int] = range(K), strength: float = 1.0) -> Pictures:
    good = photographs(len(group_N), 5, lamp)
    views = torch.stack([method.embed(good)])
    marked = torch.stack([method.embed(pasted(good, strength)), method.embed(pasted(good, -strength))])

    def nobody() -> None:
        raise AssertionError("nothing is aligned here")

    return Pictures(np.array(group_N), lambda copies: views, lambda: marked, nobody)  # type: ignore[arg-type, return-value]


def repaired(method: Method, few: FewImages, at: Pictures) -> tuple[Method, Extended]:
    model = copy.deepcopy(method, {id(method.backbone): method.backbone})
    return model, repair_method(model, few, at, 16, SIZE)


@pytest.mark.parametrize("name", ["patchcore", "padim"])
def test_pictures_of_another_lamp_extend_the_model(backbone: FrozenBackbone, name: str) -> None:
    method = fitted(backbone, name)
    at = pictures(method, lamp=1.0)
    model, found = repaired(method, CHOSEN_FROM, at)
    assert found.choice is not None
    assert found.way is not None
    assert found.choice.taken == found.way
    given = FewImages(K, copies=0, ratio=found.way.ratio, weight=found.way.weight)
    _, same = repaired(method, given, at)
    assert same.choice is None
    for chosen, asked in zip(found.scores, same.scores, strict=True):
        assert torch.equal(chosen.image_score_B, asked.image_score_B)
    assert any(not torch.equal(a, b) if a.shape == b.shape else True
               for a, b in zip(model.state_dict().values(), method.state_dict().values(), strict=True))  # fmt: skip


@pytest.mark.parametrize("name", ["patchcore", "padim"])
def test_pictures_that_show_the_old_model_as_good_leave_it_as_it_is(backbone: FrozenBackbone, name: str) -> None:
    """Of the same lamp, with defects that every model tells."""
    method = fitted(backbone, name)
    at = pictures(method, lamp=0.0, strength=30.0)
    model, found = repaired(method, CHOSEN_FROM, at)
    assert found.choice is not None
    assert found.choice.tried[found.choice.everything] is None
    assert found.way is None
    assert (
        len(found.choice.found) == len(found.choice.tried) == 1 + len(CHOSEN_FROM.extensions(method.bank is not None))
    )
    for key, value in method.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key
    for score, own in zip(found.scores, at.seen(0)[0], strict=True):
        assert torch.equal(score.image_score_B, method.score(own[None], (SIZE, SIZE)).image_score_B)


@pytest.mark.parametrize("group_N", [[0], [0, 1, 2], [0, 0, 1, 1, 2, 2]])
def test_three_series_show_nothing(backbone: FrozenBackbone, group_N: list[int]) -> None:
    method = fitted(backbone)
    _, found = repaired(method, CHOSEN_FROM, pictures(method, 1.0, group_N))
    customary, *others = CHOSEN_FROM.extensions(bank=True)
    assert found.way == customary == Extension()
    assert found.choice == Choice(customary, (customary, None, *others))


def test_given_values_are_the_repair_of_before(backbone: FrozenBackbone) -> None:
    """Its formula: the bank, then a coreset of each picture; each picture's score without those of its series."""
    method = fitted(backbone)
    group_N = [0, 1, 1, 2, 0, 3]
    at = pictures(method, 1.0, group_N)
    model, found = repaired(method, FewImages(K), at)
    assert isinstance(method, PatchCore)
    parts = [method.condensed(at.seen(0)[:, i], 0.1) for i in range(K)]
    for i, own in enumerate(at.seen(0)[0]):
        other = copy.deepcopy(method, {id(method.backbone): method.backbone})
        other.bank_MD = torch.cat([method.bank_MD, *(parts[j] for j in range(K) if group_N[j] != group_N[i])])
        other.bank_image_M = torch.zeros(len(other.bank_MD), dtype=torch.int64)
        assert torch.equal(other.score(own[None], (SIZE, SIZE)).image_score_B, found.scores[i].image_score_B)
    assert isinstance(model, PatchCore)
    assert torch.equal(model.bank_MD, torch.cat([method.bank_MD, *parts]))


def test_what_is_chosen_without_a_fold_does_not_look_at_it(backbone: FrozenBackbone) -> None:
    method = fitted(backbone)
    ways = CHOSEN_FROM.extensions(bank=True)
    fold_N = np.array([0, 1, 2, 3, 4, 4])

    def of(at: Pictures, mask: np.ndarray) -> Choice:
        return choose(
            method, ways, at.seen(0)[:, mask], at.pasted()[:, mask], fold_N[mask], lambda way, keep: None, (SIZE, SIZE)
        )

    at = pictures(method, 1.0)
    whole = of(at, fold_N >= 0)
    broken = [at.seen(0).clone(), at.pasted().clone()]
    for part in broken:
        part[:, -2:] = part[:, -2:].flip(2) * 9
    spoilt = of(Pictures(at.group_N, lambda copies: broken[0], lambda: broken[1], at.source), fold_N >= 0)
    assert spoilt.without[-1] == whole.without[-1] == of(at, fold_N < 4).everything
    assert spoilt.found != whole.found


@pytest.mark.parametrize(("without", "taken"), [(2, 1), (1, 0), (0, 0)])
def test_what_is_not_chosen_without_every_fold_is_not_taken(
    backbone: FrozenBackbone, monkeypatch: pytest.MonkeyPatch, without: int, taken: int
) -> None:
    from adshift.stages import choice

    method, told = fitted(backbone), iter([2, 2, 2, without, 2, 2, 2])
    monkeypatch.setattr(choice, "to_take", lambda scores, fold_N: next(told))
    at, ways = pictures(method, 1.0), (Extension(ratio=0.1), Extension(ratio=1.0))
    found = choose(method, ways, at.seen(0), at.pasted(), np.arange(K), lambda way, keep: None, (SIZE, SIZE))
    assert found.tried == (ways[0], None, ways[1])
    assert (found.taken, found.everything, found.without) == (ways[taken], 2, (2, 2, without, 2, 2, 2))


def test_series_go_into_eight_folds_at_most() -> None:
    assert folds_of(np.array([5, 5, 7, 9])).tolist() == [0, 0, 1, 2]
    many = folds_of(np.arange(20))
    assert set(many) == set(range(8))
