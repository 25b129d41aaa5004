"""ResNets as torchvision names, draws and computes them.

Written out here because torchvision loads torch's compiler when it is imported, which takes longer than all else that a
prediction does. Its weights files fit; features and random weights are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Ladder:
    """The stages of a ResNet (He et al., CVPR 2016, table 1).

    Attributes:
        widths: of each stage, the channels inside its blocks (of a bottleneck: before ``broader``).
        blocks: in each stage.
        bottleneck: blocks of 1 x 1, 3 x 3, 1 x 1 that end in four times as many channels, instead of two of 3 x 3.
        broader: what a bottleneck's inner channels are multiplied by (Zagoruyko and Komodakis, BMVC 2016).
        classes: of a last layer, which no stage is; its random weights are drawn with theirs.
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    bottleneck: bool = False
    broader: int = 1
    classes: int = 0

    def block(self, channels: int, width: int, stride: int) -> Residual:
        """A block from some channels to those of a stage."""
        if self.bottleneck:
            inside = width * self.broader
            return Residual(channels, ((inside, 1, 1), (inside, 3, stride), (4 * width, 1, 1)))
        return Residual(channels, ((width, 3, stride), (width, 3, 1)))


_WIDTHS = (64, 128, 256, 512)
TORCHVISION = {
    "resnet18": Ladder(_WIDTHS, (2, 2, 2, 2), classes=1000),
    "resnet50": Ladder(_WIDTHS, (3, 4, 6, 3), bottleneck=True, classes=1000),
    "wide_resnet50_2": Ladder(_WIDTHS, (3, 4, 6, 3), bottleneck=True, broader=2, classes=1000),
}


class Residual(nn.Module):
    """Normalised convolutions beside a shortcut, added up; a ReLU after each and after the sum.

    Args:
        channels: of the input.
        convolutions: of each the channels of its output, the side of its kernel and its stride.

    Attributes:
        channels: of the output.
    """

    downsample: nn.Sequential | None

    def __init__(self, channels: int, convolutions: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.depth, self.channels = len(convolutions), convolutions[-1][0]
        self.relu = nn.ReLU(inplace=True)
        before, stride = channels, max(stride for _, _, stride in convolutions)
        for i, (width, side, step) in enumerate(convolutions, 1):
            self.add_module(f"conv{i}", nn.Conv2d(before, width, side, step, side // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(width))
            before = width
        self.downsample = None
        if stride > 1 or channels != self.channels:
            shortcut = nn.Conv2d(channels, self.channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(self.channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C', H / stride, W / stride]."""
        branch = x_BCHW
        for i in range(1, self.depth + 1):
            branch = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(branch))
            if i < self.depth:
                branch = self.relu(branch)
        branch += x_BCHW if self.downsample is None else self.downsample(x_BCHW)
        found: Tensor = self.relu(branch)
        return found


def resnet(ladder: Ladder, stages: int, seed: int | None) -> nn.ModuleDict:
    """Stem and first stages by name, in the order of the forward.

    Args:
        ladder: what it is made of.
        stages: how many are wanted.
        seed: of random weights, which are those of the whole network; None where weights are loaded into it afterwards.
            Torch's own generator stays as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed or 0)  # the CPU's alone: the weights are drawn there
        made = _made(ladder, stages if seed is None else len(ladder.widths))
        for module in made.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    dropped = ("fc", *(f"layer{stage + 1}" for stage in range(stages, len(ladder.widths))))
    return nn.ModuleDict({name: part for name, part in made.items() if name not in dropped})


def _made(ladder: Ladder, stages: int) -> nn.ModuleDict:
    """In the order in which torchvision makes them, and so draws their weights."""
    channels = ladder.widths[0]
    made = nn.ModuleDict(
        {
            "conv1": nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            "bn1": nn.BatchNorm2d(channels),
            "relu": nn.ReLU(inplace=True),
            "maxpool": nn.MaxPool2d(3, 2, 1),
        }
    )
    for stage in range(stages):
        blocks: list[Residual] = []
        for i in range(ladder.blocks[stage]):
            blocks.append(ladder.block(channels, ladder.widths[stage], 2 if stage and not i else 1))
            channels = blocks[-1].channels
        made[f"layer{stage + 1}"] = nn.Sequential(*blocks)
    if ladder.classes and stages == len(ladder.widths):
        made["fc"] = nn.Linear(channels, ladder.classes)
    return made
