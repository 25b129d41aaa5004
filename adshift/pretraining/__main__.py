"""Train the small backbone: ``python -m adshift.pretraining --out FILE [--steps N] [--seed 0] [--every 50]``."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from adshift.pretraining.training import Recipe, train
from adshift.system.terminal import say, tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Train on one thread and write the weights; the same steps and seed on the same machine give the same file."""
    parser = argparse.ArgumentParser(prog="python -m adshift.pretraining", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .safetensors file")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="batches of scenes")
    parser.add_argument("--batch", type=int, default=Recipe.batch, help="scenes a batch")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default=Recipe.precision)
    options = parser.parse_args(arguments)
    for name in ("steps", "batch"):
        if getattr(options, name) < 1:
            tell(f"--{name}={getattr(options, name)} must be at least 1; leave it out for the default")
            return 2
    torch.set_num_threads(1)
    recipe = Recipe(steps=options.steps, batch=options.batch, seed=options.seed, precision=options.precision)

    def kept(step: int, state: dict[str, Tensor]) -> None:
        _save(options.out, state)

    options.out.parent.mkdir(parents=True, exist_ok=True)
    train(recipe, tell, kept)
    say(f"{options.out}: sha256 {hashlib.sha256(options.out.read_bytes()).hexdigest()}")
    return 0


def _save(path: Path, state: dict[str, Tensor]) -> None:
    from safetensors.torch import save

    partial = path.with_suffix(".part")
    partial.write_bytes(save({name: value.contiguous() for name, value in state.items()}))
    partial.rename(path)


if __name__ == "__main__":
    sys.exit(main())
