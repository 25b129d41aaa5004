"""The project's own small backbone: a narrow ResNet with one basic block a stage."""

from __future__ import annotations

from pathlib import Path

from adshift.features.resnet import Ladder

WEIGHTS = Path(__file__).parent / "pretrained" / "small.safetensors"
"""Made by ``python -m adshift.pretraining``; no photograph and no other network's weights took part."""
LADDER = Ladder((48, 96, 192), (1, 1, 1))
