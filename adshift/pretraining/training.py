"""The training loop: two photographs of a procedural scene, one of them of the damaged scene, a step a batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from adshift.data.images import IMAGENET_MEAN, IMAGENET_STD
from adshift.features.patches import patch_embeddings
from adshift.features.resnet import resnet
from adshift.features.small import LADDER
from adshift.pretraining.camera import lit, motions, moved
from adshift.pretraining.draws import chance
from adshift.pretraining.objective import Losses, identity_loss, novelty_loss
from adshift.pretraining.scenes import damaged, scenes

LAYERS = ("layer2", "layer3")
STRIDE = 8
STOCKED = 12
WARMUP = 50


@dataclass(frozen=True)
class Recipe:
    """How long and on what.

    Attributes:
        steps: batches.
        batch: scenes a batch; each is seen twice.
        size: side of the square views, pixels.
        reuse: steps between two newly drawn batches of scenes; about how often each scene is used.
        rate: learning rate of AdamW.
        decay: its weight decay.
        balance: weight of the identity loss beside the novelty loss.
        average: share that the mean over the steps keeps of itself at each step.
        precision: of the convolutions, float32 or bfloat16, which is faster on processors that have it.
        seed: of the scenes and of the first weights.
    """

    steps: int = 300
    batch: int = 32
    size: int = 96
    reuse: int = 6
    rate: float = 2e-3
    decay: float = 0.02
    balance: float = 0.3
    average: float = 0.98
    precision: str = "bfloat16"
    seed: int = 0


@dataclass(frozen=True)
class Views:
    """A batch: the whole part, the damaged part elsewhere in another light, and what is known of their places."""

    whole: Tensor
    """[B, 3, S, S], normalised."""
    broken: Tensor
    motion: Tensor
    """[B, 2, 3]: from places of ``broken`` to places of ``whole``."""
    faulty_Bhw: Tensor
    """Whether a patch of ``broken`` holds a fault."""
    normal_Bhw: Tensor
    """Whether it lies clear of all of them."""
    content_BChw: Tensor
    """The scene's pixels around each patch of ``broken``."""


class Stock:
    """Scenes with their damaged twins, each used several times, mirrored and turned: drawing them takes the longest."""

    def __init__(self, recipe: Recipe, generator: Generator) -> None:
        self.recipe, self.generator = recipe, generator
        self.kept: list[Tensor] = []
        self.taken = 0

    def take(self) -> tuple[Tensor, Tensor, Tensor]:
        """Scenes [B, 3, S, S], damaged ones, and where they differ [B, 1, S, S]; now and then the oldest are drawn anew."""
        recipe, generator = self.recipe, self.generator
        if self.taken % recipe.reuse == 0:
            scene = scenes(recipe.batch, recipe.size, generator)
            drawn = torch.cat((scene, *damaged(scene, generator)), dim=1)
            self.kept = [*self.kept[1 - STOCKED :], drawn]
        self.taken += 1
        stock = torch.cat(self.kept)
        chosen = stock[torch.randint(len(stock), (recipe.batch,), generator=generator)]
        for turn in range(3):
            changed = chosen.transpose(2, 3) if turn == 2 else chosen.flip(3 - turn)
            chosen = torch.where(chance(recipe.batch, 0.5, generator)[..., None], changed, chosen)
        scene, broken, fault = chosen.split((3, 3, 1), dim=1)
        return scene, broken, fault


def draw_views(stock: Stock) -> Views:
    """Move and photograph a batch of scenes."""
    generator, batch, size = stock.generator, stock.recipe.batch, stock.recipe.size
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    scene, broken, fault = stock.take()
    motion = motions(batch, generator)
    fault = moved(fault, motion)
    share = functional.avg_pool2d(fault, STRIDE)[:, 0]
    near = functional.max_pool2d(fault, 3 * STRIDE, STRIDE, STRIDE)[:, 0]
    coarse = functional.avg_pool2d(moved(scene, motion), STRIDE // 2)
    content = functional.unfold(functional.pad(coarse, (1, 1, 1, 1), mode="reflect"), 4, stride=2)
    return Views(
        (lit(scene, generator) - mean) / std,
        (lit(moved(broken, motion), generator) - mean) / std,
        motion,
        share > 0.08,
        near < 0.02,
        content.view(batch, -1, size // STRIDE, size // STRIDE),
    )


def losses(features: dict[str, Tensor], views: Views, generator: Generator) -> Losses:
    """The objective on the features of whole and broken views, in that order along the batch."""
    embedding = patch_embeddings(features, LAYERS, 3)
    whole_BhwD, broken_BhwD = embedding.chunk(2)
    rows = [t.flatten(1, 2) for t in (broken_BhwD, whole_BhwD, views.normal_Bhw, views.faulty_Bhw)]
    novelty = novelty_loss(*rows)
    aligned = moved(whole_BhwD.permute(0, 3, 1, 2), views.motion).permute(0, 2, 3, 1)
    places = views.normal_Bhw.flatten().nonzero()[:, 0]
    count = min(len(places), 1024)
    chosen = places[torch.randperm(len(places), generator=generator)[:count]]
    content_NC = views.content_BChw.permute(0, 2, 3, 1).flatten(0, 2)[chosen]
    identity = identity_loss(broken_BhwD.flatten(0, 2)[chosen], aligned.flatten(0, 2)[chosen], content_NC)
    return Losses(novelty, identity)


class Average:
    """The running mean of a module's floating-point state over about the last ``1 / (1 - keep)`` steps."""

    def __init__(self, module: nn.Module, keep: float) -> None:
        self.module, self.keep, self.count = module, keep, 0
        self.state = {name: value.clone() for name, value in _floats(module).items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the present state; the first steps count for more, so that the start is soon forgotten."""
        self.count += 1
        weight = max(1 - self.keep, 1 / self.count)
        for name, value in _floats(self.module).items():
            self.state[name].lerp_(value, weight)


def _floats(module: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in module.state_dict().items() if value.is_floating_point()}


def train(recipe: Recipe, told: Callable[[str], None], kept: Callable[[int, dict[str, Tensor]], None]) -> None:
    """Train the small backbone from random weights.

    The rate rises over the first 50 steps and then stays: the mean over the last steps takes the place of a
    decay, so that a run of fewer steps is the beginning of a longer one.

    Args:
        recipe: how.
        told: is given a line every 50 steps.
        kept: is given the step and the averaged state every 50 steps, and at the end.
    """
    generator = Generator().manual_seed(recipe.seed)
    body = resnet(LADDER, len(LADDER.widths), recipe.seed).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(body.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    average, stock = Average(body, recipe.average), Stock(recipe, generator)
    started, seen = time.process_time(), torch.zeros(2)
    for step in range(1, recipe.steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, step / WARMUP)
        loss = _losses_of(body, draw_views(stock), recipe, generator)
        optimiser.zero_grad()
        (loss.novelty + recipe.balance * loss.identity).backward()
        nn.utils.clip_grad_norm_(body.parameters(), 1.0)
        optimiser.step()
        average.update()
        seen += torch.tensor([loss.novelty.item(), loss.identity.item()])
        if step % 50 == 0 or step == recipe.steps:
            novelty, identity = (seen / (step % 50 or 50)).tolist()
            seconds = time.process_time() - started
            told(f"step {step}: novelty {novelty:.4f}, identity {identity:.4f}, {seconds:.0f} s of CPU time")
            kept(step, average.state)
            seen = torch.zeros(2)


def _losses_of(body: nn.ModuleDict, views: Views, recipe: Recipe, generator: Generator) -> Losses:
    x = torch.cat((views.whole, views.broken)).contiguous(memory_format=torch.channels_last)
    features: dict[str, Tensor] = {}
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        for name, module in body.items():
            x = module(x)
            if name in LAYERS:
                features[name] = x.float()
    return losses(features, views, generator)
