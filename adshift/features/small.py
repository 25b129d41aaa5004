"""The project's own small backbone: a narrow ResNet with one basic block a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

WEIGHTS = Path(__file__).parent / "pretrained" / "small.safetensors"
"""Made by ``python -m adshift.pretraining``; no photograph and no other network's weights took part."""
WIDTHS = {"layer1": 48, "layer2": 96, "layer3": 192}


def small_resnet(seed: int) -> nn.ModuleDict:
    """Stem and stages by name, in the order of the forward, with random weights; strides and names are a ResNet's."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        first = WIDTHS["layer1"]
        parts: dict[str, nn.Module] = {
            "conv1": nn.Conv2d(3, first, 7, 2, 3, bias=False),
            "bn1": nn.BatchNorm2d(first),
            "relu": nn.ReLU(inplace=True),
            "maxpool": nn.MaxPool2d(3, 2, 1),
        }
        before = first
        for name, width in WIDTHS.items():
            parts[name] = nn.Sequential(_block(before, width))
            before = width
        for part in parts.values():
            for module in part.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return nn.ModuleDict(parts)


def _block(before: int, width: int) -> Any:
    from torchvision.models.resnet import BasicBlock

    if before == width:
        return BasicBlock(before, width)
    shortcut = nn.Sequential(nn.Conv2d(before, width, 1, 2, bias=False), nn.BatchNorm2d(width))
    return BasicBlock(before, width, 2, shortcut)
